package fft

// The vector kernels, for blocks of 8 lanes (AVX2) and of 16 (AVX-512), written by generate. re and im point at the
// parts in the first row of a block; strides are in bytes.
//
// firstRxL and combineRxL run one stage of radix R in place, the first without twiddles. gatherL fills n rows of a
// block; kind is that of source. turnL transposes L rows of x, lane c to row to[c] of y. scatterL transposes L rows of
// a block into L rows of an image; scatterFullL also sums (flag 1), multiplies (2), stores (4) and adds (8).

//go:noescape
func first2x8(re, im *float32, groups int)

//go:noescape
func combine2x8(re, im, w *float32, span, groups int)

//go:noescape
func first3x8(re, im *float32, groups int)

//go:noescape
func combine3x8(re, im, w *float32, span, groups int)

//go:noescape
func first4x8(re, im *float32, groups int)

//go:noescape
func combine4x8(re, im, w *float32, span, groups int)

//go:noescape
func first5x8(re, im *float32, groups int)

//go:noescape
func combine5x8(re, im, w *float32, span, groups int)

//go:noescape
func gather8(re, im *float32, n int, rows *int32, image *float32, stride int, by *float32, byStride, kind int)

//go:noescape
func turn8(y, x *float32, to *int32)

//go:noescape
func scatter8(image *float32, stride int, re, im *float32, scale float32)

//go:noescape
func scatterFull8(image *float32, stride int, re, im *float32, scale float32, flags int, by *float32, byStride int, sum *float32, sumStride int)

//go:noescape
func first2x16(re, im *float32, groups int)

//go:noescape
func combine2x16(re, im, w *float32, span, groups int)

//go:noescape
func first3x16(re, im *float32, groups int)

//go:noescape
func combine3x16(re, im, w *float32, span, groups int)

//go:noescape
func first4x16(re, im *float32, groups int)

//go:noescape
func combine4x16(re, im, w *float32, span, groups int)

//go:noescape
func first5x16(re, im *float32, groups int)

//go:noescape
func combine5x16(re, im, w *float32, span, groups int)

//go:noescape
func first8x16(re, im *float32, groups int)

//go:noescape
func combine8x16(re, im, w *float32, span, groups int)

//go:noescape
func gather16(re, im *float32, n int, rows *int32, image *float32, stride int, by *float32, byStride, kind int)

//go:noescape
func turn16(y, x *float32, to *int32)

//go:noescape
func scatter16(image *float32, stride int, re, im *float32, scale float32)

//go:noescape
func scatterFull16(image *float32, stride int, re, im *float32, scale float32, flags int, by *float32, byStride int, sum *float32, sumStride int)
