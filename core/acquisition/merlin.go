package acquisition

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/internal/disk"
)

// A .mib file of the Merlin detector is a sequence of frames: a header of text, fields joined by commas, and the pixels in
// big-endian order.
const (
	merlinMagic = "MQ1,"
	merlinHead  = 384 // bytes; with several chips more
	merlinMost  = 1 << 16
)

// merlinHeader is what the header of a frame says.
type merlinHeader struct {
	bytes         int
	width, height int
	as            stored
}

// parseMerlin reads a header, of which text is the beginning.
func parseMerlin(text []byte) (h merlinHeader, err error) {
	fields := strings.Split(string(text), ",")
	if len(fields) < 8 || fields[0]+"," != merlinMagic {
		return h, fmt.Errorf("is not a frame header of Merlin")
	}
	var numbers [5]int // of fields 1 to 5: number of the frame, bytes of the header, chips, width, height
	for i := range numbers {
		if numbers[i], err = strconv.Atoi(strings.TrimSpace(fields[1+i])); err != nil || numbers[i] < 0 {
			return h, fmt.Errorf("has %.20q as field %d, and a whole number is expected", fields[1+i], 2+i)
		}
	}
	h.bytes, h.width, h.height = numbers[1], numbers[3], numbers[4]
	if h.bytes < merlinHead || h.bytes > merlinMost || h.width == 0 || h.height == 0 || h.width > maxPixels || h.height > maxPixels {
		return h, fmt.Errorf("states %d bytes of header and %d×%d pixels (rows×columns), which no frame has", h.bytes, h.height, h.width)
	}
	switch kind := strings.TrimSpace(fields[6]); kind {
	case "U08", "U16", "U32", "U64":
		bits, _ := strconv.Atoi(kind[1:])
		h.as = stored{'u', bits / 8, binary.BigEndian}
	case "R64":
		return h, fmt.Errorf("states the raw mode R64, whose pixels are in the order of the detector's registers, which is not read; export the frames as U08, U16 or U32 with the detector's program")
	default:
		return h, fmt.Errorf("states pixels of type %.10q, and U08, U16, U32 and U64 are read", kind)
	}
	return h, nil
}

// A merlinFile is the frames of a .mib file as container.
type merlinFile struct {
	io.Closer
	path string
	a    rawArray
	cut  int64 // bytes of a last frame that is not whole
}

func openMerlin(path string) (container, error) {
	f, st, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	m, err := newMerlin(path, f, st.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func newMerlin(path string, f *os.File, size int64) (*merlinFile, error) {
	h, err := merlinAt(f, 0, size)
	if err != nil {
		return nil, fmt.Errorf("the header of frame 0 %w", err)
	}
	m := &merlinFile{Closer: f, path: path}
	m.a = rawArray{file: path, name: "the frames", shape: []uint64{1, uint64(h.height), uint64(h.width)}, as: h.as, gap: int64(h.bytes)}
	if err := m.a.check(0); err != nil {
		return nil, err
	}
	frame := int64(h.width*h.height*h.as.size) + m.a.gap
	frames := size / frame
	m.a.shape[0], m.cut = uint64(frames), size%frame
	if frames == 0 {
		return nil, fmt.Errorf("has %d bytes, but a frame of %d×%d pixels, %s, needs %d; copy the file again", size, h.height, h.width, h.as.number(), frame)
	}
	if err := m.a.check(0); err != nil {
		return nil, err
	}
	last, err := merlinAt(f, (frames-1)*frame, size)
	if err == nil && last != h {
		err = fmt.Errorf("states other pixels than that of frame 0")
	}
	if err != nil {
		return nil, fmt.Errorf("the header of frame %d %w", frames-1, err)
	}
	m.a.r = io.NewSectionReader(f, m.a.gap, size-m.a.gap) // each frame is followed by the header of the next
	return m, nil
}

// merlinAt reads the header of the frame that begins at a byte.
func merlinAt(r io.ReaderAt, at, size int64) (merlinHeader, error) {
	text := make([]byte, min(merlinHead, size-at))
	if err := readFull(r, text, at); err != nil {
		return merlinHeader{}, err
	}
	return parseMerlin(text)
}

func (f *merlinFile) kind() string { return "Merlin" }
func (f *merlinFile) contents() string {
	return fmt.Sprintf("%d frames of %d×%d pixels, %s", f.a.shape[0], f.a.shape[1], f.a.shape[2], f.a.Type())
}
func (f *merlinFile) find(name string) (Array, error) { return onlyArray(f.path, f.a, name) }

// notes says what was decided about the frames.
func (f *merlinFile) notes() []string {
	all := []string{"the rows of the patterns are in the order of the file; some programs mirror Merlin's rows, which --patterns flip-rows does"}
	if f.cut > 0 {
		all = append(all, fmt.Sprintf("the file ends with %d bytes of a frame that is not whole, which are not used", f.cut))
	}
	return all
}
