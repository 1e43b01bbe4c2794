package config

import "github.com/ptychogo/ptycho/core/arch"

// The values of adapt-size.
const (
	adaptAuto = "auto"
	adaptCrop = "crop"
	adaptPad  = "pad"
	adaptOff  = "off"
)

// adaptTable holds the setting for patterns of a side that the network cannot take. Commands without a network do not have it.
var adaptTable = []Setting{
	{Name: "adapt-size", Section: ScanSection, Commands: both, Default: adaptAuto, Enum: []string{adaptAuto, adaptCrop, adaptPad, adaptOff},
		Meaning: "what is done with patterns of a side that the network cannot take",
		More:    "crop takes the middle, of the next smaller side; pad adds masked pixels, to the next larger one; auto does what changes fewer pixels of the side; off ends with an error. After all other changes of the patterns.", Why: decided,
		field: func(s *sections) any { return &s.scan.AdaptSize }},
}

// AdaptedSide returns the side to which patterns of n×n pixels are cropped or padded for the network, n if they stay. A side for which nothing
// can be done stays, and the network refuses it.
func (r *resolution) AdaptedSide(n int) int {
	down, up := arch.Sides(r.sections.model.Arch, n)
	mode := r.sections.scan.AdaptSize
	if mode == adaptAuto {
		mode = adaptPad
		if up == 0 || down > 0 && n-down < up-n {
			mode = adaptCrop
		}
	}
	switch {
	case mode == adaptCrop && down > 0:
		return down
	case mode == adaptPad && up > 0:
		return up
	}
	return n
}
