// Package bundle reads and writes the saved model: a manifest that describes the network and its training, and an archive
// with its arrays. Both are plain data; nothing in them is executed.
//
//	manifest.json   settings, geometry, gauge of the probe, digest of every array
//	weights.npz     weights/<parameter>, buffers/<constant>, probe [modes, N, N]
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/disk"
)

// The files of a bundle.
const (
	ManifestFile = "manifest.json"
	WeightsFile  = "weights.npz"
)

// formatName and formatVersion identify every manifest.
const (
	formatName    = "ptycho-model"
	formatVersion = 1
)

// Manifest describes a model.
type Manifest struct {
	Format      string            `json:"format"`
	Version     int               `json:"version"`
	CreatedBy   string            `json:"created_by"` // program and version
	Arch        string            `json:"arch"`
	N           int               `json:"n"`            // side of a pattern, pixels
	Gridsize    int               `json:"gridsize"`     // a group has gridsize² patterns
	Settings    json.RawMessage   `json:"settings"`     // the arch.Config that rebuilds the program
	Modes       int               `json:"modes"`        // of the probe
	ProbeFactor float64           `json:"probe_factor"` // factor applied to the scan's probe
	MeanCounts  float64           `json:"mean_counts"`  // mean photons per training pattern
	Background  float64           `json:"background"`   // counts per pixel
	Epochs      int               `json:"epochs"`       // trained
	Steps       int               `json:"steps"`
	Seed        int64             `json:"seed"`
	Backend     string            `json:"backend"`
	Data        string            `json:"data"`                  // fingerprint of the training scan
	DataFormat  string            `json:"data_format,omitempty"` // of its file, such as npz or CXI
	Scan        map[string]string `json:"scan,omitempty"`        // settings with which it was read, by name
	Calibration *Calibration      `json:"calibration,omitempty"` // what was fitted before the training; nil: nothing
	FirstPass   string            `json:"first_pass,omitempty"`  // Digest of the model whose image the network corrects
	SHA256      map[string]string `json:"sha256"`                // of each array's bytes
}

// Calibration says what was fitted to the training scan before the training, by iterations without the network: the origin of the
// model's probe.
type Calibration struct {
	Fit            []string  `json:"fit"`
	Chosen         bool      `json:"chosen"` // by held-out patterns
	Iterations     int       `json:"iterations"`
	Residual       float64   `json:"R"`                              // of the iterations
	ProbeMisfit    float64   `json:"probe_misfit,omitempty"`         // of the fitted probe and that of the file
	ProbeGauge     string    `json:"probe_gauge,omitempty"`          // rule that fixed the phase ramp
	ModeShares     []float64 `json:"mode_shares,omitempty"`          // of the probe's power
	LargestMove    float64   `json:"largest_move_px,omitempty"`      // of a position
	Factors        []float64 `json:"factors,omitempty"`              // least and largest of a frame
	MeanBackground float64   `json:"background_per_pixel,omitempty"` // counts
}

// Model is a bundle in memory.
type Model struct {
	Manifest
	Weights map[string]tensor.Tensor
	Buffers map[string]tensor.Tensor
	Probe   []complex64 // [Modes, N, N], in the gauge of the forward model
}

func (m *Model) arrays() []npz.Named {
	var out []npz.Named
	for _, part := range []struct {
		prefix string
		arrays map[string]tensor.Tensor
	}{{"weights/", m.Weights}, {"buffers/", m.Buffers}} {
		for _, name := range slices.Sorted(maps.Keys(part.arrays)) {
			out = append(out, npz.Named{Name: part.prefix + name, Tensor: part.arrays[name]})
		}
	}
	return append(out, npz.Named{Name: "probe", Tensor: tensor.Must(m.Probe, m.Modes, m.N, m.N)})
}

func digest(t tensor.Tensor) string {
	sum := sha256.Sum256(t.Bytes())
	return hex.EncodeToString(sum[:])
}

