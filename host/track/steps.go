package track

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/ptychogo/ptycho/host/output"
)

// stepsFile is the CSV file of a run's steps. Its columns are step, epoch and the values in the order of their first
// appearance. A missing value is empty; a value that is not finite is NaN, +Inf or -Inf. The file has no times, so that a
// resumed run writes the same bytes as an uninterrupted run.
const stepsFile = "steps.csv"

// keyColumns are the columns before the values.
var keyColumns = []string{"step", "epoch"}

// steps is the CSV logger. It writes each row at once in one write, so that a kill loses no row. For a new column it rewrites
// the file and replaces it.
type steps struct {
	root    *output.Files
	file    *os.File
	columns []string
	size    int64 // of the file
	last    int   // step of the last row
	row     []string
	rowAt   int64 // offset of the last row
}

func openSteps(root *output.Files, run Run, _ Options) (Logger, error) {
	s := &steps{root: root, columns: slices.Clone(keyColumns)}
	if err := s.Rewind(run.Step); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *steps) Scalars(step int, epoch float64, values map[string]float64) error {
	names := slices.Sorted(maps.Keys(values))
	widened := false
	for _, name := range names {
		if !slices.Contains(s.columns, name) {
			s.columns, widened = append(s.columns, name), true
		}
	}
	if widened {
		if err := s.rewrite(s.last); err != nil {
			return err
		}
	}
	row := make([]string, len(s.columns))
	at := s.size
	if step == s.last && s.row != nil {
		copy(row, s.row)
		at = s.rowAt
	}
	row[0], row[1] = strconv.Itoa(step), number(epoch)
	for i, name := range s.columns[len(keyColumns):] {
		if v, ok := values[name]; ok {
			row[len(keyColumns)+i] = number(v)
		}
	}
	line := encode(row)
	if at+int64(len(line)) < s.size { // the new row is shorter than the replaced row
		if err := s.file.Truncate(at); err != nil {
			return fmt.Errorf("%s: %w", stepsFile, err)
		}
	}
	if _, err := s.file.WriteAt(line, at); err != nil {
		return fmt.Errorf("%s: %w", stepsFile, err)
	}
	s.last, s.row, s.rowAt, s.size = step, row, at, at+int64(len(line))
	return nil
}

// Picture writes the picture as a file.
func (s *steps) Picture(step int, name string, png []byte) error {
	return s.root.Write(previewName(step, name), png)
}

// Artifact does nothing: the file exists already.
func (s *steps) Artifact(string) error { return nil }

func (s *steps) Sync() error {
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("%s: %w", stepsFile, err)
	}
	return nil
}

func (s *steps) Kept(int) error { return nil }

func (s *steps) Rewind(step int) error {
	if err := dropPreviews(s.root, step); err != nil {
		return err
	}
	return s.rewrite(step)
}

func (s *steps) Close(Status) error {
	if err := errors.Join(s.file.Sync(), s.file.Close()); err != nil {
		return fmt.Errorf("%s: %w", stepsFile, err)
	}
	return nil
}

// rewrite writes the file with the current columns and the rows up to the step, and opens it.
func (s *steps) rewrite(until int) error {
	old, err := s.root.Read(stepsFile)
	if err != nil {
		return err
	}
	header, rows, err := readSteps(old, until)
	if err != nil {
		return err
	}
	for _, name := range header {
		if !slices.Contains(s.columns, name) {
			s.columns = append(s.columns, name)
		}
	}
	s.row, s.last = nil, 0
	var b bytes.Buffer
	b.Write(encode(s.columns))
	for _, old := range rows {
		row := make([]string, len(s.columns))
		for i, v := range old {
			row[slices.Index(s.columns, header[i])] = v
		}
		s.rowAt, s.row = int64(b.Len()), row
		s.last, _ = strconv.Atoi(row[0]) // checked by readSteps
		b.Write(encode(row))
	}
	s.size = int64(b.Len())
	if err := s.root.Write(stepsFile, b.Bytes()); err != nil {
		return err
	}
	if s.file != nil {
		s.file.Close() // the replaced file
	}
	s.file, err = s.root.Update(stepsFile)
	return err
}

// readSteps reads the header and the rows up to a step. It ignores an incomplete last row.
func readSteps(data []byte, until int) (header []string, rows [][]string, err error) {
	if zero := bytes.IndexByte(data, 0); zero >= 0 { // after a power failure, parts that were not synced can be zeros
		data = data[:zero]
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	r := csv.NewReader(bytes.NewReader(data))
	header, err = r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, nil
	}
	if err != nil || len(header) < len(keyColumns) || !slices.Equal(header[:len(keyColumns)], keyColumns) {
		return nil, nil, fmt.Errorf("%s: the first line does not begin with step,epoch: move the file away", stepsFile)
	}
	for i, name := range header {
		if slices.Contains(header[:i], name) {
			return nil, nil, fmt.Errorf("%s: column %q appears twice: move the file away", stepsFile, name)
		}
	}
	before := 0
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return header, rows, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w: move the file away", stepsFile, err)
		}
		step, err := strconv.Atoi(row[0])
		if err != nil || step < before {
			return nil, nil, fmt.Errorf("%s: row %d has step %q after %d: move the file away", stepsFile, len(rows)+1, row[0], before)
		}
		if step > until {
			return header, rows, nil
		}
		before = step
		rows = append(rows, row)
	}
}

// encode returns a row as a line.
func encode(row []string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(row) // writing to a buffer does not fail
	w.Flush()
	return b.Bytes()
}

// number returns the shortest text that parses to the same float64.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
