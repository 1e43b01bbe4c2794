package acquisition

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/internal/words"
)

// Names of Ptychodus' files in a batch folder.
var (
	diffractionName = "diffraction.h5"
	productNames    = []string{"product-in.h5", "product.h5", "product-out.h5"}
)

// readPtychodus reads the assembled patterns of Ptychodus, and its product file, which has the positions, if it lies beside.
func readPtychodus(a *Acquisition) error {
	d, err := a.file.Dataset("/patterns")
	if err != nil {
		return err
	}
	if err := a.stack(d); err != nil {
		return err
	}
	for name, to := range map[string]*float64{"detector_pixel_height_m": &a.PixelHeight, "detector_pixel_width_m": &a.PixelWidth} {
		if *to, _, err = attribute(d, name); err != nil {
			return err
		}
	}
	if err := a.badPixels("/bad_pixels"); err != nil {
		return err
	}
	indexes, err := a.indexes("/indexes")
	if err != nil {
		return err
	}
	a.absent = "they are in the product file, which is looked for beside it as product-in.h5, product.h5 or product-out.h5 (its paths are /probe_position_y_m and /probe_position_x_m, in m)"
	own := strings.TrimSuffix(filepath.Base(a.file.Name()), filepath.Ext(a.file.Name())) + ".product.h5" // as ptycho convert writes it
	product, err := a.beside(append([]string{own}, productNames...)...)
	if err != nil || product == nil {
		return err
	}
	if err := sameConversion(a.file, product); err != nil {
		return err
	}
	a.Notes = append(a.Notes, fmt.Sprintf("positions, probe and geometry are those of %s", product.Name()))
	return a.productFile(product, indexes)
}

// beside opens the first of several files that lies in the folder of the scan; nil if none does.
func (a *Acquisition) beside(names ...string) (*hdf5.File, error) {
	for _, name := range names {
		path := filepath.Join(filepath.Dir(a.file.Name()), name)
		if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
			continue
		}
		f, err := hdf5.Open(path)
		if err == nil {
			a.open = append(a.open, f)
		}
		return f, err
	}
	return nil, nil
}

// indexes reads the numbers of the patterns, by which positions are found.
func (a *Acquisition) indexes(path string) ([]int64, error) {
	d, err := a.file.Dataset(path)
	if err != nil {
		return nil, err
	}
	if d.Len() != uint64(a.Patterns) {
		return nil, fmt.Errorf("%s has the shape %d, and there are %d patterns", path, d.Shape(), a.Patterns)
	}
	return hdf5.ReadAll[int64](d)
}

// productFile reads positions, probe and geometry of a product file. Patterns without a position are left out.
func (a *Acquisition) productFile(f *hdf5.File, indexes []int64) error {
	root, err := f.Group("/")
	if err != nil {
		return err
	}
	if far, ok, err := attribute(root, "far_field"); err != nil {
		return err
	} else if ok && far == 0 {
		a.nearField = fmt.Sprintf("its product file %s says far_field = false", f.Name())
	}
	for _, name := range []string{"photon_energy_eV", "probe_energy_eV"} {
		if e, ok, err := attribute(root, name); err != nil {
			return err
		} else if ok && e > 0 {
			a.Wavelength = physics.PhotonWavelength(e * electron)
			break
		}
	}
	if a.Distance, _, err = attribute(root, "detector_object_distance_m"); err != nil {
		return err
	}
	if err := a.originOf(root); err != nil {
		return err
	}
	at, err := productPositions(f)
	if err != nil {
		return err
	}
	var kept []int
	for k, i := range indexes {
		if p, ok := at[i]; ok {
			kept = append(kept, k)
			a.Y, a.X = append(a.Y, p[0]), append(a.X, p[1])
		}
	}
	if len(kept) < a.Patterns {
		a.Notes = append(a.Notes, fmt.Sprintf("%s without a position in %s left out; the others are counted from 0", words.Of(a.Patterns-len(kept), "pattern")+" of "+strconv.Itoa(a.Patterns), f.Name()+" "+words.Verb(a.Patterns-len(kept), "is", "are")))
		a.keep(kept)
	}
	d, err := f.Dataset("/probe")
	if err != nil {
		return nil // a product may have none
	}
	return a.readProbe(d)
}

// productPositions returns the (y, x) in m of each pattern's number.
func productPositions(f *hdf5.File) (map[int64][2]float64, error) {
	var columns [3][]float64
	for i, path := range []string{"/probe_position_indexes", "/probe_position_y_m", "/probe_position_x_m"} {
		d, err := f.Dataset(path)
		if err != nil {
			return nil, err
		}
		if d.Len() > maxPositions {
			return nil, fmt.Errorf("%s: %s has the shape %d, too many for positions", f.Name(), path, d.Shape())
		}
		if columns[i], err = hdf5.ReadAll[float64](d); err != nil {
			return nil, err
		}
		if len(columns[i]) != len(columns[0]) {
			return nil, fmt.Errorf("%s: %s has %d values, but there are %d indexes", f.Name(), path, len(columns[i]), len(columns[0]))
		}
	}
	at := make(map[int64][2]float64, len(columns[0]))
	for i, index := range columns[0] {
		at[int64(index)] = [2]float64{columns[1][i], columns[2][i]}
	}
	return at, nil
}
