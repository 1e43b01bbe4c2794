package hdf5

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The fast path for elements of 1, 2 and 4 bytes must give what the plain one gives, of random, sparse and small values.
func TestUntranspose_FastPathEqualsPlainOne(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 2, 3, 4, 8} {
		for _, n := range []int{8, 56, 64, 72, 512, 4096, 4104} {
			for zeros := range 8 * size {
				planes := make([]byte, n*size)
				for i := range planes[:(8*size-zeros)*n/8] {
					planes[i] = byte(r.Uint32())
				}
				got, want := bytes.Repeat([]byte{0xaa}, n*size), make([]byte, n*size)
				untranspose(got, planes, n, size)
				untransposeRest(want, planes, n/8, size, 0)
				if !bytes.Equal(got, want) {
					t.Fatalf("%d elements of %d bytes, %d planes of zeros: other elements", n, size, zeros)
				}
			}
		}
	}
}

// Bit 0 of each element lies in the first plane.
func TestUntranspose_PutsBitsInTheirPlaces(t *testing.T) {
	const n = 64
	for bit := range 16 {
		for element := range n {
			planes, got := make([]byte, 2*n), make([]byte, 2*n)
			planes[bit*n/8+element/8] = 1 << (element % 8)
			untranspose(got, planes, n, 2)
			want := make([]byte, 2*n)
			want[2*element+bit/8] = 1 << (bit % 8)
			if !bytes.Equal(got, want) {
				t.Fatalf("bit %d of element %d: got %v", bit, element, got)
			}
		}
	}
}

func TestAsStored_OnlyTheSameType(t *testing.T) {
	type count uint16
	for _, c := range []struct {
		t  *Type
		ok [6]bool // uint16, count, int16, float32, float64, uint8
	}{
		{&Type{Kind: Uint, Size: 2, BigEndian: bigEndianMachine()}, [6]bool{true, true}},
		{&Type{Kind: Uint, Size: 2, BigEndian: !bigEndianMachine()}, [6]bool{}},
		{&Type{Kind: Int, Size: 2, BigEndian: bigEndianMachine()}, [6]bool{2: true}},
		{&Type{Kind: Float, Size: 4, BigEndian: bigEndianMachine()}, [6]bool{3: true}},
		{&Type{Kind: Float, Size: 8, BigEndian: bigEndianMachine()}, [6]bool{4: true}},
		{&Type{Kind: Uint, Size: 1, BigEndian: !bigEndianMachine()}, [6]bool{5: true}},
		{&Type{Kind: Uint, Size: 2, odd: "an offset of bits"}, [6]bool{}},
	} {
		var got [6]bool
		_, got[0] = asStored([]uint16{1}, c.t)
		_, got[1] = asStored([]count{1}, c.t)
		_, got[2] = asStored([]int16{1}, c.t)
		_, got[3] = asStored([]float32{1}, c.t)
		_, got[4] = asStored([]float64{1}, c.t)
		_, got[5] = asStored([]uint8{1}, c.t)
		if got != c.ok {
			t.Errorf("%s: %v, want %v", c.t, got, c.ok)
		}
	}
}

// patternsFile returns a file with a dataset "a" of n×16×16 uint16 in deflated chunks of two rows of the first dimension.
func patternsFile(t *testing.T, n int) ([]byte, []uint16) {
	t.Helper()
	values := make([]uint16, n*256)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range values {
		values[i] = uint16(r.Uint32N(400))
	}
	return deflated(t, values, []uint64{uint64(n), 16, 16}), values
}

// Blocks that begin and end inside of chunks, read as the stored type and as others, by one and by several goroutines.
func TestRead_BlocksEqualInEveryTypeAndNumberOfWorkers(t *testing.T) {
	const n = 37
	b, values := patternsFile(t, n)
	for _, workers := range []int{1, 2, 7} {
		f, err := NewFile("test", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		f.SetWorkers(workers)
		d, err := f.Dataset("/a")
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range [][2][]uint64{{{0, 0, 0}, {n, 16, 16}}, {{1, 0, 0}, {n - 2, 16, 16}}, {{3, 2, 5}, {30, 7, 9}}, {{4, 0, 0}, {2, 16, 16}}, {{n - 1, 0, 0}, {1, 16, 16}}} {
			start, count := block[0], block[1]
			var want []uint16
			for i := range count[0] {
				for j := range count[1] {
					at := ((start[0]+i)*16+start[1]+j)*16 + start[2]
					want = append(want, values[at:at+count[2]]...)
				}
			}
			got, floats := make([]uint16, len(want)), make([]float32, len(want))
			if err := errors.Join(Read(d, got, start, count), Read(d, floats, start, count)); err != nil {
				t.Fatal(err)
			}
			equal := slices.EqualFunc(want, floats, func(a uint16, b float32) bool { return float32(a) == b })
			if !slices.Equal(got, want) || !equal {
				t.Errorf("%d workers, block %d from %d: other values", workers, count, start)
			}
		}
		f.Close()
	}
}

// Of several damaged chunks, the first in the order of the block is reported, whatever the order of the goroutines.
func TestRead_ReportsFirstDamagedChunk(t *testing.T) {
	b, values := patternsFile(t, 40)
	f, err := NewFile("test", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Dataset("/a")
	if err != nil {
		t.Fatal(err)
	}
	out := make([]uint16, len(values))
	if err := Read(d, out, []uint64{0, 0, 0}, []uint64{40, 16, 16}); err != nil {
		t.Fatal(err)
	}
	step := d.layout.chunk[0]
	first := 3 * step
	for n, c := range d.index.refs {
		if n >= 3 && n%2 == 1 {
			b[c.addr] ^= 0xff
		}
	}
	f.SetWorkers(6)
	for range 200 {
		err := Read(d, out, []uint64{0, 0, 0}, []uint64{40, 16, 16})
		if err == nil || !strings.Contains(err.Error(), "chunk [3 0 0] of /a") {
			t.Fatalf("error %v, want that of the chunk of row %d", err, first)
		}
	}
}

// The place of a value that does not fit counts from the start of the block, although it is converted piece by piece.
func TestRead_NamesPlaceOfValueInBlock(t *testing.T) {
	const n = pieceBytes/512 + 10 // patterns in more than one piece
	values := make([]uint16, n*256)
	values[len(values)-5] = math.MaxUint16
	b := deflated(t, values, []uint64{n, 16, 16})
	f, err := NewFile("test", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Dataset("/a")
	if err != nil {
		t.Fatal(err)
	}
	err = Read(d, make([]uint8, len(values)), []uint64{0, 0, 0}, []uint64{n, 16, 16})
	var bad *ValueError
	if !errors.As(err, &bad) || !strings.Contains(bad.Msg, "value 65535 at element 2099707 ") {
		t.Errorf("error %v", err)
	}
}

// deflated returns a file with the dataset "a" in deflated chunks of two rows.
func deflated(t *testing.T, values []uint16, shape []uint64) []byte {
	t.Helper()
	m := &memory{}
	w := NewWriter(m)
	d := Create[uint16](w.Root(), "a", shape, Storage{Rows: 2, Level: 1})
	if err := errors.Join(d.Write(values), w.Close()); err != nil {
		t.Fatal(err)
	}
	return m.b
}
