package acquisition

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ptychogo/ptycho/internal/disk"
)

// Limits of a table: bytes, about ten million positions, and columns.
const (
	maxTable   = 256 << 20
	maxColumns = 64
)

// A table is a text file with numbers in columns, separated by commas, semicolons, tabs or spaces. Lines that begin with # are
// comments. The first line may name the columns.
type table struct {
	path    string
	columns []string  // names; nil if the file has none
	values  []float64 // [rows, k]
	k       int
}

func openTable(path string) (*table, error) {
	f, st, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st.Size() > maxTable {
		return nil, fmt.Errorf("%s: has %d bytes, too many for a table of positions", path, st.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseTable(path, text)
}

func parseTable(path string, text []byte) (*table, error) {
	t := &table{path: path}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, fmt.Errorf("%s: neither a text with numbers in columns nor HDF5, npz, npy, MAT or TIFF", path)
	}
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		number++
		fields := split(string(line))
		if len(fields) == 0 || fields[0][0] == '#' || fields[0][0] == '%' {
			continue
		}
		if len(fields) > maxColumns {
			return nil, fmt.Errorf("%s: line %d has %d columns, at most %d are read", path, number, len(fields), maxColumns)
		}
		if t.k == 0 {
			t.k = len(fields)
			if _, err := strconv.ParseFloat(fields[0], 64); err != nil {
				t.columns = fields
				continue
			}
		}
		if len(fields) != t.k {
			return nil, fmt.Errorf("%s: line %d has %d columns, the lines before have %d", path, number, len(fields), t.k)
		}
		for i, field := range fields {
			v, err := strconv.ParseFloat(field, 64)
			if err != nil && !math.IsInf(v, 0) {
				return nil, fmt.Errorf("%s: line %d, column %d is %.40q, not a number; comments begin with #", path, number, i, field)
			}
			t.values = append(t.values, v)
		}
	}
	if len(t.values) == 0 {
		return nil, fmt.Errorf("%s: has no numbers", path)
	}
	return t, nil
}

// split returns the fields of a line. Fields are separated by commas or semicolons if there is one, else by space.
func split(line string) []string {
	line = strings.TrimSpace(line)
	for _, sep := range []string{",", ";", "\t"} {
		if !strings.Contains(line, sep) {
			continue
		}
		var fields []string
		for _, f := range strings.Split(strings.TrimSuffix(line, sep), sep) {
			fields = append(fields, strings.Trim(strings.TrimSpace(f), `"`))
		}
		if fields[0] == "" {
			fields[0] = " " // an empty first name or number
		}
		return fields
	}
	return strings.Fields(line)
}

// find returns the table, or the column of that name.
func (t *table) find(name string) (Array, error) {
	n, raw := len(t.values)/t.k, []byte(nil)
	if name == "" || name == "/" {
		for _, v := range t.values {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
		return rawArray{file: t.path, name: "the table", shape: []uint64{uint64(n), uint64(t.k)}, as: stored{'f', 8, binary.LittleEndian}, r: bytes.NewReader(raw)}, nil
	}
	for i, c := range t.columns {
		if c != strings.TrimPrefix(name, "/") {
			continue
		}
		for r := range n {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(t.values[r*t.k+i]))
		}
		return rawArray{file: t.path, name: "column " + c, shape: []uint64{uint64(n)}, as: stored{'f', 8, binary.LittleEndian}, r: bytes.NewReader(raw)}, nil
	}
	return nil, absent("%s: no column %s; it has %s", t.path, name, t.contents())
}

func (t *table) kind() string { return "table" }

func (t *table) contents() string {
	names := ""
	if t.columns != nil {
		names = " (" + strings.Join(t.columns, ", ") + ")"
	}
	return fmt.Sprintf("%d rows of %d numbers%s", len(t.values)/t.k, t.k, names)
}

func (t *table) Close() error { return nil }
