package acquisition

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/npz"
)

// stored is the way in which a file stores a number.
type stored struct {
	kind  byte // u unsigned, i signed, f float, c complex; 0 for another
	size  int  // bytes
	order binary.ByteOrder
}

// number returns the smallest Number that holds every value.
func (s stored) number() Number {
	first := map[byte]Number{'u': Uint8, 'i': Int8}[s.kind]
	switch {
	case first != 0:
		for first.Size() < s.size {
			first += 2
		}
		return first
	case s.kind == 'f' && s.size <= 4:
		return Float32
	case s.kind == 'f':
		return Float64
	}
	return 0
}

func (s stored) float(b []byte) float64 {
	switch s.size {
	case 2:
		return npz.Half(s.order.Uint16(b))
	case 4:
		return float64(math.Float32frombits(s.order.Uint32(b)))
	}
	return math.Float64frombits(s.order.Uint64(b))
}

func (s stored) uint(b []byte) uint64 {
	switch s.size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(s.order.Uint16(b))
	case 4:
		return uint64(s.order.Uint32(b))
	}
	return s.order.Uint64(b)
}

func (s stored) int(b []byte) int64 {
	shift := 64 - 8*s.size
	return int64(s.uint(b)) << shift >> shift
}

// decode fills dst, a slice of numbers or complex numbers, with the values of raw.
func (s stored) decode(dst any, raw []byte) error {
	if s.kind == 0 {
		return fmt.Errorf("holds values that are not numbers")
	}
	b, err := blockOf(dst)
	if err != nil {
		return err
	}
	return b.decode(raw, s)
}

func (s stored) complexes(dst []complex128, raw []byte) error {
	part := s
	if s.kind != 'c' {
		values := make([]float64, len(dst))
		err := decode(values, raw, s)
		for i, v := range values {
			dst[i] = complex(v, 0)
		}
		return err
	}
	part.kind, part.size = 'f', s.size/2
	for i := range dst {
		b := raw[i*s.size:]
		dst[i] = complex(part.float(b), part.float(b[part.size:]))
	}
	return nil
}

func decode[T realType](dst []T, raw []byte, s stored) error {
	fraction := 0.5
	floats := T(fraction) != 0
	for i := range dst {
		b := raw[i*s.size : (i+1)*s.size]
		switch s.kind {
		case 'u':
			v := s.uint(b)
			if dst[i] = T(v); !floats && (uint64(dst[i]) != v || dst[i] < 0) {
				return fmt.Errorf("value %d does not fit %T", v, dst[i])
			}
		case 'i':
			v := s.int(b)
			if dst[i] = T(v); !floats && (int64(dst[i]) != v || (dst[i] < 0) != (v < 0)) {
				return fmt.Errorf("value %d does not fit %T", v, dst[i])
			}
		case 'f':
			v := s.float(b)
			if dst[i] = T(v); !floats && (!(math.Abs(v) < 1<<53) || float64(dst[i]) != v) {
				return fmt.Errorf("value %v does not fit %T", v, dst[i])
			}
		default:
			return fmt.Errorf("holds complex numbers, and real numbers are expected")
		}
	}
	return nil
}
