package examine

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// again yields the patterns of a scan again and again.
type again struct {
	*scan.Scan
	n int
}

func (a again) Len() int                { return a.n }
func (a again) Pattern(i int) []float32 { return a.Scan.Pattern(i % a.Scan.Len()) }

// python10 writes 10,000 patterns into an HDF5 file, one a chunk.
const python10 = `
import sys, numpy, h5py, hdf5plugin
counts = numpy.fromfile(sys.argv[1], "uint16").reshape(-1, 128, 128)
o = dict(compression="gzip", compression_opts=4) if sys.argv[3] == "deflate" else dict(hdf5plugin.Bitshuffle(cname="lz4"))
with h5py.File(sys.argv[2], "w") as f:
    d = f.create_dataset("data", (10000, 128, 128), "uint16", chunks=(1, 128, 128), **o)
    for i in range(0, 10000, len(counts)):
        n = min(len(counts), 10000 - i); d[i:i + n] = counts[:n]
`

// BenchmarkScan_AgainstReading examines 10,000 patterns of 128², and reads as many from compressed HDF5 files with one goroutine. It needs
// h5py and hdf5plugin (PYTHON names the program).
func BenchmarkScan_AgainstReading(b *testing.B) {
	const n, side = 10000, 128
	sim, err := simulate.New(b.Context(), simulate.Options{Seed: 1, Object: simulate.Fields, Probe: simulate.Aberrated, N: side, Patterns: 500, Height: 400, Photons: 1e5})
	if err != nil {
		b.Fatal(err)
	}
	s := asScan(sim)
	in := Input{N: side, Patterns: again{s, n}, Probe: s.Probe, Modes: 1, Diameter: scan.ProbeDiameter(s.Probe, side)}
	for i := range n { // a raster of 100 by 100
		in.Rows, in.Cols = append(in.Rows, float64(i/100*4)), append(in.Cols, float64(i%100*4))
	}
	folder := b.TempDir()
	raw, size := filepath.Join(folder, "raw"), 0
	content := make([]byte, 2*len(s.Counts))
	for i, k := range s.Counts {
		content[2*i], content[2*i+1] = byte(int(k)), byte(int(k)>>8)
	}
	if err := os.WriteFile(raw, content, 0o600); err != nil {
		b.Fatal(err)
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
			var examine, read time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := Run(b.Context(), in); err != nil {
					b.Fatal(err)
				}
				examine += time.Since(start)
				start = time.Now()
				size = readAll(b, path, n, side)
				read += time.Since(start)
			}
			b.ReportMetric(examine.Seconds()/float64(b.N), "s/examine")
			b.ReportMetric(read.Seconds()/float64(b.N), "s/read")
			b.ReportMetric(100*examine.Seconds()/read.Seconds(), "%examine/read")
		})
	}
	if size == 0 {
		b.Error("nothing was read")
	}
}

func readAll(b *testing.B, path string, n, side uint64) int {
	const block = 100
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
	counts, pattern, sum := make([]uint16, block*side*side), make([]float32, side*side), 0
	for i := uint64(0); i < n; i += block {
		if err := hdf5.Read(d, counts, []uint64{i, 0, 0}, []uint64{block, side, side}); err != nil {
			b.Fatal(err)
		}
		for k, v := range counts { // as a reader does
			pattern[k%len(pattern)] = float32(v)
		}
		sum += int(pattern[0]) + len(counts)
	}
	return sum
}
