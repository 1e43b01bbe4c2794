package format

import (
	"fmt"
	"io"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writeImage writes an image in a form for other programs, and returns the name by which it is read.
func writeImage(t *testing.T, dir, form string, p *Product) string {
	t.Helper()
	polar := func(of func(complex128) float64) []float32 {
		var out []float32
		for _, v := range p.Object {
			out = append(out, float32(of(complex128(v))))
		}
		return out
	}
	files := map[string]func(f *os.File) error{
		"product.h5":         func(f *os.File) error { return WriteProduct(f, p) },
		"reconstruction.cxi": func(f *os.File) error { return WriteCXI(f, p) },
		"amplitude.tif":      tiffOf(polar(cmplx.Abs), p),
		"phase.tif":          tiffOf(polar(cmplx.Phase), p),
	}
	names := []string{form}
	if form == "amplitude.tif" {
		names = append(names, "phase.tif")
	}
	for _, name := range names {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := files[name](f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, form)
}

func tiffOf(values []float32, p *Product) func(f *os.File) error {
	return func(f *os.File) error {
		return WriteTIFF(io.Writer(f), values, p.Height, p.Width, p.PixelSize, p.Origin, "0.1.0")
	}
}

// imageForms are the forms of images for other programs.
var imageForms = []string{"product.h5", "reconstruction.cxi", "amplitude.tif"}

// TestReadReconstruction_ReadsOwnExports reads what is written for other programs: the same pixels at the same place.
func TestReadReconstruction_ReadsOwnExports(t *testing.T) {
	p := example() // not square, its smallest position along x is 12
	for _, form := range imageForms {
		r, err := ReadReconstruction(writeImage(t, t.TempDir(), form, p))
		if err != nil {
			t.Error(err)
			continue
		}
		if r.Height != p.Height || r.Width != p.Width || !r.HasOrigin || math.Abs(r.Origin[0]-p.Origin[0]) > 1e-9 || math.Abs(r.Origin[1]-p.Origin[1]) > 1e-9 {
			t.Errorf("%s: %d×%d at %v (%v), want %d×%d at %v", form, r.Height, r.Width, r.Origin, r.HasOrigin, p.Height, p.Width, p.Origin)
			continue
		}
		if form != "amplitude.tif" && math.Abs(r.PixelSize/p.PixelSize-1) > 1e-9 {
			t.Errorf("%s: pixels of %v m, want %v", form, r.PixelSize, p.PixelSize)
		}
		for i, v := range r.Object {
			if cmplx.Abs(complex128(v-p.Object[i])) > 1e-5*(1+cmplx.Abs(complex128(p.Object[i]))) {
				t.Errorf("%s: pixel %d is %v, want %v", form, i, v, p.Object[i])
				break
			}
		}
	}
}

// TestReadReconstruction_NamesFaultyPictures: a TIFF file without its other half, and files of another size or with NaN, are errors that
// name the file.
func TestReadReconstruction_NamesFaultyPictures(t *testing.T) {
	p := example()
	small := *p
	small.Height, small.Object = 4, p.Object[:4*7]
	holed := *p
	holed.Object = slices.Clone(p.Object)
	holed.Object[9] = complex(float32(math.NaN()), 0)
	phaseOf := func(amplitude string) string { return filepath.Join(filepath.Dir(amplitude), "phase.tif") }
	renamed := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	whole := func(form string, p *Product) string { return writeImage(t, t.TempDir(), form, p) }
	alone, halved, mixed := whole("amplitude.tif", p), whole("amplitude.tif", p), whole("amplitude.tif", p)
	renamed(phaseOf(halved), halved+".other")
	renamed(phaseOf(whole("amplitude.tif", &small)), phaseOf(mixed))
	for name, c := range map[string]struct{ path, want string }{
		"phase":        {phaseOf(alone), "give the file of the amplitude"},
		"no phase":     {halved, "phase.tif"},
		"another size": {mixed, "4×7"},
		"NaN in TIFF":  {whole("amplitude.tif", &holed), "pixel (1, 2)"},
		"NaN in CXI":   {whole("reconstruction.cxi", &holed), "pixel (1, 2)"},
	} {
		path := c.path
		if _, err := ReadReconstruction(path); err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v, want %q and the file's name once", name, err, c.want)
		}
	}
}

// TestReadReconstruction_SurvivesDamage: a damaged file is an image or an error that names the file.
func TestReadReconstruction_SurvivesDamage(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	r := rand.New(rand.NewPCG(3, 9))
	for _, form := range imageForms {
		path := writeImage(t, t.TempDir(), form, example())
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rounds {
			damaged := slices.Clone(b[:len(b)-i%2*r.IntN(len(b))])
			for range 1 + r.IntN(8) {
				if len(damaged) > 0 {
					damaged[r.IntN(len(damaged))] = byte(r.IntN(256))
				}
			}
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadReconstruction(path); err != nil && !strings.HasPrefix(fmt.Sprint(err), path) {
				t.Errorf("%v", err)
			}
		}
	}
}
