package track

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// The event files that TensorBoard reads are records in TensorFlow's framing that hold protocol buffers of type Event
// (tensorflow/core/util/event.proto and framework/summary.proto). The messages are few and fixed. Therefore they are encoded
// field by field, without generated code.
//
// A record is its length as uint64, a checksum of these 8 bytes, the payload, and a checksum of the payload, all little
// endian (tensorflow/core/lib/io/record_writer.h).
const (
	lengthSize   = 8
	checksumSize = 4
	frameSize    = lengthSize + 2*checksumSize
)

// maxRecord is larger than any picture. A greater length means a damaged file.
const maxRecord = 256 << 20

// errTorn is the error of an incomplete or damaged record. The rest of the file cannot be read.
var errTorn = errors.New("a record is incomplete or damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked returns TensorFlow's checksum: CRC-32C, rotated and shifted by a constant, because a checksum of data that contain
// their own checksum says little (tensorflow/core/lib/hash/crc32c.h).
func masked(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// appendRecord appends the payload as a record.
func appendRecord(b, payload []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, masked(b[start:]))
	b = append(b, payload...)
	return binary.LittleEndian.AppendUint32(b, masked(payload))
}

// readRecord reads the first record of data. At the end it returns io.EOF.
func readRecord(data []byte) (payload, rest []byte, err error) {
	if len(data) == 0 {
		return nil, nil, io.EOF
	}
	if len(data) < frameSize {
		return nil, nil, errTorn
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxRecord || n > uint64(len(data)-frameSize) || binary.LittleEndian.Uint32(data[lengthSize:]) != masked(data[:lengthSize]) {
		return nil, nil, errTorn
	}
	payload = data[lengthSize+checksumSize:][:n]
	rest = data[lengthSize+checksumSize+n:]
	if binary.LittleEndian.Uint32(rest) != masked(payload) {
		return nil, nil, errTorn
	}
	return payload, rest[checksumSize:], nil
}
