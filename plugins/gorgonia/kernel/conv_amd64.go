package kernel

// The tiles compute rows×cols outputs, out[j][p] = bias[j] + Σ_i w[i][j]·x[off[i]+p] for i < n. off is in bytes, the rows
// of out are stride floats apart, and negative results become 0 with relu = 1.
//
//go:noescape
func tile8x48(n int, off *int64, w, x, out *float32, stride int, bias *float32, relu int)

//go:noescape
func tile2x96(n int, off *int64, w, x, out *float32, stride int, bias *float32, relu int)

//go:noescape
func tile4x24(n int, off *int64, w, x, out *float32, stride int, bias *float32, relu int)

// dot3x9 writes Σ_p y_j[p]·x[off[t]+p] to out[9·j+t] for three rows j and nine offsets t, over n vectors of 16.
//
//go:noescape
func dot3x9(n int, off *int64, y0, y1, y2, x, out *float32)

// dot1x9 is dot3x9 for one row and n vectors of 8.
//
//go:noescape
func dot1x9(n int, off *int64, y, x, out *float32)

// masked8 copies n vectors of 8, with 0 where mask is not above 0.
//
//go:noescape
func masked8(n int, dst, src, mask *float32)
