package config

import (
	"slices"
	"strings"
)

// Examination says whether a scan is examined before it is used, and what is done about its faults. It belongs to one scan: a model does
// not remember it.
type Examination struct {
	Examine   string // "on" or "off"
	Repair    string // "none", or repairs joined by commas
	TrustData bool   // go on with faults that would end the command
}

// The repairs of a scan.
const (
	RepairPixels   = "pixels"
	RepairCosmic   = "cosmic-rays"
	RepairFrames   = "frames"
	RepairExposure = "exposure"
)

var allRepairs = []string{RepairPixels, RepairCosmic, RepairFrames, RepairExposure}

// Repairs reports whether a repair is made.
func (e Examination) Repairs(which string) bool {
	return slices.Contains(strings.Split(e.Repair, listSeparator), which)
}

// examineTable holds the settings of the examination.
var examineTable = []Setting{
	{Name: "examine", Section: ScanSection, Commands: both, Default: "on", Enum: []string{"on", "off"},
		Meaning: "examine the scan for faults before it is used (docs/findings.md)", Why: decided,
		field: func(s *sections) any { return &s.scan.Examine }},
	{Name: "repair", Section: ScanSection, Commands: both, Default: strings.Join(allRepairs, listSeparator), Enum: append([]string{"none"}, allRepairs...), List: true, Under: "scan.examine=on",
		Meaning: "faults that are repaired when they are found; none: only reported", Why: decided,
		field: func(s *sections) any { return &s.scan.Repair }},
	{Name: "trust-data", Section: ScanSection, Commands: both, Default: false, Resume: Keeps,
		Meaning: "go on with faults that would end the command", Why: neutral,
		field: func(s *sections) any { return &s.scan.TrustData }},
}

// ExamineRows returns the settings of the examination, for commands whose flags are not settings.
func ExamineRows() []Setting { return slices.Clone(examineTable) }
