package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Preparation is the part of the section "scan" that says how patterns are made of the frames of a file, in this order.
type Preparation struct {
	Dark, Flat    string // FILE, FILE:/path or /path
	Offset, Gain  float64
	Mask          string // FILE, FILE:/path or /path
	MaskPolarity  string // auto, good or bad
	HotPixels     string // pixels (row, column) as Pixels reads them
	Patterns      string // none, or exchange, flip-rows and flip-columns joined by commas
	ZeroFrequency string // centre or corner
	Centre        string // "", AutoCentre or a pixel (row, column)
	Bin           int
	Pad           int // 0: none
}

// AutoCentre is the value of centre that has it found.
const AutoCentre = "auto"

// Pixels reads pixels, row,column each, separated by semicolons.
func Pixels(s string) ([][2]int, error) {
	var all [][2]int
	for part := range strings.SplitSeq(s, ";") {
		row, column, ok := strings.Cut(strings.TrimSpace(part), ",")
		var p [2]int
		for i, text := range []string{row, column} {
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if ok = ok && err == nil && n >= 0 && n < maxPixel; !ok {
				return nil, fmt.Errorf("must be row,column of a pixel, counted from 0, such as 128,64")
			}
			p[i] = n
		}
		all = append(all, p)
	}
	return all, nil
}

// maxPixel exceeds the rows and columns of every detector.
const maxPixel = 1 << 20

func aCentre(s string) error {
	if s == AutoCentre {
		return nil
	}
	all, err := Pixels(s)
	if err != nil || len(all) != 1 {
		return fmt.Errorf("must be auto, or row,column of a pixel, counted from 0, such as 128,64")
	}
	return nil
}

func somePixels(s string) error { _, err := Pixels(s); return err }

// maxNumber bounds the numbers of a detector, and maxBin the pixels that are added along a side.
const maxNumber, maxBin = 1e9, 32

const whereFrames = "In the numbers of the patterns as they are in the file, and of their shape. /path is an array of the scan's file; of several frames the mean is taken."

// prepareTable holds the settings of preparing patterns.
var prepareTable = []Setting{
	{Name: "dark", Section: ScanSection, Commands: both, Default: "",
		Meaning: "dark frame to subtract: FILE:/path, or FILE with one array", More: whereFrames, Why: neutral,
		field: func(s *sections) any { return &s.scan.Dark }},
	{Name: "flat", Section: ScanSection, Commands: both, Default: "",
		Meaning: "flat field to divide by, over its mean: FILE:/path, or FILE", More: whereFrames + " Pixels that are 0, negative or not finite are masked.", Why: neutral,
		field: func(s *sections) any { return &s.scan.Flat }},
	{Name: "offset", Section: ScanSection, Commands: both, Default: 0.0, Min: -maxNumber, Max: maxNumber,
		Meaning: "reading of the detector without a photon: counts = (reading - offset) / gain", More: "Subtracted with the dark.", Why: neutral,
		field: func(s *sections) any { return &s.scan.Offset }},
	{Name: "gain", Section: ScanSection, Commands: both, Default: 1.0, Above: true, Max: maxNumber,
		Meaning: "reading of the detector for one photon: counts = (reading - offset) / gain", Why: neutral,
		field: func(s *sections) any { return &s.scan.Gain }},
	{Name: "mask", Section: ScanSection, Commands: both, Default: "",
		Meaning: "mask of bad pixels: FILE:/path, or FILE with one array", More: "/path is an array of the scan's file. One mask of the shape of the file's patterns; the file's own mask counts too.", Why: notFromFile,
		field: func(s *sections) any { return &s.scan.Mask }},
	{Name: "mask-polarity", Section: ScanSection, Commands: both, Default: "auto", Enum: []string{"auto", "good", "bad"}, Under: "scan.mask",
		Meaning: "what numbers other than 0 mark in --mask: good or bad pixels", More: "Known for arrays that are called pixel_mask or bad_pixels (bad); required for others.", Why: neutral,
		field: func(s *sections) any { return &s.scan.MaskPolarity }},
	{Name: "hot-pixels", Section: ScanSection, Commands: both, Default: "", Form: somePixels,
		Meaning: "pixels to mask: row,column;row,column of the file's patterns", Why: neutral,
		field: func(s *sections) any { return &s.scan.HotPixels }},
	{Name: "patterns", Section: ScanSection, Commands: both, Default: "none", Enum: []string{"none", "exchange", "flip-rows", "flip-columns"}, List: true,
		Meaning: "changes of the patterns, in this order: exchange, flip-rows, flip-columns", More: "As numpy.transpose and numpy.flip do. The positions stay (--positions changes them); a probe in the file is changed too.", Why: neutral,
		field: func(s *sections) any { return &s.scan.Patterns }},
	{Name: "zero-frequency", Section: ScanSection, Commands: both, Default: "centre", Enum: []string{"centre", "corner"},
		Meaning: "its place in the file's patterns; from the corner it is moved to the centre", More: "As numpy.fft.fftshift does.", Why: neutral,
		field: func(s *sections) any { return &s.scan.ZeroFrequency }},
	{Name: "centre", Section: ScanSection, Commands: both, Default: "", Form: aCentre,
		Meaning: "pixel of the beam in the file's patterns, row,column from 0, or auto", More: "The square of --crop lies around it. auto is the centre of mass, to a whole pixel, of the bright pixels of the mean of at most 32 patterns.", Why: "the file's beam centre, or the middle",
		field: func(s *sections) any { return &s.scan.Centre }},
	{Name: "bin", Section: ScanSection, Commands: both, Default: 1, Min: 1, Max: maxBin, Unit: "pixels",
		Meaning: "side of the squares of detector pixels whose counts are added, pixels", More: "After the crop. The object pixel stays, and the window shrinks.", Why: neutral,
		field: func(s *sections) any { return &s.scan.Bin }},
	{Name: "pad", Section: ScanSection, Commands: both, Default: 0, Max: maxCrop, Unit: "pixels",
		Meaning: "side to which patterns are padded with masked pixels, pixels; 0: not", More: "Even. After bin. The object pixel shrinks by the same factor.", Why: neutral,
		field: func(s *sections) any { return &s.scan.Pad }},
}

// conflicts returns the rules that join settings and are broken.
func (p Preparation) conflicts(crop int) []conflict {
	var found []conflict
	if p.Centre == AutoCentre && crop == 0 {
		found = append(found, conflict{"centre", "needs --crop, the side of the square around the centre"})
	}
	if p.Centre != "" && p.ZeroFrequency == "corner" {
		found = append(found, conflict{"centre", "and --zero-frequency corner exclude each other: the corner is the centre"})
	}
	if p.Pad%2 != 0 || p.Pad > 0 && p.Pad < minCrop {
		found = append(found, conflict{"pad", fmt.Sprintf("must be an even number of pixels, at least %d", minCrop)})
	}
	return found
}
