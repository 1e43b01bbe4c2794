package mat_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/mat"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// The program writes files with SciPy, and a line for each array: file, name, dimensions, SHA-256 of its float64 values, column by column.
const writer = `import hashlib, numpy, scipy.io
rng = numpy.random.default_rng(1)
for k, t in enumerate(["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8", "c16"]):
    for packed in (False, True):
        a = rng.integers(0, 90, (5, 7, 3)).astype(t) * (1 - 0.5j if t[0] == "c" else 1)
        a = a.astype(t)
        one, row = a[:1, :1, 0], a[:1, :, 1]
        name = f"{k}{packed:d}.mat"
        scipy.io.savemat(name, {"a": a, "text": "words", "s": {"one": one, "inner": {"row": row, "empty": numpy.zeros((0, 3))}}, "z": row}, do_compression=packed)
        for key, v in [("a", a), ("s.one", one), ("s.inner.row", row), ("z", row)]:
            v = v.ravel(order="F").astype("c16")
            print(name, key, len(v), hashlib.sha256(numpy.stack([v.real, v.imag], 1).tobytes()).hexdigest())
`

func TestVariables_EqualSciPy(t *testing.T) {
	dir, lines := fixture.Python(t, "scipy.io", writer)
	compared := 0
	for _, fields := range lines {
		f, err := mat.Open(filepath.Join(dir, fields[0]))
		if err != nil {
			t.Fatal(err)
		}
		v := f.Find(fields[1])
		if v == nil || fmt.Sprint(v.Len()) != fields[2] {
			t.Fatalf("%s: array %s is %+v", fields[0], fields[1], v)
		}
		got, err := values(f, v)
		if err != nil {
			t.Fatalf("%s: %v", fields[0], err)
		}
		if sum := sha256.Sum256(got); hex.EncodeToString(sum[:]) != fields[3] {
			t.Errorf("%s: %s has other values", fields[0], fields[1])
		}
		f.Close()
		compared++
	}
	if compared != 96 {
		t.Errorf("%d arrays were compared", compared)
	}
}

// seeds are files that SciPy wrote.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, name := range []string{"fold_slice.mat", "plain.mat"} {
		b, err := os.ReadFile("../acquisition/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

func readAll(content []byte) error {
	f, err := mat.New("f.mat", bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	for _, v := range f.Variables {
		if _, err := values(f, v); err != nil {
			return fmt.Errorf("f.mat: %w", err)
		}
	}
	return nil
}

func TestNew_CutFilesFail(t *testing.T) {
	for _, whole := range seeds(t) {
		if err := readAll(whole); err != nil {
			t.Fatal(err)
		}
		for eighth := range 8 {
			if err := readAll(whole[:len(whole)*eighth/8]); err == nil || !strings.HasPrefix(err.Error(), "f.mat: ") {
				t.Errorf("%d/8: %v", eighth, err)
			}
		}
	}
}

func FuzzNew(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := readAll(content); err != nil && !strings.HasPrefix(err.Error(), "f.mat: ") {
			t.Error(err)
		}
	})
}

// values returns the values as pairs of float64, little-endian.
func values(f *mat.File, v *mat.Variable) ([]byte, error) {
	var parts [2][]float64
	for i, open := range []func(*mat.Variable) (io.ReadCloser, error){f.Real, f.Imag} {
		parts[i] = make([]float64, v.Len())
		if i == 1 && !v.Complex {
			continue
		}
		r, err := open(v)
		if err != nil {
			return nil, err
		}
		raw := make([]byte, v.Len()*int64(v.Size))
		_, err = io.ReadFull(r, raw)
		r.Close()
		if err != nil {
			return nil, err
		}
		for k := range parts[i] {
			parts[i][k] = number(f, v, raw[k*v.Size:])
		}
	}
	var out bytes.Buffer
	for k := range parts[0] {
		if err := binary.Write(&out, binary.LittleEndian, []float64{parts[0][k], parts[1][k]}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// number decodes a value, which is between 0 and 90, or minus half of it.
func number(f *mat.File, v *mat.Variable, b []byte) float64 {
	u := uint64(b[0])
	switch v.Size {
	case 2:
		u = uint64(f.Order.Uint16(b))
	case 4:
		u = uint64(f.Order.Uint32(b))
	case 8:
		u = f.Order.Uint64(b)
	}
	switch {
	case v.Kind == 'f' && v.Size == 4:
		return float64(math.Float32frombits(uint32(u)))
	case v.Kind == 'f':
		return math.Float64frombits(u)
	}
	return float64(int64(u))
}
