package acquisition

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
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
// comments. The first line, or the comment before the first numbers, may name the columns.
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
	return parseTable(path, f)
}

// maxLine bounds a line of a table, in bytes.
const maxLine = 64 << 10

// parseTable reads a table line by line, so that the text is never held as a whole.
func parseTable(path string, text io.Reader) (*table, error) {
	t := &table{path: path}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxLine)
	number, comment := 0, []string(nil)
	for lines.Scan() {
		number++
		line := lines.Bytes()
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
			return nil, notNumbers(path)
		}
		fields := split(string(line))
		if len(fields) == 0 {
			continue
		}
		if fields[0][0] == '#' || fields[0][0] == '%' {
			comment = split(strings.TrimLeft(strings.TrimSpace(string(line)), "#% \t"))
			continue
		}
		if err := t.add(number, fields, comment); err != nil {
			return nil, err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, notNumbers(path)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(t.values) == 0:
		return nil, fmt.Errorf("%s: has no numbers", path)
	}
	return t, nil
}

// notNumbers is the error of a file of a format that is not known.
func notNumbers(path string) error {
	return fmt.Errorf("%s: neither a text with numbers in columns nor HDF5, npz, npy, MAT or TIFF", path)
}

// add adds a line with numbers, or the names of the columns. Names may also be in the comment before the first numbers, as
// numpy.savetxt writes them.
func (t *table) add(number int, fields, comment []string) error {
	if len(fields) > maxColumns {
		return fmt.Errorf("%s: line %d has %d columns, at most %d are read", t.path, number, len(fields), maxColumns)
	}
	if t.k == 0 {
		t.k = len(fields)
		if _, err := strconv.ParseFloat(fields[0], 64); err != nil {
			t.columns = fields
			return nil
		}
		if len(comment) == t.k {
			t.columns = comment
		}
	}
	if len(fields) != t.k {
		return fmt.Errorf("%s: line %d has %d columns, the lines before have %d", t.path, number, len(fields), t.k)
	}
	for i, field := range fields {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil && !math.IsInf(v, 0) {
			return fmt.Errorf("%s: line %d, column %d is %.40q, not a number; comments begin with #", t.path, number, i, field)
		}
		t.values = append(t.values, v)
	}
	return nil
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
	n := uint64(len(t.values) / t.k)
	a := rawArray{file: t.path, as: stored{'f', 8, binary.LittleEndian}}
	if name == "" || name == "/" {
		a.name, a.shape, a.r = "the table", []uint64{n, uint64(t.k)}, column{t.values, 0, 1}
		return a, nil
	}
	for i, c := range t.columns {
		if c == strings.TrimPrefix(name, "/") {
			a.name, a.shape, a.r = "column "+c, []uint64{n}, column{t.values, i, t.k}
			return a, nil
		}
	}
	return nil, absent("%s: no column %s; it has %s", t.path, name, t.contents())
}

// A column is every k-th value from the first on, as bytes.
type column struct {
	values   []float64
	first, k int
}

// ReadAt fills b, whole numbers from a whole number on.
func (c column) ReadAt(b []byte, at int64) (int, error) {
	const size = 8
	for i := 0; i < len(b); i += size {
		j := c.first + (int(at)+i)/size*c.k
		if j >= len(c.values) {
			return i, io.EOF
		}
		binary.LittleEndian.PutUint64(b[i:], math.Float64bits(c.values[j]))
	}
	return len(b), nil
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
