package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// FormatRaw is the value of format for a file of numbers without a description.
const FormatRaw = "raw"

// Numbers is the part of the section "scan" that describes a file of numbers.
type Numbers struct {
	Shape     string // of patterns, as Shape reads it
	DType     string // as NumberType reads it
	SkipBytes int
	GapBytes  int
}

// numbersTable holds the settings of files of numbers.
var numbersTable = []Setting{
	{Name: "shape", Section: ScanSection, Commands: both, Default: "", Form: aShape,
		Meaning: "shape of the patterns in a raw file, such as 400,128,128", More: "patterns,rows,columns; or lines,points,rows,columns; or rows,columns of as many patterns as the file has.", Why: notFromFile,
		field: func(s *sections) any { return &s.scan.Shape }},
	{Name: "dtype", Section: ScanSection, Commands: both, Default: "", Form: aNumberType,
		Meaning: "type of the numbers in a raw file, such as uint16; >u2 is big-endian", More: "NumPy's names of integers and floats; little-endian without > before them.", Why: notFromFile,
		field: func(s *sections) any { return &s.scan.DType }},
	{Name: "skip-bytes", Section: ScanSection, Commands: both, Default: 0, Max: maxBytes, Unit: "bytes",
		Meaning: "bytes before the first pattern of a raw file", Why: neutral,
		field: func(s *sections) any { return &s.scan.SkipBytes }},
	{Name: "gap-bytes", Section: ScanSection, Commands: both, Default: 0, Max: maxBytes, Unit: "bytes",
		Meaning: "bytes behind each pattern of a raw file, such as a header of the next", Why: neutral,
		field: func(s *sections) any { return &s.scan.GapBytes }},
}

// maxBytes bounds the bytes that are not numbers.
const maxBytes = 1 << 30

// maxAxis bounds an axis of a shape.
const maxAxis = 1 << 31

// Shape reads the lengths of two to four axes, joined by commas.
func Shape(text string) ([]uint64, error) {
	parts := strings.Split(text, ",")
	var shape []uint64
	for _, p := range parts {
		n, err := strconv.ParseUint(strings.TrimSpace(p), 10, 64)
		if err != nil || n == 0 || n > maxAxis {
			shape = nil
			break
		}
		shape = append(shape, n)
	}
	if len(shape) < 2 || len(shape) > 4 { // as Meaning says
		return nil, fmt.Errorf("must be two to four whole numbers above 0, joined by commas, such as 400,128,128")
	}
	return shape, nil
}

func aShape(text string) error { _, err := Shape(text); return err }

var numberType = regexp.MustCompile(`^([<>=|]?)(?:(?P<letter>[uif])(?P<bytes>[1248])|(?P<word>uint|int|float)(?P<bits>8|16|32|64))$`)

// NumberType returns NumPy's short name, with the order of the bytes, of a type of integers or floats.
func NumberType(text string) (string, error) {
	m := numberType.FindStringSubmatch(strings.TrimSpace(text))
	wrong := fmt.Errorf("must be a type such as uint8, uint16, int32, float32, <u2 or >u2 (big-endian)")
	if m == nil {
		return "", wrong
	}
	part := func(name string) string { return m[numberType.SubexpIndex(name)] }
	order, kind, size := "<", part("letter"), part("bytes")
	if m[1] == ">" {
		order = ">"
	}
	if kind == "" {
		bits, _ := strconv.Atoi(part("bits"))
		const bitsOfByte = 8
		kind, size = part("word")[:1], strconv.Itoa(bits/bitsOfByte)
	}
	if kind == "f" && size == "1" {
		return "", wrong
	}
	return order + kind + size, nil
}

func aNumberType(text string) error { _, err := NumberType(text); return err }

// conflicts returns the rules that join settings and are broken.
func (n Numbers) conflicts(format string) []conflict {
	var found []conflict
	for _, s := range []struct {
		name  string
		given bool
	}{{"shape", n.Shape != ""}, {"dtype", n.DType != ""}, {"skip-bytes", n.SkipBytes != 0}, {"gap-bytes", n.GapBytes != 0}} {
		if s.given && format != FormatRaw {
			found = append(found, conflict{s.name, "is for a file of numbers, which needs --format raw too"})
		}
	}
	if format == FormatRaw && (n.Shape == "" || n.DType == "") {
		found = append(found, conflict{"format", "needs --shape and --dtype, such as --shape 400,128,128 --dtype uint16"})
	}
	return found
}
