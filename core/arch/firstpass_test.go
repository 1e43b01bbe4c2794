package arch

import (
	"strings"
	"testing"
)

// The inputs of a first pass add weights to the first convolution only: 9 for each plane and filter.
func TestUNet_FirstPassAddsPlanesOnly(t *testing.T) {
	for _, gridsize := range []int{1, 2} {
		c := Config{Arch: "unet", N: 32, FiltersScale: 1, Gridsize: gridsize}
		without, err := Build(c)
		if err != nil {
			t.Fatal(err)
		}
		c.FirstPass = true
		with, err := Build(c)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := with.Parameters()-without.Parameters(), 4*9*8; got != want {
			t.Errorf("gridsize %d: %d parameters more, want %d", gridsize, got, want)
		}
	}
}

func TestBuild_OnlyTheUNetHasAFirstPass(t *testing.T) {
	_, err := Build(Config{Arch: "cnn", N: 64, Gridsize: 1, FirstPass: true})
	if err == nil || !strings.Contains(err.Error(), "--arch unet can") {
		t.Errorf("a cnn with a first pass: %v", err)
	}
}
