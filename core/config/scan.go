package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/physics"
)

// ScanSettings is the section "scan": what a scan's file does not say itself, and what is changed when it is read. Texts are as
// given; their forms have been checked.
type ScanSettings struct {
	Format    string // of an HDF5 file, or FormatRaw; "": recognised
	Numbers          // of the format raw
	DataPath  string
	YPath     string
	XPath     string
	ProbePath string // not for a reconstruction with a model, which has its own probe

	PositionUnits     string // "": those of the file
	PixelSize         string // of the object
	Energy            string // of photons
	ElectronEnergy    string
	Wavelength        string
	Distance          string
	DetectorPixelSize string
	Override          bool

	Positions string // "none", or exchange, flip-rows and flip-columns joined by commas
	Crop      int    // detector pixels; 0: the largest square

	Preparation
	AdaptSize string // auto, crop, pad or off
	Examination
}

// minCrop and maxCrop are the smallest and the largest side of patterns, those of package format.
const minCrop, maxCrop = 16, 1024

func aLength(s string) error { _, err := physics.ParseLength(s); return err }
func anEnergy(s string) error {
	_, err := physics.ParseEnergy(s)
	return err
}
func aUnit(s string) error { _, err := physics.ParseLengthUnit(s); return err }

const (
	whereOthers    = "[FILE:]/path; of a table also its column, [FILE:]/path:COLUMN."
	excludesOthers = "Of energy, electron-energy and wavelength, give one. A value that the file has too must be the same, without override."
	notFromFile    = "the file's"
)

// scanTable holds the settings of reading a scan and of preparing its patterns.
var scanTable = slices.Concat(readTable, numbersTable, prepareTable)

// readTable holds the settings of commands that read a scan. Commands without other settings have their flags too.
var readTable = []Setting{
	{Name: "format", Section: ScanSection, Commands: both, Default: "",
		Meaning: "layout of the file, such as eiger, where its contents do not say; raw: numbers", More: "raw is a file of numbers, which shape and dtype describe.", Why: "recognised",
		field: func(s *sections) any { return &s.scan.Format }},
	{Name: "data-path", Section: ScanSection, Commands: both, Default: "",
		Meaning: "path of the patterns in the file, for layouts that are not known", Why: notFromFile,
		field: func(s *sections) any { return &s.scan.DataPath }},
	{Name: "y-path", Section: ScanSection, Commands: both, Default: "",
		Meaning: "path of the positions along the rows: [FILE:]/path[:COLUMN]", More: whereOthers, Why: notFromFile,
		field: func(s *sections) any { return &s.scan.YPath }},
	{Name: "x-path", Section: ScanSection, Commands: both, Default: "",
		Meaning: "path of the positions along the columns: [FILE:]/path[:COLUMN]", More: whereOthers, Why: notFromFile,
		field: func(s *sections) any { return &s.scan.XPath }},
	{Name: "probe-path", Section: ScanSection, Commands: Train, Default: "",
		Meaning: "path of the probe: [FILE:]/path", Why: notFromFile,
		field: func(s *sections) any { return &s.scan.ProbePath }},
	{Name: "position-units", Section: ScanSection, Commands: both, Default: "", Form: aUnit,
		Meaning: "unit of the positions; npz files have object pixels without it",
		More:    "For positions that y-path and x-path name, and for those of an npz file, which are in object pixels without it. Another unit than the file's needs override.", Why: notFromFile,
		field: func(s *sections) any { return &s.scan.PositionUnits }},
	{Name: "pixel-size", Section: ScanSection, Commands: both, Default: "", Form: aLength,
		Meaning: "side of an object pixel, such as 30nm, of the patterns as they are used",
		More:    "Without it, wavelength, distance and detector pixel give it.", Why: notFromFile,
		field: func(s *sections) any { return &s.scan.PixelSize }},
	{Name: "energy", Section: ScanSection, Commands: both, Default: "", Form: anEnergy,
		Meaning: "energy of the photons, such as 10keV", More: excludesOthers, Why: notFromFile,
		field: func(s *sections) any { return &s.scan.Energy }},
	{Name: "electron-energy", Section: ScanSection, Commands: both, Default: "", Form: anEnergy,
		Meaning: "energy of the electrons, such as 300keV", More: excludesOthers, Why: notFromFile,
		field: func(s *sections) any { return &s.scan.ElectronEnergy }},
	{Name: "wavelength", Section: ScanSection, Commands: both, Default: "", Form: aLength,
		Meaning: "wavelength, such as 0.124nm", More: excludesOthers, Why: notFromFile,
		field: func(s *sections) any { return &s.scan.Wavelength }},
	{Name: "distance", Section: ScanSection, Commands: both, Default: "", Form: aLength,
		Meaning: "distance from the sample to the detector, such as 1.9m", Why: notFromFile,
		field: func(s *sections) any { return &s.scan.Distance }},
	{Name: "detector-pixel-size", Section: ScanSection, Commands: both, Default: "", Form: aLength,
		Meaning: "side of a detector pixel, such as 75um", Why: notFromFile,
		field: func(s *sections) any { return &s.scan.DetectorPixelSize }},
	{Name: "override", Section: ScanSection, Commands: both, Default: false,
		Meaning: "let values given here replace those of the file", Why: neutral,
		field: func(s *sections) any { return &s.scan.Override }},
	{Name: "positions", Section: ScanSection, Commands: both, Default: "none", Enum: []string{"none", "exchange", "flip-rows", "flip-columns"}, List: true,
		Meaning: "changes of the positions, in this order: exchange, flip-rows, flip-columns", More: "ptycho inspect says which ones fit.", Why: neutral,
		field: func(s *sections) any { return &s.scan.Positions }},
	{Name: "crop", Section: ScanSection, Commands: both, Default: 0, Max: maxCrop, Unit: "pixels",
		Meaning: "side of the middle of the detector to use, pixels; 0: the largest square", More: "Even. The object pixel grows by the same factor.", Why: neutral,
		field: func(s *sections) any { return &s.scan.Crop }},
}

