package scan

// cornerSample is how many patterns tell where the zero frequency is.
const cornerSample = 64

// A pattern has its zero frequency at a corner when more than half of its counts lie within N/4 of the corners, and four times
// as many as within N/4 of the middle; a pattern without a beam has a quarter at each.
const cornerShare, cornerFactor = 0.5, 4

// ZeroAtCorner says whether the patterns look as if their zero frequency were at pixel (0, 0), as a discrete Fourier
// transform leaves it, and not at (N/2, N/2).
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
