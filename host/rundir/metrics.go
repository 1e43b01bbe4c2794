package rundir

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
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

// WriteFile writes a file of the directory; name may lie in a folder of it.
func (d *Dir) WriteFile(name string, data []byte) error {
	path := d.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return format.WriteFile(path, data)
}
