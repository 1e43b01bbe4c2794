// Package format reads and writes scans and reconstructions. Every file is treated as hostile.
//
// It also writes both as other programs read them: as products and diffraction files of Ptychodus, as CXI, as prepared data of ptypy, and
// as TIFF with the size of a pixel. core/acquisition reads the files of others.
package format

import (
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/internal/disk"
)

// WriteFile writes a whole file atomically.
func WriteFile(path string, data []byte) error {
	if err := disk.Write(path, data); err != nil {
		return npz.WriteError(path, err)
	}
	return nil
}

// scanFile is an archive with the arrays of a scan or a reconstruction.
type scanFile struct{ *npz.Archive }

func openFile(path string) (scanFile, error) {
	z, err := npz.Open(path)
	return scanFile{z}, err
}
