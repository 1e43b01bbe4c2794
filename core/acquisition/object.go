package acquisition

import (
	"fmt"
	"math"
	"math/cmplx"
	"path"

	"github.com/ptychogo/ptycho/core/hdf5"
)

// An Object is the image in another program's result.
type Object struct {
	Values        []complex64 // [Height, Width], of several layers their product
	Height, Width int
	Origin        [2]float64 // (row, column), as of format.Reconstruction; the smallest position is 0, or that of OriginAttribute
	Placed        bool       // the file says the origin
	PixelSize     float64    // m; 0 if unknown
}

// ReadObject reads the image of a product of Ptychodus, of a CXI file, of ptypy's result (.ptyr), or of two TIFF files.
func ReadObject(name string) (*Object, error) {
	if Kind(name) == "TIFF" {
		o, err := tiffObject(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return o, nil
	}
	f, err := hdf5.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	o, err := readObject(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return o, nil
}

func readObject(f *hdf5.File) (*Object, error) {
	if d, err := f.Dataset("/probe_position_x_m"); err == nil && d != nil {
		return productObject(f)
	}
	if g, err := f.Group("/content/obj"); err == nil {
		return ptyrObject(f, g)
	}
	if _, err := f.Group("/entry_1/image_1"); err == nil {
		return cxiObject(f)
	}
	return nil, fmt.Errorf("an HDF5 file without an image that is read: a product of Ptychodus has /object and /probe_position_x_m, a CXI file /entry_1/image_1, a result of ptypy /content/obj")
}

// maxLayers bounds the layers of an image.
const maxLayers = 1024

// values reads an image [H, W] or layers [layers, H, W].
func (o *Object) values(d *hdf5.Dataset) error {
	shape := d.Shape()
	if len(shape) == 2 {
		shape = append([]uint64{1}, shape...)
	}
	if len(shape) != 3 || shape[0] == 0 || shape[1] == 0 || shape[2] == 0 || shape[0] > maxLayers || shape[1] > maxPixels || shape[2] > maxPixels || shape[1]*shape[2] > maxPixels {
		return fmt.Errorf("%s has the shape %d, and an image needs [rows, columns] or [layers, rows, columns], at most %d layers of %d pixels", d.Path(), d.Shape(), maxLayers, maxPixels)
	}
	o.Height, o.Width = int(shape[1]), int(shape[2])
	o.Values = make([]complex64, shape[1]*shape[2])
	layer := make([]complex128, len(o.Values))
	for l := range shape[0] {
		start, count := make([]uint64, len(d.Shape())), d.Shape()
		if len(count) == 3 {
			start[0], count[0] = l, 1
		}
		if err := hdf5.ReadComplex(d, layer, start, count); err != nil {
			return err
		}
		for i, v := range layer {
			if l > 0 {
				v *= complex128(o.Values[i])
			}
			if cmplx.IsNaN(v) || cmplx.IsInf(v) {
				return fmt.Errorf("%s is %v at pixel (%d, %d) (row, column)", d.Path(), v, i/o.Width, i%o.Width)
			}
			o.Values[i] = complex64(v)
		}
	}
	return nil
}

func productObject(f *hdf5.File) (*Object, error) {
	d, err := f.Dataset("/object")
	if err != nil {
		return nil, err
	}
	o := &Object{Placed: true}
	if err := o.values(d); err != nil {
		return nil, err
	}
	at, err := productPositions(f)
	if err != nil {
		return nil, err
	}
	smallest := [2]float64{math.Inf(1), math.Inf(1)}
	for _, p := range at {
		smallest[0], smallest[1] = min(smallest[0], p[0]), min(smallest[1], p[1])
	}
	root, err := f.Group("/")
	if err != nil {
		return nil, err
	}
	a := &Acquisition{}
	if err := a.originOf(root); err != nil {
		return nil, err
	}
	if a.zero != nil {
		smallest = *a.zero
	}
	for k, names := range [2][2]string{{"center_y_m", "pixel_height_m"}, {"center_x_m", "pixel_width_m"}} {
		centre, _, err := attribute(d, names[0])
		if err != nil {
			return nil, err
		}
		pixel, ok, err := attribute(d, names[1])
		if err != nil {
			return nil, err
		}
		if !ok || !(pixel > 0) || !finite(pixel) || !finite(centre) || !finite(smallest[k]) {
			return nil, fmt.Errorf("/object has its centre at %v m (%s), pixels of %v m (%s), and the smallest position is %v m; all must be finite", centre, names[0], pixel, names[1], smallest[k])
		}
		o.Origin[k], o.PixelSize = (centre-smallest[k])/pixel-float64([2]int{o.Height, o.Width}[k])/2, pixel
	}
	return o, nil
}

// ptyrObject reads the first object. ptypy's objects begin half a probe before the smallest position.
func ptyrObject(f *hdf5.File, g *hdf5.Group) (*Object, error) {
	links, err := g.Links()
	if err != nil {
		return nil, err
	}
	if len(links) == 0 {
		return nil, fmt.Errorf("/content/obj is empty")
	}
	id := links[0].Name
	d, err := f.Dataset(path.Join("/content/obj", id, "data"))
	if err != nil {
		return nil, err
	}
	o := &Object{Placed: true}
	if err := o.values(d); err != nil {
		return nil, err
	}
	a := &Acquisition{file: f}
	if o.PixelSize, _, err = a.firstValue(path.Join("/content/obj", id, "_psize")); err != nil {
		return nil, err
	}
	if !(o.PixelSize > 0) || !finite(o.PixelSize) {
		o.PixelSize = 0
	}
	probes, err := f.Group("/content/probe")
	if err != nil {
		return nil, err
	}
	if links, err = probes.Links(); err != nil {
		return nil, err
	}
	if len(links) == 0 {
		return nil, fmt.Errorf("/content/probe is empty")
	}
	probe, err := f.Dataset(path.Join("/content/probe", links[0].Name, "data"))
	if err != nil {
		return nil, err
	}
	shape := probe.Shape()
	if len(shape) < 2 || shape[len(shape)-1] > MaxSide || shape[len(shape)-2] > MaxSide {
		return nil, fmt.Errorf("%s has the shape %d, and a probe needs [modes, rows, columns]", probe.Path(), shape)
	}
	o.Origin = [2]float64{-float64(shape[len(shape)-2] / 2), -float64(shape[len(shape)-1] / 2)}
	return o, nil
}
