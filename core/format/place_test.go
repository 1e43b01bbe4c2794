package format

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
)

// sourceFile is the file of a scan, of which a copy would gain nothing.
type sourceFile struct{ *os.File }

func (f sourceFile) Path() string   { return f.File.Name() }
func (f sourceFile) Modified() bool { return false }

// keep opens the file of every scan.
func keep(t *testing.T) func(path string, bytes int64) scan.SourceFile {
	t.Helper()
	return func(path string, _ int64) scan.SourceFile {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return sourceFile{f}
	}
}

// TestReadScan_InPlaceEqualsInMemory reads scans of every kind that may stay in their file, and compares every bit. Only archives that are
// not compressed, with numbers that are used as they are, stay there.
func TestReadScan_InPlaceEqualsInMemory(t *testing.T) {
	const n = 60
	var stay []string
	for _, c := range kinds(n) {
		for _, deflated := range []bool{false, true} {
			path := file(t, "scan.npz", archive(t, deflated, append(scanArrays(n, c.stack), c.more...)...))
			want, err := ReadScan(t.Context(), path, c.o)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			o := c.o
			o.Storage.Create, _ = onDisk(t)
			o.Storage.Keep = keep(t)
			got, err := ReadScan(t.Context(), path, o)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			said := slices.ContainsFunc(got.Notes, func(n string) bool { return strings.Contains(n, "without a copy") })
			if said != (got.Stored.InPlace() != "") {
				t.Errorf("%s: in place %q, notes %q", c.name, got.Stored.InPlace(), got.Notes)
			}
			if got.Fingerprint() != want.Fingerprint() || got.Err() != nil || !slices.Equal(got.Totals(), want.Totals()) {
				t.Errorf("%s: the scans differ (%v)", c.name, got.Err())
			}
			if said {
				stay = append(stay, c.name)
				if deflated {
					t.Errorf("%s: a compressed archive is used in place", c.name)
				}
			}
		}
	}
	if len(stay) < 2 || len(stay) == len(kinds(n)) {
		t.Errorf("these stay in their files: %q", stay)
	}
}

// TestReadScan_RangeInPlace reads a range of rows, which begins behind the first pattern.
func TestReadScan_RangeInPlace(t *testing.T) {
	const n = 60
	path := file(t, "scan.npz", archive(t, false, scanArrays(n, kinds(n)[0].stack)...))
	for rows, stays := range map[string]bool{"7:31": true, "7:31:2": false} {
		want, err := ReadScan(t.Context(), path, ScanOptions{Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
		create, _ := onDisk(t)
		got, err := ReadScan(t.Context(), path, ScanOptions{Rows: rows, Storage: scan.Storage{Create: create, Keep: keep(t)}})
		if err != nil {
			t.Fatal(err)
		}
		if (got.Stored.InPlace() != "") != stays || got.Fingerprint() != want.Fingerprint() {
			t.Errorf("%s: in place %q, the same scan: %v", rows, got.Stored.InPlace(), got.Fingerprint() == want.Fingerprint())
		}
	}
}
