package dataset

import (
	"strings"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/prepare"
)

// preparation returns what the settings say of the preparation of patterns.
func preparation(s config.ScanSettings) acquisition.Preparation {
	q := acquisition.Preparation{Dark: s.Dark, Flat: s.Flat, Mask: s.Mask, Polarity: s.MaskPolarity, FindCentre: s.Centre == config.AutoCentre,
		Steps: prepare.Steps{Side: s.Crop, Bin: s.Bin, Pad: s.Pad, Corner: s.ZeroFrequency == "corner", Offset: s.Offset, Gain: s.Gain}}
	if q.Polarity == "auto" {
		q.Polarity = ""
	}
	if s.Centre != "" && !q.FindCentre {
		if all, err := config.Pixels(s.Centre); err == nil { // the form has been checked
			q.Centre = &all[0]
		}
	}
	if s.HotPixels != "" {
		if all, err := config.Pixels(s.HotPixels); err == nil {
			q.Hot = all
		}
	}
	for word := range strings.SplitSeq(s.Patterns, ",") {
		switch word {
		case "exchange":
			q.Exchange = true
		case "flip-rows":
			q.FlipRows = true
		case "flip-columns":
			q.FlipColumns = true
		}
	}
	return q
}
