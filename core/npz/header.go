package npz

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/tensor"
)

const (
	npyMagic = "\x93NUMPY"
	// maxHeader bounds the text of an npy header. numpy writes 118 bytes for ordinary arrays and itself rejects more
	// than 10000.
	maxHeader = 1 << 16
	maxRank   = 32 // numpy's limit until 2.0; files of this field have at most 4
	// alignment of payloads: that of numpy, and a cache line, so that mapped arrays suit vector loads.
	alignment = 64
)

// npyHeader is the header before an array's values.
type npyHeader struct {
	element Element
	refused error // why the element type cannot be read; element is then unset
	descr   string
	fortran bool
	shape   []int
	length  int64 // of the header itself, bytes
}

// count returns the number of elements; parse has checked that it fits an int.
func (h *npyHeader) count() int {
	n, _ := tensor.Count(h.shape)
	return n
}

// bytes returns the length of the payload.
func (h *npyHeader) bytes() int64 { return int64(h.count()) * int64(h.element.size) }

// readHeader reads a header and leaves r at the payload.
func readHeader(r io.Reader) (*npyHeader, error) {
	var lead [12]byte
	if _, err := io.ReadFull(r, lead[:8]); err != nil {
		return nil, fmt.Errorf("ends within the npy header: %w", err)
	}
	if string(lead[:6]) != npyMagic {
		return nil, fmt.Errorf("is not an npy array (it starts with %q)", lead[:6])
	}
	size := 0
	switch major, minor := lead[6], lead[7]; {
	case minor != 0 || major < 1 || major > 3:
		return nil, fmt.Errorf("has npy version %d.%d, want 1.0, 2.0 or 3.0", major, minor)
	case major == 1:
		size = 2
	default:
		size = 4
	}
	if _, err := io.ReadFull(r, lead[8:8+size]); err != nil {
		return nil, fmt.Errorf("ends within the npy header: %w", err)
	}
	length := uint32(binary.LittleEndian.Uint16(lead[8:]))
	if size == 4 {
		length = binary.LittleEndian.Uint32(lead[8:])
	}
	if length > maxHeader {
		return nil, fmt.Errorf("has an npy header of %d bytes; the limit is %d", length, maxHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("ends within the npy header: %w", err)
	}
	h, err := parseHeader(string(text))
	if err != nil {
		return nil, fmt.Errorf("has a damaged npy header: %w", err)
	}
	h.length = int64(8 + size + int(length))
	return h, nil
}

// parseHeader reads the header's text, a Python dict literal with the keys descr, fortran_order and shape. It accepts
// only the forms that numpy writes.
func parseHeader(text string) (*npyHeader, error) {
	h := &npyHeader{}
	p := &literal{text: text}
	seen := map[string]bool{}
	p.expect('{')
	for p.err == nil && !p.accept('}') {
		key := p.str()
		p.expect(':')
		if p.err == nil && seen[key] {
			return nil, fmt.Errorf("%q occurs twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek() == '[' || p.peek() == '(' {
				p.skipNested()
				h.descr, h.refused = "record", fmt.Errorf("it contains records of several fields, which are not supported")
				break
			}
			h.descr = p.str()
		case "fortran_order":
			h.fortran = p.boolean()
		case "shape":
			h.shape = p.tuple()
		default:
			if p.err == nil {
				return nil, fmt.Errorf("unknown key %q", key)
			}
		}
		if !p.accept(',') {
			p.expect('}')
			break
		}
	}
	if p.err == nil && strings.TrimSpace(p.text[p.at:]) != "" {
		p.fail("the end")
	}
	if p.err != nil {
		return nil, p.err
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return nil, fmt.Errorf("%q is missing", key)
		}
	}
	n, err := tensor.Count(h.shape)
	if err != nil {
		return nil, fmt.Errorf("shape %v exceeds the memory of any machine", h.shape)
	}
	if h.refused != nil {
		return h, nil
	}
	if h.element, h.refused = ParseElement(h.descr); h.refused == nil && h.element.size > 0 && n > 1<<47/h.element.size {
		return nil, fmt.Errorf("shape %v of %v exceeds the memory of any machine", h.shape, h.element)
	}
	return h, nil
}

