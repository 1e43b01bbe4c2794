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
	var directory []byte
	offset := uint64(0)
	for _, a := range arrays {
		head := appendHeader(nil, elementOf(a.Tensor.DType()), a.Tensor.Shape())
		payload := a.Tensor.Bytes()
		m := member{
			name: a.Name + ".npy", sum: crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, payload),
			size: uint64(len(head) + len(payload)), offset: offset, limit: limit,
		}
		local := m.local()
		for _, part := range [][]byte{local, head, payload} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		directory = m.appendCentral(directory)
		offset += uint64(len(local)) + m.size
	}
	_, err := w.Write(appendEnd(directory, offset, uint64(len(arrays)), limit))
	return err
}

// member is what both records of a file in the archive say of it.
type member struct {
	name         string
	sum          uint32
	size, offset uint64 // offset is where its local record begins
	limit        uint64
}

// clip is v in 32 bits: all ones, which refer to the zip64 form, from limit on.
func clip(v, limit uint64) uint32 {
	if v >= limit {
		return math.MaxUint32
	}
	return uint32(v)
}

// local is the record in front of the data, which its padding aligns.
func (m member) local() []byte {
	le := binary.LittleEndian
	var extra []byte // sizes if they are large, then padding
	version := uint16(versionStored)
	if m.size >= m.limit {
		version = versionZip64
		extra = le.AppendUint16(extra, zip64Extra)
		extra = le.AppendUint16(extra, 16)
		extra = le.AppendUint64(extra, m.size)
		extra = le.AppendUint64(extra, m.size)
	}
	extra = appendPadding(extra, m.offset+localSize+uint64(len(m.name)))
	record := m.appendFields([]byte("PK\x03\x04"), version)
	record = le.AppendUint16(record, uint16(len(extra)))
	return append(append(record, m.name...), extra...)
}

// appendFields appends what both records have in common: version, flags (bit 11: the name is UTF-8), method (stored),
// time, date, checksum, both sizes, length of the name.
func (m member) appendFields(record []byte, version uint16) []byte {
	le := binary.LittleEndian
	record = le.AppendUint16(record, version)
	record = le.AppendUint16(record, 1<<11)
	record = le.AppendUint16(record, 0)
	record = le.AppendUint16(record, 0)
	record = le.AppendUint16(record, epochDate)
	record = le.AppendUint32(record, m.sum)
	record = le.AppendUint32(record, clip(m.size, m.limit))
	record = le.AppendUint32(record, clip(m.size, m.limit))
	return le.AppendUint16(record, uint16(len(m.name)))
}

// appendCentral appends the member's record in the directory.
func (m member) appendCentral(directory []byte) []byte {
	le := binary.LittleEndian
	var large []byte // only the numbers that were clipped, in this order
	if m.size >= m.limit {
		large = le.AppendUint64(large, m.size)
		large = le.AppendUint64(large, m.size)
	}
	if m.offset >= m.limit {
		large = le.AppendUint64(large, m.offset)
	}
	version := uint16(versionStored)
	if len(large) > 0 {
		version = versionZip64
		large = append(le.AppendUint16(le.AppendUint16(nil, zip64Extra), uint16(len(large))), large...)
	}
	directory = append(directory, "PK\x01\x02"...)
	directory = le.AppendUint16(directory, version) // made by: MS-DOS attributes
	directory = m.appendFields(directory, version)
	directory = le.AppendUint16(directory, uint16(len(large)))
	directory = append(directory, make([]byte, 2+2+2+4)...) // comment, disk, attributes
	directory = le.AppendUint32(directory, clip(m.offset, m.limit))
	return append(append(directory, m.name...), large...)
}

// appendEnd appends to the directory, which begins at start in the file, the records that close the archive.
func appendEnd(directory []byte, start, count, limit uint64) []byte {
	le := binary.LittleEndian
	end, length := directory, uint64(len(directory))
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
	end = le.AppendUint32(end, clip(length, limit))
	end = le.AppendUint32(end, clip(start, limit))
	return append(end, 0, 0) // comment
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
