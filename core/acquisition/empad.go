package acquisition

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/ptychogo/ptycho/internal/disk"
)

// A frame of the EMPAD, an electron detector: 128×128 float32, little-endian, and two rows of other data.
const (
	empadSide  = 128
	empadFrame = 4 * empadSide * empadSide
	empadGap   = 2 * 4 * empadSide
	empadMost  = 1e9 // above every reading
)

// isEMPAD reports whether a file can be frames of the EMPAD: its size fits, and the first frame has readings.
func isEMPAD(r io.ReaderAt, size int64) bool {
	if size == 0 || size%(empadFrame+empadGap) != 0 {
		return false
	}
	frame := make([]byte, empadFrame)
	if n, _ := r.ReadAt(frame, 0); n < len(frame) {
		return false
	}
	signal := false
	for i := 0; i < len(frame); i += 4 {
		v := math.Abs(float64(math.Float32frombits(binary.LittleEndian.Uint32(frame[i:]))))
		if !(v < empadMost) || v != 0 && v < 1/empadMost {
			return false
		}
		signal = signal || v != 0
	}
	return signal
}

// An empadFile is frames of the EMPAD as container.
type empadFile struct {
	io.Closer
	path string
	a    rawArray
}

func openEMPAD(path string) (container, error) {
	f, st, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	return newEMPAD(path, f, st), nil
}

func newEMPAD(path string, f *os.File, st os.FileInfo) *empadFile {
	frames := st.Size() / (empadFrame + empadGap)
	a := rawArray{file: path, name: "the frames", shape: []uint64{uint64(frames), empadSide, empadSide}, as: stored{'f', 4, binary.LittleEndian}, r: f, gap: empadGap}
	return &empadFile{f, path, a}
}

func (f *empadFile) kind() string { return "EMPAD" }
func (f *empadFile) contents() string {
	return fmt.Sprintf("%d frames of %d×%d pixels, float32", f.a.shape[0], empadSide, empadSide)
}
func (f *empadFile) find(name string) (Array, error) { return onlyArray(f.path, clipped{f.a}, name) }

// clipped is an array of floats whose negative values, noise around the dark level, are read as 0. A negative value of a counting
// detector marks a bad pixel instead.
type clipped struct{ Array }

func (c clipped) Read(ctx context.Context, dst any, start, count []uint64) error {
	if err := c.Array.Read(ctx, dst, start, count); err != nil {
		return err
	}
	switch v := dst.(type) {
	case []float32:
		clip(v)
	case []float64:
		clip(v)
	}
	return nil
}

func clip[T float32 | float64](v []T) {
	for i := range v {
		if v[i] < 0 { // not NaN, which is an error
			v[i] = 0
		}
	}
}
