package scan

// cornerSample is the number of patterns that decide where the zero frequency is.
const cornerSample = 64

// The zero frequency is at a corner if more than half of the counts are within N/4 of the corners, and four times as
// many as within N/4 of the middle. A pattern without a beam has a quarter at each.
const cornerShare, cornerFactor = 0.5, 4

// ZeroAtCorner reports whether the zero frequency of the patterns appears to be at pixel (0, 0), the layout of a
// discrete Fourier transform, instead of (N/2, N/2).
func (s *Scan) ZeroAtCorner() bool {
	n := s.N
	var total, middle, corner float64
	all := make([]int, s.Len())
	for j := range all {
		all[j] = j
	}
	for _, j := range Thin(all, cornerSample) {
		for i, k := range s.Pattern(j) {
			y, x := i/n, i%n
			total += float64(k)
			switch inner := func(v int) bool { return v >= n/4 && v < n-n/4 }; {
			case inner(y) && inner(x):
				middle += float64(k)
			case !inner(y) && !inner(x):
				corner += float64(k)
			}
		}
	}
	return corner > cornerShare*total && corner > cornerFactor*middle
}