// embedded is the array in the weights' file that contains the manifest, as UTF-8 text.
const embedded = "manifest.json"

// Write saves a model in dir. It writes the weights first, so that a manifest never names missing arrays. A model that is
// not finite is a *NotFinite error, and nothing is written.
func Write(dir string, m *Model) error {
	if err := checkFinite(m.arrays()); err != nil {
		return err
	}
	return write(dir, m)
}

func write(dir string, m *Model) error {
	arrays := m.arrays()
	m.Format, m.Version, m.SHA256 = formatName, formatVersion, map[string]string{}
	for _, a := range arrays {
		m.SHA256[a.Name] = digest(a.Tensor)
	}
	text, err := json.MarshalIndent(m.Manifest, "", "  ")
	if err != nil {
		return fmt.Errorf("bundle: %s: %w", ManifestFile, err)
	}
	// Two files cannot be replaced at once. The weights contain the manifest that belongs to them, so that a process killed
	// between the two writes leaves a model that Read accepts.
	arrays = append(arrays, npz.Named{Name: embedded, Tensor: tensor.Must(append(text, '\n'), len(text)+1)})
	if err := npz.Write(filepath.Join(dir, WeightsFile), arrays...); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return format.WriteFile(filepath.Join(dir, ManifestFile), append(text, '\n'))
}

// maxManifest limits the size of a manifest, in bytes; a usual one has a few kilobytes.
const maxManifest = 16 << 20

// ReadManifest reads the manifest in dir without the arrays. Its errors are of type *npz.Error.
func ReadManifest(dir string) (Manifest, error) {
	var m Manifest
	path := filepath.Join(dir, ManifestFile)
	text, err := disk.Read(path, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return m, &npz.Error{Path: dir, What: "does not contain " + ManifestFile, Fix: "give the output directory of ptycho train", Err: err}
	}
	if st, e := os.Stat(dir); e == nil && !st.IsDir() {
		return m, &npz.Error{Path: dir, What: "is a file, not a folder with a model", Fix: "give the output directory of ptycho train", Err: err}
	}
	var other *disk.KindError
	if errors.As(err, &other) {
		return m, &npz.Error{Path: path, What: other.What(), Err: err}
	}
	if err != nil {
		return m, &npz.Error{Path: path, What: "cannot be read: " + err.Error(), Err: err}
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, &npz.Error{Path: path, What: "is not a manifest of a model: " + err.Error(), Err: err}
	}
	switch {
	case m.Format != formatName:
		return m, &npz.Error{Path: path, What: fmt.Sprintf("has format %q, not %q", m.Format, formatName), Fix: "give the output directory of ptycho train"}
	case m.Version != formatVersion:
		return m, &npz.Error{Path: path, What: fmt.Sprintf("has version %d, this program reads %d", m.Version, formatVersion), Fix: "use the version of ptycho named in created_by"}
	case m.N < 2 || m.N > 1<<14 || m.Modes < 1 || m.Modes > 1<<10 || m.Gridsize < 1 || m.Gridsize > 8 || !(m.ProbeFactor > 0) || !(m.Background > 0):
		return m, &npz.Error{Path: path, What: fmt.Sprintf("has invalid values: N = %d, %d modes, gridsize %d, probe factor %v, background %v", m.N, m.Modes, m.Gridsize, m.ProbeFactor, m.Background), Fix: "train the model again or restore the file"}
	}
	return m, nil
}

// Read loads the model in dir and verifies every digest.
func Read(dir string) (*Model, error) {
	manifest, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	m, path := newModel(manifest), filepath.Join(dir, WeightsFile)
	err = m.readArrays(path)
	if err == nil {
		return m, nil
	}
	if stored, found := manifestOf(path); found && stored.sameRun(manifest) {
		if m := newModel(stored); m.readArrays(path) == nil {
			return m, nil // the manifest next to them belongs to the previous weights
		}
	}
	return m, err
}

