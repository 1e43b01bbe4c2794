//go:build linux

package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/ptychogo/ptycho/core/hdf5"
)

// A storage is a way in which the patterns of a file are compressed, and a kind of patterns.
type storage struct{ filter, kind string }

var storages = []storage{
	{"bitshuffle-lz4", "poisson"}, {"bitshuffle-lz4", "sparse"},
	{"deflate", "poisson"}, {"deflate", "sparse"},
	{"shuffle-deflate", "poisson"},
}

const (
	patternSide  = 256
	patternBlock = 128 // patterns that are read at once, as in bench/peers/hdf5_read.py
)

// compareHDF5 compares the time in which core/hdf5 reads files of uint16 patterns with that of h5py (bench/peers/hdf5_read.py), which
// decompresses in one thread. core/hdf5 reads with one goroutine on one thread and with two goroutines on two. The three take turns
// in several rounds, and the shortest time of each counts. The files are read from the page cache.
func compareHDF5(python string, mebibytes, rounds int) error {
	folder, err := os.MkdirTemp("", "ptycho-hdf5-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	p, err := startPeer(python, "bench/peers/hdf5_read.py")
	if err != nil {
		return err
	}
	defer p.stop()
	patterns := mebibytes << 20 / (2 * patternSide * patternSide)
	fmt.Printf("| %d MiB of uint16 | file, MiB | h5py, s | one core, s | speed / h5py | two cores, s | speed / h5py |\n|---|---|---|---|---|---|---|\n", mebibytes)
	for _, s := range storages {
		path := filepath.Join(folder, s.filter+"-"+s.kind+".h5")
		size := p.ask(fmt.Sprintf("write %s %s %s %d", path, s.filter, s.kind, patterns), "h5py")
		if math.IsNaN(size) {
			return fmt.Errorf("%s cannot write HDF5 files with h5py and hdf5plugin", python)
		}
		peer, one, two := math.Inf(1), math.Inf(1), math.Inf(1)
		for range rounds {
			peer = min(peer, p.ask("read "+path, "h5py"))
			for workers, best := range map[int]*float64{1: &one, 2: &two} {
				t, err := readPatterns(path, workers)
				if err != nil {
					return err
				}
				*best = min(*best, t)
			}
		}
		fmt.Printf("| %s, %s | %.0f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", s.filter, s.kind, size/(1<<20), peer, one, peer/one, two, peer/two)
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// readPatterns returns the seconds in which all patterns of a file are read.
func readPatterns(path string, workers int) (float64, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(workers))
	out := make([]uint16, patternBlock*patternSide*patternSide)
	start := time.Now()
	f, err := hdf5.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	f.SetWorkers(workers)
	d, err := f.Dataset("/data")
	if err != nil {
		return 0, err
	}
	for i, n := uint64(0), d.Shape()[0]; i < n; i += patternBlock {
		count := min(patternBlock, n-i)
		if err := hdf5.Read(d, out[:count*patternSide*patternSide], []uint64{i, 0, 0}, []uint64{count, patternSide, patternSide}); err != nil {
			return 0, err
		}
	}
	return time.Since(start).Seconds(), nil
}
