package format

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ptychogo/ptycho/core/tensor"
)

// Named is an array with its name in an archive.
type Named struct {
	Name   string
	Tensor tensor.Tensor
}

// Text makes a text an array: its UTF-8 bytes as uint8, which every reader of npz files can read without pickling.
func Text(name, text string) Named {
	return Named{name, tensor.Must([]uint8(text), len(text))}
}

// WriteNPZ writes an npz archive in the order given. The bytes depend on nothing but the arrays: members are stored,
// their time is the zip format's zero (1980), payloads are aligned to 64 bytes in the file. The file appears complete or
// not at all.
func WriteNPZ(path string, arrays ...Named) error {
	seen := map[string]bool{}
	for _, a := range arrays {
		switch {
		case a.Name == "" || len(a.Name) > 1000:
			return errorf(path, "cannot be written: %q is no name for an array", a.Name)
		case seen[a.Name]:
			return errorf(path, "cannot be written: array %q is given twice", a.Name)
		case a.Tensor.IsZero():
			return errorf(path, "cannot be written: array %q is empty", a.Name)
		}
		seen[a.Name] = true
	}
	return writeFile(path, func(w io.Writer) error { return writeArchive(w, math.MaxUint32, arrays) })
}

// Sizes of zip's fixed records and its constants (APPNOTE 6.3.10, sections 4.3 and 4.4).
const (
	localSize     = 30
	zip64Extra    = 0x0001 // sizes and offset that do not fit 32 bits
	paddingExtra  = 0xd935 // "alignment": 2 bytes that tell it, then zeros; readers skip it
	versionStored = 20
	versionZip64  = 45
	epochDate     = 1<<5 | 1 // 1 January 1980
)

// writeArchive writes a zip archive; numbers from limit on use the zip64 forms (a parameter so that tests reach them).
func writeArchive(w io.Writer, limit uint64, arrays []Named) error {
	le := binary.LittleEndian
	clip := func(v uint64) uint32 {
		if v >= limit {
			return math.MaxUint32
		}
		return uint32(v)
	}
	var directory []byte
	offset := uint64(0)
	for _, a := range arrays {
		head := appendHeader(nil, elementOf(a.Tensor.DType()), a.Tensor.Shape())
		payload := a.Tensor.Bytes()
		sum := crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, payload)
		size := uint64(len(head) + len(payload))
		name := a.Name + ".npy"

		var extra []byte // of the local header: sizes if they are large, then padding
		version := uint16(versionStored)
		if size >= limit {
			version = versionZip64
			extra = le.AppendUint16(extra, zip64Extra)
			extra = le.AppendUint16(extra, 16)
			extra = le.AppendUint64(extra, size)
			extra = le.AppendUint64(extra, size)
		}
		extra = appendPadding(extra, offset+localSize+uint64(len(name)))

		// Version, flags (bit 11: the name is UTF-8), method (stored), time, date, checksum, both sizes, length of the
		// name: the same in both records.
		common := le.AppendUint16(nil, version)
		common = le.AppendUint16(common, 1<<11)
		common = le.AppendUint16(common, 0)
		common = le.AppendUint16(common, 0)
		common = le.AppendUint16(common, epochDate)
		common = le.AppendUint32(common, sum)
		common = le.AppendUint32(common, clip(size))
		common = le.AppendUint32(common, clip(size))
		common = le.AppendUint16(common, uint16(len(name)))

		local := append([]byte("PK\x03\x04"), common...)
		local = le.AppendUint16(local, uint16(len(extra)))
		local = append(append(local, name...), extra...)
		for _, part := range [][]byte{local, head, payload} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}

		var large []byte // the zip64 numbers of the directory: only those that were clipped, in this order
		if size >= limit {
			large = le.AppendUint64(large, size)
			large = le.AppendUint64(large, size)
		}
		if offset >= limit {
			version = versionZip64
			large = le.AppendUint64(large, offset)
		}
		if len(large) > 0 {
			large = append(le.AppendUint16(le.AppendUint16(nil, zip64Extra), uint16(len(large))), large...)
		}
		directory = append(directory, "PK\x01\x02"...)
		directory = le.AppendUint16(directory, version) // made by: MS-DOS attributes
		le.PutUint16(common, version)
		directory = append(directory, common...)
		directory = le.AppendUint16(directory, uint16(len(large)))
		directory = append(directory, make([]byte, 2+2+2+4)...) // comment, disk, attributes
		directory = le.AppendUint32(directory, clip(offset))
		directory = append(append(directory, name...), large...)

		offset += uint64(len(local)) + size
	}

	end := directory
	start, length, count := offset, uint64(len(directory)), uint64(len(arrays))
	if start >= limit || length >= limit || count >= math.MaxUint16 {
		record := start + length
		end = append(end, "PK\x06\x06"...)
		end = le.AppendUint64(end, 44) // the rest of this record
		end = le.AppendUint16(end, versionZip64)
		end = le.AppendUint16(end, versionZip64)
		end = append(end, make([]byte, 8)...) // disks
		end = le.AppendUint64(end, count)
		end = le.AppendUint64(end, count)
		end = le.AppendUint64(end, length)
		end = le.AppendUint64(end, start)
		end = append(end, "PK\x06\x07"...)
		end = append(end, make([]byte, 4)...)
		end = le.AppendUint64(end, record)
		end = le.AppendUint32(end, 1)
	}
	end = append(end, "PK\x05\x06"...)
	end = append(end, make([]byte, 4)...) // disks
	end = le.AppendUint16(end, uint16(min(count, math.MaxUint16)))
	end = le.AppendUint16(end, uint16(min(count, math.MaxUint16)))
	end = le.AppendUint32(end, clip(length))
	end = le.AppendUint32(end, clip(start))
	end = append(end, 0, 0) // comment
	_, err := w.Write(end)
	return err
}

// appendPadding appends an extra field that makes what follows begin at a multiple of the alignment; at is where the
// extra fields begin in the file.
func appendPadding(extra []byte, at uint64) []byte {
	const least = 4 + 2 // tag, length, the alignment itself
	used := at + uint64(len(extra)) + least
	zeros := (alignment - used%alignment) % alignment
	extra = binary.LittleEndian.AppendUint16(extra, paddingExtra)
	extra = binary.LittleEndian.AppendUint16(extra, uint16(2+zeros))
	extra = binary.LittleEndian.AppendUint16(extra, alignment)
	return append(extra, make([]byte, zeros)...)
}

// writeFile makes a file appear complete or not at all: it writes a temporary file in the same folder, syncs it,
// renames it and syncs the folder.
func writeFile(path string, write func(io.Writer) error) (err error) {
	fail := func(err error) error {
		var p *fs.PathError
		if errors.As(err, &p) { // its path is that of the temporary file
			err = p.Err
		}
		return errorf(path, "cannot be written: %w", err)
	}
	folder, name := filepath.Split(path)
	if folder == "" {
		folder = "."
	}
	f, err := os.CreateTemp(folder, "."+name+".*.tmp")
	if err != nil {
		return fail(err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return fail(err)
	}
	if err := w.Flush(); err != nil {
		return fail(err)
	}
	if err := f.Chmod(0o644); err != nil { // temporary files are private, results are not
		return fail(err)
	}
	if err := f.Sync(); err != nil {
		return fail(err)
	}
	if err := f.Close(); err != nil {
		return fail(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fail(err)
	}
	if runtime.GOOS == "windows" { // which cannot sync folders
		return nil
	}
	d, err := os.Open(folder)
	if err != nil {
		return nil // a folder that may be written but not read: the file is there all the same
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fail(err)
	}
	return nil
}
