package dataset

import (
	"encoding/binary"
	"math"

	"github.com/ptychogo/ptycho/internal/disk"
)

// complexBytes is the size of a pixel of a PatchFile: its real and its imaginary part in float32, little-endian.
const complexBytes = 8

// PatchBytes returns the size of a PatchFile for patterns of n×n pixels.
func PatchBytes(patterns, n int) int64 { return complexBytes * int64(patterns) * int64(n) * int64(n) }

// PatchFile holds a complex patch [n·n] of each pattern in a temporary file, one after the other. It serves one goroutine.
type PatchFile struct {
	*disk.TemporaryFile
	bytes []byte // of one patch
}

// NewPatchFile returns a file of patches of n×n pixels in the temporary file, which is empty.
func NewPatchFile(f *disk.TemporaryFile, n int) *PatchFile {
	return &PatchFile{TemporaryFile: f, bytes: make([]byte, PatchBytes(1, n))}
}

// Put writes the patch of pattern j.
func (f *PatchFile) Put(j int, patch []complex64) error {
	for i, v := range patch {
		at := f.bytes[complexBytes*i:]
		binary.LittleEndian.PutUint32(at, math.Float32bits(real(v)))
		binary.LittleEndian.PutUint32(at[complexBytes/2:], math.Float32bits(imag(v)))
	}
	_, err := f.WriteAt(f.bytes, int64(j)*int64(len(f.bytes)))
	return err
}

// Get reads the patch of pattern j into patch.
func (f *PatchFile) Get(j int, patch []complex64) error {
	if _, err := f.ReadAt(f.bytes, int64(j)*int64(len(f.bytes))); err != nil {
		return err
	}
	for i := range patch {
		at := f.bytes[complexBytes*i:]
		patch[i] = complex(math.Float32frombits(binary.LittleEndian.Uint32(at)), math.Float32frombits(binary.LittleEndian.Uint32(at[complexBytes/2:])))
	}
	return nil
}