// literal scans the Python literals that occur in npy headers. It keeps the first error.
type literal struct {
	text string
	at   int
	err  error
}

func (p *literal) fail(want string) {
	if p.err == nil {
		rest := p.text[p.at:]
		p.err = fmt.Errorf("at byte %d: want %s, found %q", p.at, want, rest[:min(len(rest), 12)])
	}
}

// peek returns the next byte that is not a space, 0 at the end.
func (p *literal) peek() byte {
	for p.at < len(p.text) && strings.IndexByte(" \t\n\r", p.text[p.at]) >= 0 {
		p.at++
	}
	if p.err != nil || p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *literal) accept(c byte) bool {
	if p.peek() != c || c == 0 {
		return false
	}
	p.at++
	return true
}

func (p *literal) expect(c byte) {
	if !p.accept(c) {
		p.fail(strconv.QuoteRune(rune(c)))
	}
}

func (p *literal) str() string {
	quote := p.peek()
	if quote != '\'' && quote != '"' {
		p.fail("a quoted string")
		return ""
	}
	end := strings.IndexByte(p.text[p.at+1:], quote)
	if end < 0 || strings.IndexByte(p.text[p.at+1:p.at+1+end], '\\') >= 0 {
		p.fail("a string without escapes")
		return ""
	}
	s := p.text[p.at+1 : p.at+1+end]
	p.at += end + 2
	return s
}

func (p *literal) boolean() bool {
	p.peek()
	for _, w := range []string{"True", "False"} {
		if p.err == nil && strings.HasPrefix(p.text[p.at:], w) {
			p.at += len(w)
			return w == "True"
		}
	}
	p.fail("True or False")
	return false
}

func (p *literal) tuple() []int {
	shape := []int{}
	p.expect('(')
	for p.err == nil && !p.accept(')') {
		p.peek()
		from := p.at
		for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
			p.at++
		}
		v, err := strconv.ParseInt(p.text[from:p.at], 10, 48)
		if err != nil || len(shape) == maxRank {
			p.at = from
			p.fail(fmt.Sprintf("at most %d extents, each a number from 0 to 2^47", maxRank))
			return nil
		}
		p.accept('L') // suffix of Python 2's long integers
		shape = append(shape, int(v))
		if p.accept(',') {
			continue
		}
		if len(shape) == 1 {
			p.fail("a comma, because (n) is not a tuple")
			return nil
		}
		p.expect(')')
		break
	}
	return shape
}

// skipNested skips a list or tuple.
func (p *literal) skipNested() {
	depth := 0
	for p.err == nil {
		switch c := p.peek(); c {
		case 0:
			p.fail("the end of a list")
		case '\'', '"':
			p.str()
		case '[', '(':
			depth++
			p.at++
		case ']', ')':
			depth--
			p.at++
			if depth == 0 {
				return
			}
		default:
			p.at++
		}
	}
}

// appendHeader appends the npy header of an array in C order, padded so that the payload is aligned if the header is.
func appendHeader(to []byte, e Element, shape []int) []byte {
	var dims strings.Builder
	for i, d := range shape {
		if i > 0 {
			dims.WriteString(", ")
		}
		dims.WriteString(strconv.Itoa(d))
	}
	if len(shape) == 1 {
		dims.WriteString(",")
	}
	text := fmt.Sprintf("{'descr': '%v', 'fortran_order': False, 'shape': (%s), }", e, dims.String())
	const lead = 10                                                         // magic, version, length; shapes of rank ≤ 32 always fit version 1.0
	total := (lead + len(text) + 1 + alignment - 1) / alignment * alignment // +1: the newline
	to = slices.Grow(to, total)
	to = append(to, npyMagic...)
	to = append(to, 1, 0)
	to = binary.LittleEndian.AppendUint16(to, uint16(total-lead))
	to = append(to, text...)
	to = append(to, bytes.Repeat([]byte{' '}, total-lead-len(text)-1)...)
	return append(to, '\n')
}
