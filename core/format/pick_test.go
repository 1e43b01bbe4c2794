package format

import (
	"bytes"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	stored "github.com/ptychogo/ptycho/core/scan"
)

// counted counts the bytes that are read.
type counted struct {
	io.ReaderAt
	bytes atomic.Int64
}

func (c *counted) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, at)
	c.bytes.Add(int64(n))
	return n, err
}

// Picked patterns of a stored array equal those of a compressed one, and only their bytes are read.
func TestReadScan_PicksStoredRowsBySeeking(t *testing.T) {
	const n = 4000 // 2 MB as uint16
	arrays := scanArrays(n, stackU2("intensity"))
	compressed := file(t, "deflated.npz", archive(t, true, arrays...))
	stored := archive(t, false, arrays...)
	for _, rows := range []string{"0:3", "3997:", "5,1000,1001,3999", "::700", "1:4000"} {
		want, err := ReadScan(t.Context(), compressed, ScanOptions{Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
		r := &counted{ReaderAt: bytes.NewReader(stored)}
		z, err := newFile("scan.npz", r, int64(len(stored)))
		if err != nil {
			t.Fatal(err)
		}
		before := r.bytes.Load()
		got, err := z.readScan(t.Context(), ScanOptions{Rows: rows}, Auto)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Counts, want.Counts) {
			t.Errorf("%s: the counts differ from those of the compressed file", rows)
		}
		const others = 16*n + 64<<10 // positions, headers
		if read, most := r.bytes.Load()-before, int64(len(got.Index)*512+others); read > most {
			t.Errorf("%s: %d bytes were read for %d patterns, want at most %d", rows, read, len(got.Index), most)
		}
	}
}

func TestReadScan_PickedRowsCutShort(t *testing.T) {
	content := archive(t, false, scanArrays(400, stackU2("intensity"))...)
	path := file(t, "scan.npz", content)
	z, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if err := os.Truncate(path, 100000); err != nil { // while it is open
		t.Fatal(err)
	}
	patterns, err := z.Reader("intensity")
	if err != nil {
		t.Fatal(err)
	}
	d := Description{Path: path, Key: "intensity", Patterns: 400, N: 16, Height: 16, Width: 16, patterns: patterns}
	c, err := newConverter(path, d.Key, d.patterns.Element(), 0, Counts)
	if err != nil {
		t.Fatal(err)
	}
	to, err := stored.NewPatternWriter(nil, 1, 16*16, 4)
	if err != nil {
		t.Fatal(err)
	}
	_, err = readPatterns(t.Context(), &d, []int{399}, nil, c, to)
	wantError(t, "cut", err, path, "is truncated: the file ends before the last value; copy or download the file again")
}

// Damage of an archive is described in words for its user.
func TestReadScan_DamagedArchive(t *testing.T) {
	arrays := scanArrays(400, stackU2("intensity"))
	stored, deflated := archive(t, false, arrays...), archive(t, true, arrays...)
	change := func(content []byte, at int) []byte {
		out := slices.Clone(content)
		for i := range 64 {
			out[at+i] ^= 0x55
		}
		return out
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"cut":              {stored[:len(stored)/2], "is damaged or truncated: the list of arrays at its end cannot be read; copy or download it again"},
		"stored payload":   {change(stored, 5000), `array "intensity" is damaged: its checksum does not match its content; copy or download the file again`},
		"deflated payload": {change(deflated, 600), `array "intensity" is damaged: its compressed data is invalid; copy or download the file again`},
		"local header":     {change(stored, 0), `array "intensity" is damaged: its entry in the archive is invalid; copy or download the file again`},
	} {
		path := file(t, "scan.npz", c.content)
		_, err := ReadScan(t.Context(), path, ScanOptions{Units: Counts})
		wantError(t, name, err, path, c.want)
	}
}

// BenchmarkReadScan_Rows reads 64 of 20,000 patterns of 64² (160 MB as uint16): picked by seeking, or past all the others.
func BenchmarkReadScan_Rows(b *testing.B) {
	const n, side = 20000, 64
	at := make([]float64, n)
	for i := range at {
		at[i] = float64(i)
	}
	counts := make([]uint16, n*side*side)
	for i := range counts {
		counts[i] = uint16(i % 7)
	}
	for _, seek := range []bool{true, false} {
		name := map[bool]string{true: "seeking", false: "streaming"}[seek]
		content := archive(b, !seek, raw("intensity", counts, n, side, side), raw("ycoords", at, n), raw("xcoords", at, n))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				z, err := newFile("scan.npz", bytes.NewReader(content), int64(len(content)))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := z.readScan(b.Context(), ScanOptions{Rows: "::313"}, Auto); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
