package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host/gauge"
)

// BytesPerCount is the size of a count where the backend maps it, a float32.
const BytesPerCount = 4

// Spool is a directory of arrays that a backend maps.
type Spool struct{ dir string }

// NewSpool makes a directory for that many bytes: in memory where there is ample room.
func NewSpool(bytes int64) (Spool, error) {
	for _, parent := range []string{"/dev/shm", os.TempDir()} {
		if parent == "/dev/shm" && !roomFor(parent, 2*bytes) {
			continue
		}
		if dir, err := os.MkdirTemp(parent, "ptycho-spool-"); err == nil {
			return Spool{dir}, nil
		} else if parent != "/dev/shm" {
			return Spool{}, fmt.Errorf("spool: %w", err)
		}
	}
	return Spool{}, errors.New("spool: no place for the patterns")
}

// Create makes a file of the run's own in the spool.
func (s Spool) Create(name string) (*os.File, error) { return os.Create(filepath.Join(s.dir, name)) }

// Remove removes the directory and what is in it; of the zero Spool there is nothing.
func (s Spool) Remove() {
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // what could not be removed is only scratch
	}
}

// Add writes the patterns once, in file order, for the backend to map, and gives the dataset that names them.
func (s Spool) Add(name string, data *scan.Scan, p gauge.Probe, background []float32) (backend.Dataset, error) {
	path := filepath.Join(s.dir, name+".npy")
	ref, err := format.WriteNPY(path, tensor.Must(data.Counts, data.Len(), data.N, data.N))
	if err != nil {
		return backend.Dataset{}, err
	}
	mask := make([]float32, data.N*data.N)
	for i := range mask {
		mask[i] = 1
		if data.Mask != nil && data.Mask[i] == 0 {
			mask[i] = 0
		}
	}
	whole := func(input string, t tensor.Tensor) backend.Array {
		return backend.Array{Input: input, Gather: backend.Whole, Value: t}
	}
	return backend.Dataset{Patterns: data.Len(), Arrays: []backend.Array{
		{Input: program.Counts, Gather: backend.PerPattern, File: ref},
		whole(program.Probe, tensor.Must(p.Modes, p.Count, data.N, data.N)),
		whole(program.Mask, tensor.Must(mask, data.N, data.N)),
		whole(program.Background, tensor.Must(background, data.N, data.N)),
	}}, nil
}
