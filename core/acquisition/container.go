package acquisition

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/mat"
	"github.com/ptychogo/ptycho/core/tiff"
	"github.com/ptychogo/ptycho/internal/disk"
)

// A container is an open file with named arrays.
type container interface {
	kind() string                    // of the file, such as npz
	find(name string) (Array, error) // "" is the only array; the error for an unknown name is fs.ErrNotExist
	contents() string                // for messages
	io.Closer
}

// hdf5File is an HDF5 file as container.
type hdf5File struct{ *hdf5.File }

func (f hdf5File) kind() string     { return "HDF5" }
func (f hdf5File) contents() string { return treeOf(f.File).String() }

func (f hdf5File) find(name string) (Array, error) {
	if name == "" {
		return nil, fmt.Errorf("%s: say which dataset: %s:/path; it contains %s", f.Name(), f.Name(), f.contents())
	}
	d, err := f.Dataset(name)
	if err != nil {
		return nil, err
	}
	return dataset{d}, nil
}

// folderOfTIFF is the kind of a folder with TIFF files.
const folderOfTIFF = "folder of TIFF"

// Kind returns the format of a file by its contents: HDF5, npz, npy, MAT (version 5), TIFF, Merlin, EMPAD, folder of TIFF or table, "" for
// another. A file that begins like a format and is damaged has that format.
func Kind(path string) string {
	path = fileOf(path)
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		if names, err := tiffNames(path); err == nil && len(names) > 0 {
			return folderOfTIFF
		}
		return ""
	}
	f, st, err := disk.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	return kindOf(f, st.Size())
}

// headBytes are read to recognise a file.
const headBytes = 512

func kindOf(r io.ReaderAt, size int64) string {
	head := make([]byte, min(headBytes, size))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	begins := func(magic string) bool { return strings.HasPrefix(string(head), magic) }
	switch {
	case begins("\x93NUMPY"):
		return "npy"
	case mat.Is(head):
		return "MAT"
	case tiff.Is(head):
		return "TIFF"
	case begins(merlinMagic):
		return "Merlin"
	case begins("PK\x03\x04"), begins("PK\x05\x06"):
		return "npz"
	}
	_, err := hdf5.NewFile("", r, size)
	var format *hdf5.FormatError
	if err == nil || !errors.As(err, &format) || format.Msg != "not an HDF5 file" {
		return "HDF5"
	}
	if isEMPAD(r, size) {
		return "EMPAD"
	}
	for _, b := range head {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' {
			return ""
		}
	}
	if len(head) == 0 {
		return ""
	}
	return "table"
}

// openContainer opens a file of any format that is read.
func openContainer(path string) (container, error) {
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, absent("%s: no such file", path)
		}
		return nil, err
	}
	switch Kind(path) {
	case "TIFF", folderOfTIFF:
		return openTIFF(path)
	case "Merlin":
		return openMerlin(path)
	case "EMPAD":
		return openEMPAD(path)
	case "MAT":
		return openMAT(path)
	case "npy":
		return openNPY(path)
	case "npz":
		return openNPZ(path)
	case "table":
		return openTable(path)
	}
	f, err := hdf5.Open(path)
	if err != nil {
		return nil, err
	}
	return hdf5File{f}, nil
}

// absentError is the error for a name that a file does not have. It is fs.ErrNotExist.
type absentError string

func (e absentError) Error() string { return string(e) }

// Is reports whether target is fs.ErrNotExist.
func (e absentError) Is(target error) bool { return target == fs.ErrNotExist }

func absent(format string, args ...any) error { return absentError(fmt.Sprintf(format, args...)) }

// storedAs returns the meaning of NumPy's name of a type, such as <f4.
func storedAs(descr string) stored {
	s := stored{order: binary.LittleEndian}
	if len(descr) != 3 && len(descr) != 4 {
		return s
	}
	if descr[0] == '>' {
		s.order = binary.BigEndian
	}
	if _, err := fmt.Sscan(descr[2:], &s.size); err != nil || s.size > 16 {
		return s
	}
	switch descr[1] {
	case 'b':
		s.kind = 'u'
	case 'u', 'i', 'f', 'c':
		s.kind = descr[1]
	}
	return s
}
