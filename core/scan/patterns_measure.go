package scan

import (
	"github.com/ptychogo/ptycho/core/sweep"
	"github.com/ptychogo/ptycho/core/tensor"
)

// A measurer measures patterns of integers of at most 16 bits when they are written, as their counts are then in the processor's cache. A nil
// measurer does nothing.
type measurer struct {
	patterns, pixels int
	pass             *sweep.Pass[uint16]
	count            int64    // numbers so far
	part             []uint16 // the beginning of a pattern of which the rest follows
	void             bool     // some counts were not such integers, not in order, or too many
}

func newMeasurer(patterns, pixels int) *measurer {
	m := &measurer{patterns: patterns, pixels: pixels}
	m.restart()
	return m
}

// restart says that all patterns follow once more.
func (m *measurer) restart() {
	if m != nil {
		*m = measurer{patterns: m.patterns, pixels: m.pixels, pass: sweep.Integers(m.patterns, m.pixels, nil)}
	}
}

// measured returns what was measured of so many counts, all of whole patterns; nil if it is not that of all patterns.
func (m *measurer) measured(count int64) *sweep.Pass[uint16] {
	if m == nil || m.void || m.count != count || count != int64(m.patterns)*int64(m.pixels) {
		return nil
	}
	return m.pass
}

// add measures n counts from number `from` on, whose bytes in the file are at the beginning of memory. It changes the memory.
func (m *measurer) add(from int64, memory []uint16, n int, t tensor.DType) {
	if m == nil || m.void {
		return
	}
	if m.void = from != m.count || t == tensor.Float32 || from+int64(n) > int64(m.patterns)*int64(m.pixels); m.void {
		return
	}
	counts, at := memory[:n], int(from/int64(m.pixels))
	toIntegers(counts, t)
	m.count += int64(n)
	if len(m.part) > 0 {
		more := min(m.pixels-len(m.part), n)
		m.part, counts = append(m.part, counts[:more]...), counts[more:]
		if len(m.part) < m.pixels {
			return
		}
		m.pass.Add(at, m.part)
		m.part, at = m.part[:0], at+1
	}
	for ; len(counts) >= m.pixels; at, counts = at+1, counts[m.pixels:] {
		m.pass.Add(at, counts[:m.pixels])
	}
	m.part = append(m.part, counts...)
}
