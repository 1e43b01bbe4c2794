package mat

import (
	"bytes"
	"fmt"
	"io"
)

// A parser reads the elements of one variable in order.
type parser struct {
	f     *File
	r     io.Reader
	from  Variable // its place
	at    int64    // bytes read
	limit int64    // bytes that there can be
}

func (p *parser) bytes(n int64) ([]byte, error) {
	if n < 0 || n > p.limit-p.at {
		return nil, errShort
	}
	b := make([]byte, n)
	got, err := io.ReadFull(p.r, b)
	p.at += int64(got)
	if err != nil {
		return nil, errShort
	}
	return b, nil
}

// to skips to an offset.
func (p *parser) to(at int64) error {
	if at < p.at || at > p.limit {
		return errShort
	}
	n, err := io.CopyN(io.Discard, p.r, at-p.at)
	p.at += n
	if err != nil {
		return errShort
	}
	return nil
}

// tag reads the tag of an element whose length is in the next four bytes: all but small ones.
func (p *parser) tag() (kind uint32, length int64, err error) {
	b, err := p.bytes(8)
	if err != nil {
		return 0, 0, err
	}
	return p.f.Order.Uint32(b), int64(p.f.Order.Uint32(b[4:])), nil
}

// number reads the tag of an element of numbers, which may be a small one. Its bytes begin at data, and the next element at end.
func (p *parser) number() (kind uint32, length, data, end int64, small []byte, err error) {
	b, err := p.bytes(8)
	if err != nil {
		return 0, 0, 0, 0, nil, err
	}
	kind = p.f.Order.Uint32(b)
	if n := int64(kind >> 16); n != 0 {
		if n > 4 {
			return 0, 0, 0, 0, nil, fmt.Errorf("a small element claims %d bytes; the file is damaged", n)
		}
		return kind & 0xffff, n, p.at - 4, p.at, b[4 : 4+n], nil
	}
	length = int64(p.f.Order.Uint32(b[4:]))
	return kind, length, p.at, p.at + (length+7)/8*8, nil, nil
}

// values reads a short element whole.
func (p *parser) values(most int64) (kind uint32, b []byte, err error) {
	kind, length, _, end, b, err := p.number()
	if err != nil || b != nil {
		return kind, b, err
	}
	if length > most {
		return 0, nil, fmt.Errorf("the head of a variable has an element of %d bytes; the file is damaged", length)
	}
	if b, err = p.bytes(length); err != nil {
		return 0, nil, err
	}
	return kind, b, p.to(end)
}

// ints reads a short element of integers of 32 bits.
func (p *parser) ints(most int64) ([]int, error) {
	_, b, err := p.values(4 * most)
	if err != nil {
		return nil, err
	}
	var out []int
	for ; len(b) >= 4; b = b[4:] {
		out = append(out, int(int32(p.f.Order.Uint32(b))))
	}
	return out, nil
}

// matrix reads the head of an array that ends at end, and describes it. The values of the outermost array are not read.
func (p *parser) matrix(name string, end int64, depth int, outermost bool) error {
	if depth > maxDepth {
		return fmt.Errorf("structures are more than %d deep", maxDepth)
	}
	if p.at == end { // empty
		return nil
	}
	flags, err := p.ints(2)
	if err != nil {
		return err
	}
	dims, err := p.ints(32)
	if err != nil {
		return err
	}
	_, own, err := p.values(maxName)
	if err != nil {
		return err
	}
	if outermost {
		name = string(own)
	}
	n, err := elements(dims)
	if err != nil || len(flags) == 0 || len(dims) == 0 {
		return errShort
	}
	switch class := flags[0] & 0xff; {
	case class == classStruct:
		if err := p.structure(name, n, depth); err != nil {
			return err
		}
	case class == classCell:
		for i := range n {
			if err := p.inner(fmt.Sprintf("%s{%d}", name, i+1), depth); err != nil {
				return err
			}
		}
	case class >= firstNumeric && class <= lastNumeric:
		if err := p.numeric(name, dims, n, flags[0]>>8&flagComplex != 0); err != nil {
			return err
		}
	}
	if outermost {
		return nil
	}
	return p.to(end)
}

// inner reads an array within another.
func (p *parser) inner(name string, depth int) error {
	kind, length, err := p.tag()
	if err != nil {
		return err
	}
	if kind != typeMatrix || length > p.limit-p.at {
		return fmt.Errorf("%s: an element of type %d and %d bytes stands where an array is expected; the file is damaged", name, kind, length)
	}
	return p.matrix(name, p.at+length, depth+1, false)
}

// structure reads the fields of n structures.
func (p *parser) structure(name string, n int64, depth int) error {
	length, err := p.ints(1)
	if err != nil {
		return err
	}
	_, names, err := p.values(maxName)
	if err != nil {
		return err
	}
	if len(length) != 1 || length[0] < 1 || len(names)%length[0] != 0 {
		return fmt.Errorf("%s has names of fields of %d bytes each in %d", name, length, len(names))
	}
	for i := range n {
		for at := 0; at < len(names); at += length[0] {
			field, _, _ := bytes.Cut(names[at:at+length[0]], []byte{0})
			if err := p.inner(fieldName(name, string(field), i, n), depth); err != nil {
				return err
			}
		}
		if len(names) == 0 {
			break
		}
	}
	return nil
}

// numeric describes an array of numbers.
func (p *parser) numeric(name string, dims []int, n int64, isComplex bool) error {
	kind, length, data, end, _, err := p.number()
	if err != nil {
		return err
	}
	t, ok := types[kind]
	if !ok || length != n*int64(t.size) {
		return fmt.Errorf("%s has %d bytes of type %d for the dimensions %d; the file is damaged", name, length, kind, dims)
	}
	if end > p.limit+7 { // the last padding may be missing
		return errShort
	}
	v := p.from
	v.Name, v.Dims, v.Kind, v.Size, v.Complex, v.real = name, dims, t.kind, t.size, isComplex, data
	if len(p.f.Variables) >= maxVariables {
		return fmt.Errorf("the file has more than %d arrays", maxVariables)
	}
	p.f.Variables = append(p.f.Variables, &v)
	if !isComplex {
		return nil
	}
	if err := p.to(end); err != nil {
		return err
	}
	second, length, data, end, _, err := p.number()
	if err != nil {
		return err
	}
	if second != kind || length != n*int64(t.size) || end > p.limit+7 {
		return fmt.Errorf("%s has real and imaginary parts of different types or lengths, which is not read", name)
	}
	v.imag = data
	return nil
}
