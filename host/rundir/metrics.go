package rundir

import (
	"encoding/csv"
	"fmt"
	"os"
	"strings"

	"github.com/ptychogo/ptycho/core/format"
)

// WriteTable writes a CSV file as a whole: a header and rows. Runs have hundreds of rows, so that writing all of them
// each epoch costs nothing, and a resumed run never leaves rows of steps that were not kept.
func (d *Dir) WriteTable(name string, header []string, rows [][]string) error {
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(header); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return format.WriteFile(d.Path(name), []byte(b.String()))
}

// WriteFile writes a file of the directory.
func (d *Dir) WriteFile(name string, data []byte) error { return format.WriteFile(d.Path(name), data) }

// ReadFile reads a file of the directory.
func (d *Dir) ReadFile(name string) ([]byte, error) { return os.ReadFile(d.Path(name)) }
