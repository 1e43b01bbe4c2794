package conv

import "golang.org/x/sys/cpu"

func available() []Path {
	p := []Path{Portable}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		p = append(p, AVX2)
	}
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ {
		p = append(p, AVX512)
	}
	return p
}

//go:noescape
func tile8x48(n int, off *int64, w, x, out *float32, stride int)

//go:noescape
func tile2x96(n int, off *int64, w, x, out *float32, stride int)

//go:noescape
func tile4x24(n int, off *int64, w, x, out *float32, stride int)

//go:noescape
func dot3x9(n int, off *int64, y0, y1, y2, x, out *float32)

//go:noescape
func dot1x9(n int, off *int64, y, x, out *float32)
