package format

import (
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/tensor"
)

func TestReconstruction_RoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reconstruction.npz")
	want := &Reconstruction{Object: []complex64{1, 1i, -2, 0, 3 + 4i, 1}, Height: 2, Width: 3, Coverage: []float32{0, 1, 2, 3, 4, 5},
		Origin: [2]float64{-3.5, 7}, PixelSize: 1e-8}
	image := Image{Object: []complex128{1, 1i, -2, 0, 3 + 4i, 1}, Height: 2, Width: 3, Coverage: []float64{0, 1, 2, 3, 4, 5}, Origin: want.Origin, PixelSize: want.PixelSize}
	if err := WriteReconstruction(path, image, npz.Named{Name: "extra", Tensor: tensor.Must([]float32{1}, 1)}); err != nil {
		t.Fatal(err)
	}
	got, err := ReadReconstruction(path)
	want.HasOrigin, want.Source = true, path
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	z, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	amplitude, shape, err := z.Float32("amplitude")
	if err != nil || !slices.Equal(shape, []int{2, 3}) || !slices.Equal(amplitude, []float32{1, 1, 2, 0, 5, 1}) {
		t.Errorf("amplitude %v %v %v", amplitude, shape, err)
	}
	phase, _, err := z.Float32("phase")
	if err != nil || phase[1] != float32(math.Pi/2) || phase[2] != float32(math.Pi) || phase[3] != 0 {
		t.Errorf("phase %v %v", phase, err)
	}
	if !z.has("extra") {
		t.Error("the extra array is lost")
	}
}

func TestReadReconstruction_References(t *testing.T) {
	for _, name := range []string{"object", "objectGuess"} {
		path := file(t, "r.npz", archive(t, true, raw(name, []complex128{1, 2, 3, 4}, 2, 2)))
		r, err := ReadReconstruction(path)
		if err != nil || r.Height != 2 || r.Object[3] != 4 || r.HasOrigin || r.Coverage != nil {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func TestReadReconstruction_Rejects(t *testing.T) {
	object := raw("object", make([]complex64, 4), 2, 2)
	for _, c := range []struct {
		name   string
		arrays []rawArray
		want   string
	}{
		{"no object", []rawArray{raw("amplitude", []float32{1}, 1, 1)}, "has neither object nor objectGuess"},
		{"shape", []rawArray{raw("object", make([]complex64, 4), 4)}, "want [rows, columns]"},
		{"empty", []rawArray{raw("object", make([]complex64, 0), 0, 4)}, "want [rows, columns]"},
		{"NaN", []rawArray{raw("object", []complex64{1, complex(0, float32(nan))}, 1, 2)}, "pixel (0, 1)"},
		{"coverage shape", []rawArray{object, raw("coverage", make([]float32, 2), 1, 2)}, "coverage has shape [1, 2]"},
		{"negative coverage", []rawArray{object, raw("coverage", []float32{0, 0, -1, 0}, 2, 2)}, "coverage is -1 at pixel (1, 0)"},
		{"origin", []rawArray{object, raw("origin", []float64{1}, 1)}, "two finite numbers"},
		{"origin NaN", []rawArray{object, raw("origin", []float64{1, nan}, 2)}, "two finite numbers"},
		{"pixel size", []rawArray{object, raw("pixel_size_m", []float64{-1})}, "pixel_size_m is [-1]"},
	} {
		path := file(t, "r.npz", archive(t, false, c.arrays...))
		_, err := ReadReconstruction(path)
		wantError(t, c.name, err, path, c.want)
	}
	for _, r := range []Image{{}, {Object: make([]complex128, 3), Height: 2, Width: 2},
		{Object: make([]complex128, 4), Height: 2, Width: 2, Coverage: make([]float64, 3)}} {
		wantError(t, "write", WriteReconstruction("x.npz", r), "x.npz", "cannot be written")
	}
}
