package dataset

import (
	"errors"
	"io/fs"
	"os"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/disk"
)

// A newScan is the file of a scan that a command writes.
type newScan struct {
	*disk.File
	command, path string
	overwrite     bool
}

// create opens the file of a new scan before the work, so that a folder that is not writable, or a file that is there, is found
// at once. The caller closes it.
func create(command, path string, overwrite bool) (*newScan, error) {
	f := &newScan{command: command, path: path, overwrite: overwrite}
	if _, err := os.Stat(path); err == nil && !overwrite {
		return nil, f.exists()
	}
	var err error
	if f.File, err = disk.Create(path); err != nil {
		return nil, f.cannot(host.ExitUsage, err)
	}
	return f, nil
}

// write writes the scan and puts the file in its place.
func (f *newScan) write(s *scan.Scan, form format.Units) error {
	if err := format.EncodeScan(f, f.path, s, form); err != nil {
		var disk *npz.Error
		if errors.As(err, &disk) && disk.Unwritten {
			return err
		}
		return host.Fail(host.ExitData, err)
	}
	return f.place()
}

// place puts the written file in its place.
func (f *newScan) place() error {
	commit := f.CommitNew
	if f.overwrite {
		commit = f.Commit
	}
	if err := commit(); errors.Is(err, fs.ErrExist) { // another process was faster
		return f.exists()
	} else if err != nil {
		return f.cannot(host.ExitOther, err)
	}
	return nil
}

func (f *newScan) exists() error {
	return host.Failf(host.ExitUsage, "%s: %s exists: give another file, or --overwrite to replace it", f.command, f.path)
}

// failure returns the error of a file that could not be written, or whose source could not be read to its end.
func (f *newScan) failure(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) && p.Op == "write" { // of the temporary file, whose name means nothing to the reader
		return f.cannot(host.ExitOther, p.Err)
	}
	return host.Failf(host.ExitData, "%s: %s: %w", f.command, f.path, err)
}

// cannot returns the error of a file that cannot be written.
func (f *newScan) cannot(code int, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) { // the path is named once
		err = p.Err
	}
	return host.Failf(code, "%s: %s cannot be written: %w", f.command, f.path, err)
}
