package feed

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// fileMemory returns how much memory of this process holds pages of files (KiB).
func fileMemory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("this system has no /proc: ", err)
	}
	_, rest, ok := strings.Cut(string(text), "RssFile:")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(line), " kB"))
	if !ok || err != nil {
		t.Skipf("/proc/self/status has no RssFile: %q", line)
	}
	return n
}

// TestGather_KeepsLargeFileOutOfMemory gathers all rows of a file of eight times the bound, and reads the values after bytes were dropped.
func TestGather_KeepsLargeFileOutOfMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads 512 MiB: not with -short")
	}
	const row, patterns = 128 << 10, 8 * mappedMost / (128 << 10)
	name := filepath.Join(t.TempDir(), "large")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(row * patterns); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{7}, row*(patterns/2)); err != nil {
		t.Fatal(err)
	}
	in := []program.Input{{Name: "x", Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, row}}}}
	s, err := Open(backend.Dataset{Patterns: patterns, Arrays: []backend.Array{{Input: "x", Gather: backend.PerPattern,
		File: &backend.FileRef{Path: name, DType: tensor.Uint8, Shape: []int{patterns, row}}}}}, in)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dst, err := s.Alloc(1, tensor.Float32)
	if err != nil {
		t.Fatal(err)
	}
	before, most, found := fileMemory(t), 0, 0
	for j := range patterns {
		if err := s.Gather(backend.Batch{Rows: []int32{int32(j)}}, dst); err != nil {
			t.Fatal(err)
		}
		if must[float32](dst["x"])[0] == 7 {
			found++
		}
		if j%64 == 0 {
			most = max(most, fileMemory(t)-before)
		}
	}
	if most > 3*mappedMost>>10 {
		t.Errorf("%d KiB of the file are in memory, want about %d", most, mappedMost>>10)
	}
	if found != 1 {
		t.Errorf("%d rows begin with 7, want 1", found)
	}
}