// conflict is a rule that joins settings of the section and is broken: the rule completes a sentence that begins with the name.
type conflict struct{ name, rule string }

func (s ScanSettings) conflicts() []conflict {
	var found []conflict
	if (s.YPath == "") != (s.XPath == "") {
		name := map[bool]string{true: "y-path", false: "x-path"}[s.YPath != ""]
		found = append(found, conflict{name, "is one of two: --y-path and --x-path go together"})
	}
	found = append(found, s.Numbers.conflicts(s.Format)...)
	waves := 0
	for _, w := range []struct{ name, text string }{{"energy", s.Energy}, {"electron-energy", s.ElectronEnergy}, {"wavelength", s.Wavelength}} {
		if w.text == "" {
			continue
		}
		if waves++; waves > 1 {
			found = append(found, conflict{w.name, "is one too many: --energy, --electron-energy and --wavelength exclude each other"})
		}
	}
	if s.Crop%2 != 0 || s.Crop > 0 && s.Crop < minCrop {
		found = append(found, conflict{"crop", fmt.Sprintf("must be an even number of pixels, at least %d", minCrop)})
	}
	return append(found, s.Preparation.conflicts(s.Crop)...)
}

// Scan returns a copy of the section "scan".
func (r *resolution) Scan() ScanSettings { return r.sections.scan }

// ScanRows returns the settings of the section "scan", for commands whose flags are not settings.
func ScanRows() []Setting { return slices.Clone(scanTable) }

// ScanFlags reads the flags of a command whose flags are not settings, by name. The error names the flag.
func ScanFlags(values map[string]string) (ScanSettings, error) {
	var s sections
	for _, row := range slices.Concat(scanTable, examineTable, adaptTable) {
		row.store(&s, row.Default)
		given, ok := values[row.Name]
		if !ok {
			continue
		}
		v, ok := row.parse(given)
		if !ok {
			return s.scan, fmt.Errorf("--%s %q %s", row.Name, given, row.broken(given))
		}
		row.store(&s, v)
	}
	for _, c := range s.scan.conflicts() {
		return s.scan, fmt.Errorf("--%s %s %s", c.name, values[c.name], c.rule)
	}
	return s.scan, nil
}

// Changes reports whether any setting is not at its default.
func (s ScanSettings) Changes() bool { return len(s.given()) > 0 }

// given returns the settings that are not at their defaults, by name.
func (s ScanSettings) given() map[string]string {
	out := map[string]string{}
	held := sections{scan: s}
	for _, row := range slices.Concat(scanTable, adaptTable) {
		if v := row.value(&held); v != row.Default {
			out[row.Name] = text(v)
		}
	}
	return out
}

// Remembered returns those of the given settings, by name, that hold for other scans of the same format: all but the probe, and
// positions in another file. Files of a dark, a flat and a mask have their absolute names, so that they are found from any folder.
func (s ScanSettings) Remembered() map[string]string {
	out := s.given()
	delete(out, "probe-path")
	for _, name := range []string{"dark", "flat", "mask"} {
		if path, ok := out[name]; ok {
			out[name] = absolute(path)
		}
	}
	for _, path := range []string{s.YPath, s.XPath} {
		if !strings.HasPrefix(path, "/") || strings.Contains(path, ":/") {
			delete(out, "y-path")
			delete(out, "x-path")
		}
	}
	return out
}

// absolute makes the name of the file in FILE or FILE:/path absolute. A path that begins with / is one of the scan's file, or absolute.
func absolute(path string) string {
	file, inside, other := strings.Cut(path, ":/")
	whole, err := filepath.Abs(file)
	if err != nil || strings.HasPrefix(path, "/") {
		return path
	}
	if other {
		whole += ":/" + inside
	}
	return whole
}

// waves are the three ways to give a wavelength.
var waves = []string{"scan.energy", "scan.electron-energy", "scan.wavelength"}

// forgetWave drops the wavelength that a trained model remembers where another is given, in whichever way.
func (r *resolution) forgetWave() {
	given := slices.ContainsFunc(waves, func(key string) bool {
		v := r.at(key)
		return v.Text != "" && v.Origin.Layer > DataLayer
	})
	for _, key := range waves {
		if v := r.at(key); given && v.Origin.Layer == DataLayer {
			v.Overrode = append([]Overridden{{v.Text, v.Origin}}, v.Overrode...)
			v.Text, v.value, v.Origin = "", "", Origin{}
		}
	}
}
