//go:build unix

package examine

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// python10 writes 10,000 patterns into an HDF5 file, one a chunk: those of a file again and again, each time with one more photon.
const python10 = `
import sys, numpy, h5py, hdf5plugin
counts = numpy.fromfile(sys.argv[1], "uint16").reshape(-1, 128, 128)
o = dict(compression="gzip", compression_opts=4) if sys.argv[3] == "deflate" else dict(hdf5plugin.Bitshuffle(cname="lz4"))
with h5py.File(sys.argv[2], "w") as f:
    d = f.create_dataset("data", (10000, 128, 128), "uint16", chunks=(1, 128, 128), **o)
    for i in range(0, 10000, len(counts)):
        n = min(len(counts), 10000 - i); d[i:i + n] = counts[:n]; counts[:, 64, 64] += 1
`

// BenchmarkScan_AgainstReading reads 10,000 patterns of 128² from compressed HDF5 files with one goroutine into a file of patterns, as the
// program does, and examines them; once more with the patterns in memory. The times are the least of all
// rounds (-benchtime 7x makes seven). It needs h5py and hdf5plugin (PYTHON names the program).
func BenchmarkScan_AgainstReading(b *testing.B) {
	const n, side, frames = 10000, 128, 2000
	sim, err := simulate.New(b.Context(), simulate.Options{Seed: 1, Object: simulate.Fields, Probe: simulate.Aberrated, N: side, Patterns: frames, Height: 400, Photons: 1e5})
	if err != nil {
		b.Fatal(err)
	}
	s := asScan(sim)
	folder := b.TempDir()
	raw := filepath.Join(folder, "raw")
	content := make([]byte, 2*len(s.Counts))
	for i, k := range s.Counts {
		content[2*i], content[2*i+1] = byte(int(k)), byte(int(k)>>8)
	}
	if err := os.WriteFile(raw, content, 0o600); err != nil {
		b.Fatal(err)
	}
	rows, cols := s.Rows, s.Cols
	s.Rows, s.Cols, s.Index, s.Counts = nil, nil, nil, nil
	for i := range n { // an object of five equal parts
		s.Rows, s.Cols = append(s.Rows, rows[i%frames]+400*float64(i/frames)), append(s.Cols, cols[i%frames])
	}
	for _, filter := range []string{"deflate", "bitshuffle-lz4"} {
		path := filepath.Join(folder, filter+".h5")
		program := os.Getenv("PYTHON")
		if program == "" {
			program = "python3"
		}
		if out, err := exec.Command(program, "-c", python10, raw, path, filter).CombinedOutput(); err != nil { //nolint:gosec // the tester's own variable
			b.Skipf("needs %s with h5py and hdf5plugin (PYTHON names another): %v %s", program, err, out)
		}
		b.Run(filter, func(b *testing.B) {
			least := map[string]float64{}
			note := func(name string, seconds float64) {
				if before, ok := least[name]; !ok || seconds < before {
					least[name] = seconds
				}
			}
			for b.Loop() {
				start := cpuSeconds(b)
				var remove func()
				s.Stored, remove = readAll(b, path, n, side)
				note("read", cpuSeconds(b)-start)
				note("stored", examined(b, s))
				s.Counts = make([]float32, n*side*side)
				s.Stored.Read(s.Counts, 0)
				remove()
				s.Stored = nil
				note("memory", examined(b, s))
				s.Counts = nil
			}
			for name, seconds := range least {
				b.ReportMetric(seconds, "cpu-s/"+name)
			}
			b.ReportMetric(100*least["stored"]/least["read"], "%examination/read")
		})
	}
}

// examined returns the CPU time of an examination.
func examined(b *testing.B, s *scan.Scan) float64 {
	start := cpuSeconds(b)
	found, err := Scan(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	seconds := cpuSeconds(b) - start
	for _, f := range found {
		b.Logf("%s: %s", f.ID, f.What)
	}
	return seconds
}

// cpuSeconds returns the CPU time of this process so far.
func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

func readAll(b *testing.B, path string, n, side int) (stored *scan.StoredPatterns, remove func()) {
	const block = 16
	f, err := hdf5.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	f.SetWorkers(1)
	d, err := f.Dataset("/data")
	if err != nil {
		b.Fatal(err)
	}
	var file spooled
	w, err := scan.NewPatternWriter(func(int64) (scan.PatternFile, error) {
		file.File, err = os.CreateTemp(b.TempDir(), "")
		return file, err
	}, n, side*side, 2)
	if err != nil {
		b.Fatal(err)
	}
	counts := make([]uint16, block*side*side)
	for i := 0; i < n; i += block {
		if err := hdf5.Read(d, counts, []uint64{uint64(i), 0, 0}, []uint64{block, uint64(side), uint64(side)}); err != nil {
			b.Fatal(err)
		}
		if err := scan.AppendIntegers(b.Context(), w, counts); err != nil {
			b.Fatal(err)
		}
	}
	_, stored = w.Patterns()
	return stored, func() { file.Close(); os.Remove(file.Name()) }
}
