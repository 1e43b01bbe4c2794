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

	"github.com/ptychogo/ptycho/host/rundir/place"
)

// StepsFile is the CSV file of a run's steps. Its columns are step, epoch and the values in the order in which they
// first came; what a step does not have is empty, what is not a number is NaN, +Inf or -Inf. It has no times, so that a
// resumed run writes the same bytes as one that was never stopped.
const StepsFile = "steps.csv"

// keyColumns come before the values.
var keyColumns = []string{"step", "epoch"}

// steps is the CSV logger. A row is written in one piece when it comes, so that a kill loses none. A new column makes
// the file anew, beside its place.
type steps struct {
	root    *place.Folder
	file    *os.File
	columns []string
	size    int64 // of the file
	last    int   // the step of the last row
	row     []string
	rowAt   int64 // where the last row starts
}

func openSteps(root *place.Folder, run Run, _ Options) (Logger, error) {
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
	if at+int64(len(line)) < s.size { // shorter than the row it replaces: nothing of that may be left
		if err := s.file.Truncate(at); err != nil {
			return fmt.Errorf("%s: %w", StepsFile, err)
		}
	}
	if _, err := s.file.WriteAt(line, at); err != nil {
		return fmt.Errorf("%s: %w", StepsFile, err)
	}
	s.last, s.row, s.rowAt, s.size = step, row, at, at+int64(len(line))
	return nil
}

// Picture keeps the file of the picture.
func (s *steps) Picture(step int, name string, png []byte) error {
	return s.root.Write(previewName(step, name), png)
}

// Artifact has nothing to do: the file is there.
func (s *steps) Artifact(string) error { return nil }

func (s *steps) Sync() error {
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("%s: %w", StepsFile, err)
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
		return fmt.Errorf("%s: %w", StepsFile, err)
	}
	return nil
}

// rewrite makes the file anew with today's columns and the rows up to the step, and opens it.
func (s *steps) rewrite(until int) error {
	old, err := s.root.Read(StepsFile)
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
		s.last, _ = strconv.Atoi(row[0]) // readSteps has seen to it
		b.Write(encode(row))
	}
	s.size = int64(b.Len())
	if err := s.root.Write(StepsFile, b.Bytes()); err != nil {
		return err
	}
	if s.file != nil {
		s.file.Close() // of the file that was replaced
	}
	s.file, err = s.root.Update(StepsFile)
	return err
}

// readSteps reads the header and the rows up to a step. A row that a kill cut short is the end.
func readSteps(data []byte, until int) (header []string, rows [][]string, err error) {
	if zero := bytes.IndexByte(data, 0); zero >= 0 { // a machine that lost its power leaves zeros where nothing was synced
		data = data[:zero]
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	r := csv.NewReader(bytes.NewReader(data))
	header, err = r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, nil
	}
	if err != nil || len(header) < len(keyColumns) || !slices.Equal(header[:len(keyColumns)], keyColumns) {
		return nil, nil, fmt.Errorf("%s: its first line is not step,epoch,…: move the file away", StepsFile)
	}
	for i, name := range header {
		if slices.Contains(header[:i], name) {
			return nil, nil, fmt.Errorf("%s: column %q is there twice: move the file away", StepsFile, name)
		}
	}
	before := 0
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return header, rows, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w: move the file away", StepsFile, err)
		}
		step, err := strconv.Atoi(row[0])
		if err != nil || step < before {
			return nil, nil, fmt.Errorf("%s: row %d has step %q after %d: move the file away", StepsFile, len(rows)+1, row[0], before)
		}
		if step > until {
			return header, rows, nil
		}
		before = step
		rows = append(rows, row)
	}
}

// encode is a row as a line.
func encode(row []string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(row) // a buffer takes everything
	w.Flush()
	return b.Bytes()
}

// number is the shortest text that reads as the same float64.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
