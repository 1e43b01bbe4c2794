package prepare

// Middle copies the middle m×m pixels of a frame src [n, n] to dst [m, m]. n and m are even, so that the zero frequency stays at
// half the side. dst may be src.
func Middle[T any](dst, src []T, n, m int) {
	at := (n - m) / 2
	for r := range m {
		copy(dst[r*m:(r+1)*m], src[(at+r)*n+at:][:m])
	}
}
