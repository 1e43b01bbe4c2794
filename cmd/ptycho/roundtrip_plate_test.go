package main_test

import (
	"os"
	"testing"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/tensor"
)

// writePlate writes an image of ones with one 0, which serves as dark, flat and mask.
func writePlate(t *testing.T, path string) {
	t.Helper()
	const side = 16
	plate := make([]float32, side*side)
	for i := range plate {
		plate[i] = 1
	}
	plate[37] = 0
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := npz.EncodeNPY(f, tensor.Must(plate, side, side)); err != nil {
		t.Fatal(err)
	}
}
