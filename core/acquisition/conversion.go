package acquisition

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ptychogo/ptycho/core/hdf5"
)

// A conversion is what both files that ptycho convert writes for Ptychodus say of how they came about.
type conversion struct {
	Source string   `json:"source"`
	Counts float64  `json:"mean_counts"`
	N      int      `json:"n"`
	Flags  []string `json:"flags"`
}

// conversionOf returns what a file says of the conversion that wrote it; nil for files of other commands and programs.
func conversionOf(f *hdf5.File) *conversion {
	root, err := f.Group("/")
	if err != nil {
		return nil
	}
	if command, err := attributeText(root, "ptycho_command"); err != nil || command != "convert" {
		return nil
	}
	d, err := f.Dataset("/ptycho_report")
	if err != nil || d.Len() != 1 {
		return nil
	}
	text, err := d.Strings()
	c := &conversion{}
	if err != nil || json.Unmarshal([]byte(text[0]), c) != nil {
		return nil
	}
	return c
}

// sameConversion returns an error if the patterns and the product come from two conversions. A process that is killed while it replaces
// both files may leave the product of one beside the patterns of the other.
func sameConversion(patterns, product *hdf5.File) error {
	a, b := conversionOf(patterns), conversionOf(product)
	if a == nil || b == nil || a.Source == b.Source && a.Counts == b.Counts && a.N == b.N && slices.Equal(a.Flags, b.Flags) {
		return nil
	}
	return fmt.Errorf("its product %s comes from another conversion, so that positions and patterns may not belong to each other; convert the scan again with --overwrite", product.Name())
}