// Digest identifies a model by its arrays.
func (m Manifest) Digest() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(m.SHA256)) {
		fmt.Fprintf(sum, "%s %s\n", name, m.SHA256[name])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// sameRun reports whether two manifests come from one run at different times.
func (m Manifest) sameRun(o Manifest) bool {
	return m.Seed == o.Seed && m.Data == o.Data && string(m.Settings) == string(o.Settings) && !maps.Equal(m.SHA256, o.SHA256)
}

func newModel(m Manifest) *Model {
	return &Model{Manifest: m, Weights: map[string]tensor.Tensor{}, Buffers: map[string]tensor.Tensor{}}
}

// manifestOf reads the manifest in the weights' file.
func manifestOf(path string) (m Manifest, found bool) {
	z, err := npz.Open(path)
	if err != nil {
		return m, false
	}
	defer z.Close()
	t, err := z.Tensor(embedded)
	if err != nil {
		return m, false
	}
	text, err := tensor.Data[uint8](t)
	if err != nil || json.Unmarshal(text, &m) != nil {
		return m, false
	}
	return m, m.Format == formatName && m.Version == formatVersion
}

func (m *Model) readArrays(path string) error {
	z, err := npz.Open(path)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, name := range slices.Sorted(maps.Keys(m.SHA256)) {
		t, err := z.Tensor(name)
		if err != nil {
			return err
		}
		if got := digest(t); got != m.SHA256[name] {
			return &npz.Error{Path: path, What: fmt.Sprintf("the digest of %s differs from the manifest", name), Fix: "restore both files from the same training run"}
		}
		if i, v, found := firstNotFinite(t); found {
			return &npz.Error{Path: path, What: fmt.Sprintf("%s is %v at element %d, want finite numbers", name, v, i), Fix: "train the model again"}
		}
		if w, ok := strings.CutPrefix(name, "weights/"); ok {
			m.Weights[w] = t
		} else if b, ok := strings.CutPrefix(name, "buffers/"); ok {
			m.Buffers[b] = t
		} else if name == "probe" {
			m.Probe, err = tensor.Data[complex64](t)
			if err != nil || len(m.Probe) != m.Modes*m.N*m.N {
				return &npz.Error{Path: path, What: fmt.Sprintf("the probe is %v, want complex64 [%d, %d, %d]", t, m.Modes, m.N, m.N), Fix: "train the model again"}
			}
		}
	}
	if m.Probe == nil || len(m.Weights) == 0 {
		return &npz.Error{Path: path, What: "the manifest does not list the probe or the weights", Fix: "train the model again"}
	}
	return m.complete(path)
}

// complete compares the arrays with the program that the settings define.
func (m *Model) complete(path string) error {
	var c arch.Config
	if err := json.Unmarshal(m.Settings, &c); err != nil {
		return &npz.Error{Path: path, What: "the manifest's settings are not a valid architecture: " + err.Error(), Err: err}
	}
	p, err := arch.Build(c)
	if err != nil {
		return &npz.Error{Path: path, What: "the manifest's settings do not define a valid network: " + err.Error(), Err: err}
	}
	for _, q := range p.Params {
		if t, ok := m.Weights[q.Name]; !ok || !slices.Equal(t.Shape(), q.Shape) {
			return &npz.Error{Path: path, What: fmt.Sprintf("the weights of %s are missing or not of shape %v", q.Name, q.Shape), Fix: "restore both files from the same training run"}
		}
	}
	for _, b := range p.Buffers {
		if t, ok := m.Buffers[b.Name]; !ok || !slices.Equal(t.Shape(), b.Shape) {
			return &npz.Error{Path: path, What: fmt.Sprintf("the constant %s is missing or has a wrong shape", b.Name), Fix: "restore both files from the same training run"}
		}
	}
	return nil
}
