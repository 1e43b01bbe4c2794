package npz

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/disk"
)

// Named is an array with its name in an archive.
type Named struct {
	Name   string
	Tensor tensor.Tensor
}

// Text returns a text as an array of its UTF-8 bytes (uint8), which every reader of npz files can read without
// pickling.
func Text(name, text string) Named {
	return Named{name, tensor.Must([]uint8(text), len(text))}
}

// Write writes an npz archive atomically, with the arrays in the given order. The bytes depend only on the arrays:
// members are stored uncompressed, their time is the zip format's zero (1980), payloads are aligned to 64 bytes in the
// file.
func Write(path string, arrays ...Named) error {
	return WriteEach(path, func(add func(Named) error) error { return addAll(add, arrays) })
}

// WriteEach is Write for arrays that need not be in memory at the same time: write passes one after the other to add, which does
// not keep them.
func WriteEach(path string, write func(add func(Named) error) error) error {
	return writeFile(path, func(w io.Writer) error {
		seen := map[string]bool{}
		return writeArchive(w, math.MaxUint32, func(add func(Named) error) error {
			return write(func(a Named) error {
				switch {
				case a.Name == "" || len(a.Name) > 1000:
					return fmt.Errorf("%q is not a valid array name", a.Name)
				case seen[a.Name]:
					return fmt.Errorf("array %q is given twice", a.Name)
				case a.Tensor.IsZero():
					return fmt.Errorf("array %q is empty", a.Name)
				}
				seen[a.Name] = true
				return add(a)
			})
		})
	})
}

func addAll(add func(Named) error, arrays []Named) error {
	for _, a := range arrays {
		if err := add(a); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, write func(io.Writer) error) error {
	if err := disk.WriteFrom(path, write); err != nil {
		return WriteError(path, err)
	}
	return nil
}

// Encode writes the bytes of an archive, as Write does.
func Encode(w io.Writer, arrays ...Named) error {
	return writeArchive(w, math.MaxUint32, func(add func(Named) error) error { return addAll(add, arrays) })
}

// Sizes of zip's fixed records and its constants (APPNOTE 6.3.10, sections 4.3 and 4.4).
const (
	localSize     = 30
	zip64Extra    = 0x0001 // sizes and offset that do not fit 32 bits
	paddingExtra  = 0xd935 // "alignment": its value in 2 bytes, then zeros; readers skip it
	versionStored = 20
	versionZip64  = 45
	epochDate     = 1<<5 | 1 // 1 January 1980
)

// writeArchive writes a zip archive; numbers from limit on use the zip64 forms (a parameter for tests).
func writeArchive(w io.Writer, limit uint64, write func(add func(Named) error) error) error {
	a := zipFile{w: w, limit: limit}
	files := 0
	err := write(func(one Named) error {
		files++
		return a.add(one)
	})
	if err != nil {
		return err
	}
	return a.finish(files)
}

// zipFile is a zip archive during writing.
type zipFile struct {
	w         io.Writer
	limit     uint64
	offset    uint64 // of the next file
	directory []byte
}

// clip returns a number for a 32-bit field; a number that does not fit is stored elsewhere.
func (a *zipFile) clip(v uint64) uint32 {
	if v >= a.limit {
		return math.MaxUint32
	}
	return uint32(v)
}

// add writes an array as a file and adds it to the directory.
func (a *zipFile) add(array Named) error {
	le := binary.LittleEndian
	head := appendHeader(nil, elementOf(array.Tensor.DType()), array.Tensor.Shape())
	payload := array.Tensor.Bytes()
	sum := crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, payload)
	size := uint64(len(head) + len(payload))
	name := array.Name + ".npy"

	var extra []byte // of the local header: sizes if they are large, then padding
	version := uint16(versionStored)
	if size >= a.limit {
		version = versionZip64
		extra = le.AppendUint16(extra, zip64Extra)
		extra = le.AppendUint16(extra, 16)
		extra = le.AppendUint64(extra, size)
		extra = le.AppendUint64(extra, size)
	}
	extra = appendPadding(extra, a.offset+localSize+uint64(len(name)))

	// Version, flags (bit 11: the name is UTF-8), method (stored), time, date, checksum, both sizes, length of the
	// name: the same in both records.
	common := le.AppendUint16(nil, version)
	common = le.AppendUint16(common, 1<<11)
	common = le.AppendUint16(common, 0)
	common = le.AppendUint16(common, 0)
	common = le.AppendUint16(common, epochDate)
	common = le.AppendUint32(common, sum)
	common = le.AppendUint32(common, a.clip(size))
	common = le.AppendUint32(common, a.clip(size))
	common = le.AppendUint16(common, uint16(len(name)))

	local := append([]byte("PK\x03\x04"), common...)
	local = le.AppendUint16(local, uint16(len(extra)))
	local = append(append(local, name...), extra...)
	for _, part := range [][]byte{local, head, payload} {
		if _, err := a.w.Write(part); err != nil {
			return err
		}
	}
	a.note(name, common, size)
	a.offset += uint64(len(local)) + size
	return nil
}

// note adds a file of that size at the offset to the directory.
func (a *zipFile) note(name string, common []byte, size uint64) {
	le := binary.LittleEndian
	version := le.Uint16(common)
	var large []byte // the directory's zip64 numbers: the clipped ones, in this order
	if size >= a.limit {
		large = le.AppendUint64(large, size)
		large = le.AppendUint64(large, size)
	}
	if a.offset >= a.limit {
		version = versionZip64
		large = le.AppendUint64(large, a.offset)
	}
	if len(large) > 0 {
		large = append(le.AppendUint16(le.AppendUint16(nil, zip64Extra), uint16(len(large))), large...)
	}
	d := append(a.directory, "PK\x01\x02"...)
	d = le.AppendUint16(d, version) // made by: MS-DOS attributes
	le.PutUint16(common, version)
	d = append(d, common...)
	d = le.AppendUint16(d, uint16(len(large)))
	d = append(d, make([]byte, 2+2+2+4)...) // comment, disk, attributes
	d = le.AppendUint32(d, a.clip(a.offset))
	a.directory = append(append(d, name...), large...)
}

// finish writes the directory of the given number of files and the records after it.
func (a *zipFile) finish(files int) error {
	le := binary.LittleEndian
	end := a.directory
	start, length, count := a.offset, uint64(len(a.directory)), uint64(files)
	if start >= a.limit || length >= a.limit || count >= math.MaxUint16 {
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
	end = le.AppendUint32(end, a.clip(length))
	end = le.AppendUint32(end, a.clip(start))
	end = append(end, 0, 0) // comment
	_, err := a.w.Write(end)
	return err
}

// appendPadding appends an extra field that aligns the data after it; at is the position of the extra fields in the
// file.
func appendPadding(extra []byte, at uint64) []byte {
	const least = 4 + 2 // tag, length, the alignment itself
	used := at + uint64(len(extra)) + least
	zeros := (alignment - used%alignment) % alignment
	extra = binary.LittleEndian.AppendUint16(extra, paddingExtra)
	extra = binary.LittleEndian.AppendUint16(extra, uint16(2+zeros))
	extra = binary.LittleEndian.AppendUint16(extra, alignment)
	return append(extra, make([]byte, zeros)...)
}
