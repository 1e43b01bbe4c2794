package acquisition

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/cmplx"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/tiff"
)

// The two files of an image as TIFF, as parts of their names.
const amplitudeName, phaseName = "amplitude", "phase"

// tiffObject reads an image from a TIFF file of its amplitude, with that of its phase in rad beside it: …amplitude.tif and …phase.tif.
func tiffObject(name string) (*Object, error) {
	base := filepath.Base(name)
	at := strings.LastIndex(base, amplitudeName)
	if at < 0 {
		return nil, fmt.Errorf("give the file of the amplitude, called …%s.tif; the phase in rad is read from …%s.tif beside it", amplitudeName, phaseName)
	}
	o := &Object{}
	amplitude, err := o.plane(name)
	if err != nil {
		return nil, err
	}
	beside := filepath.Join(filepath.Dir(name), base[:at]+phaseName+base[at+len(amplitudeName):])
	phase, err := o.plane(beside)
	if err != nil {
		return nil, err
	}
	o.Values = make([]complex64, len(amplitude))
	for i, a := range amplitude {
		if o.Values[i] = complex64(cmplx.Rect(a, phase[i])); !finite(a) || !finite(phase[i]) {
			return nil, fmt.Errorf("the amplitude is %v and the phase %v at pixel (%d, %d) (row, column)", a, phase[i], i/o.Width, i%o.Width)
		}
	}
	return o, o.placeTIFF(name)
}

// plane reads the one page of a TIFF file. Planes after the first must have its size.
func (o *Object) plane(name string) ([]float64, error) {
	c, err := openTIFF(name)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	d, err := c.find("")
	if err != nil {
		return nil, err
	}
	shape := d.Shape()
	if len(shape) != 3 || shape[0] != 1 || shape[1]*shape[2] > maxPixels {
		return nil, fmt.Errorf("%s has the shape %d, and one image is expected", name, shape)
	}
	if h, w := int(shape[1]), int(shape[2]); o.Height == 0 {
		o.Height, o.Width = h, w
	} else if h != o.Height || w != o.Width {
		return nil, fmt.Errorf("%s has %d×%d pixels, and the amplitude %d×%d", name, h, w, o.Height, o.Width)
	}
	values := make([]float64, shape[1]*shape[2])
	return values, readAll(d, values)
}

// placeTIFF takes the origin from a description as ImageJ writes it: the pixel at which its coordinates are 0.
func (o *Object) placeTIFF(name string) error {
	f, err := tiff.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := f.Description()
	if err != nil || !strings.HasPrefix(text, "ImageJ=") {
		return err
	}
	found := 0
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		axis := map[string]int{"yorigin": 0, "xorigin": 1}
		if k, ok := axis[key]; ok {
			if v, err := strconv.ParseFloat(value, 64); err == nil && finite(v) {
				o.Origin[k] = -v
				found++
			}
		}
	}
	o.Placed = found == len(o.Origin)
	return nil
}

// cxiObject reads the image of a CXI file, the first that is a transmission, with its coordinates x and y in m.
func cxiObject(f *hdf5.File) (*Object, error) {
	const most = 9
	for i := 1; i <= most; i++ {
		group := fmt.Sprintf("/entry_1/image_%d", i)
		kind, err := f.Dataset(group + "/data_type")
		if err != nil || kind.Len() != 1 {
			continue
		}
		if text, err := kind.Strings(); err != nil || text[0] != "transmission" {
			continue
		}
		d, err := f.Dataset(group + "/data")
		if err != nil {
			return nil, err
		}
		o := &Object{}
		if err := o.values(d); err != nil {
			return nil, err
		}
		return o, o.placeCXI(f, group)
	}
	return nil, fmt.Errorf("a CXI file without an image: none of /entry_1/image_1 to image_%d has the data_type transmission", most)
}

// cxiPositions is the path of the positions of a CXI file.
const cxiPositions = "/entry_1/data_1/translation"

// placeCXI takes the pixel and the origin from the coordinates of rows and columns and from the positions, if the file has all of them.
func (o *Object) placeCXI(f *hdf5.File, group string) error {
	for _, path := range []string{group + "/y", group + "/x", cxiPositions} {
		if _, err := f.Dataset(path); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	zero, err := cxiZero(f)
	if err != nil {
		return err
	}
	for k, axis := range []string{"y", "x"} {
		d, err := f.Dataset(group + "/" + axis)
		if err != nil {
			return err
		}
		n := []int{o.Height, o.Width}[k]
		if d.Len() != uint64(n) || n < 2 {
			return fmt.Errorf("%s has the shape %d, and the image %d×%d pixels", d.Path(), d.Shape(), o.Height, o.Width)
		}
		at, err := hdf5.ReadAll[float64](d)
		if err != nil {
			return err
		}
		o.PixelSize = (at[n-1] - at[0]) / float64(n-1)
		if o.Origin[k] = (at[0] - zero[k]) / o.PixelSize; !(o.PixelSize > 0) || !finite(o.PixelSize) || !finite(o.Origin[k]) {
			return fmt.Errorf("%s goes from %v m to %v m, and must be finite and ascend", d.Path(), at[0], at[n-1])
		}
	}
	o.Placed = true
	return nil
}

// cxiZero returns the position (y, x) in m that is 0 in object pixels: that of the attribute of ptycho, or the smallest.
func cxiZero(f *hdf5.File) ([2]float64, error) {
	var zero [2]float64
	d, err := f.Dataset(cxiPositions)
	if err != nil {
		return zero, err
	}
	a := &Acquisition{file: f}
	if err := a.originOf(d); err != nil {
		return zero, err
	}
	if a.zero != nil {
		return *a.zero, nil
	}
	if err := a.columns(d, 1, 0, 1); err != nil {
		return zero, err
	}
	for k, v := range [][]float64{a.Y, a.X} {
		zero[k] = math.Inf(1)
		for _, p := range v {
			zero[k] = min(zero[k], p)
		}
	}
	return zero, nil
}
