package prepare

import "fmt"

// Steps are the changes that make patterns of detector frames [H, W], in the order in which they are made. The zero value takes the
// largest square around the middle.
type Steps struct {
	Dark   []float64 // [H, W] subtracted; nil: nothing
	Offset float64   // subtracted too
	Flat   []float64 // [H, W] by which values are divided; nil: 1
	Gain   float64   // of a count; 0: 1
	Mask   []uint8   // [H, W] 0 for pixels that are not used; nil: all are used

	Exchange, FlipRows, FlipColumns bool // as numpy.transpose and numpy.flip do
	Corner                          bool // the zero frequency is at pixel (0, 0), as numpy.fft.fft2 leaves it

	Centre *[2]int // of the beam, pixel (row, column) of the frame as it is in the file; nil: the middle of the turned frame
	Side   int     // of the square around the centre; 0: the largest
	Bin    int     // pixels, along rows and columns, whose counts are added; 0: 1
	Pad    int     // side to which masked pixels are added around; 0: none are

	// Adapt returns the side, even, to which patterns of side n are cropped or padded at last, around their middle. nil: they stay.
	Adapt func(n int) int
}

// Corrects reports whether the steps change the numbers of the file before they become counts.
func (s Steps) Corrects() bool {
	return s.Dark != nil || s.Flat != nil || s.Offset != 0 || s.Gain != 0 && s.Gain != 1
}

// Turns reports whether the steps change directions of the patterns.
func (s Steps) Turns() bool { return s.Exchange || s.FlipRows || s.FlipColumns }

// turned returns the shape of a frame after its axes are exchanged.
func (s Steps) turned(h, w int) (int, int) {
	if s.Exchange {
		return w, h
	}
	return h, w
}

// centre returns the centre in the turned frame of h×w pixels.
func (s Steps) centre(h, w int) (y, x int) {
	if s.Centre == nil {
		return h / 2, w / 2
	}
	y, x = s.Centre[0], s.Centre[1]
	if s.Exchange {
		y, x = x, y
	}
	if s.FlipRows {
		y = h - 1 - y
	}
	if s.FlipColumns {
		x = w - 1 - x
	}
	return y, x
}

// source returns the pixel of the file's axis from which pixel i of a turned axis of n pixels comes.
func (s Steps) source(i, n int, flip bool) int {
	if s.Corner {
		i = (i - n/2 + n) % n
	}
	if flip {
		i = n - 1 - i
	}
	return i
}

// MaxFrame is the largest number of pixels of a frame that is prepared; the largest detectors have 18 million.
const MaxFrame = 1 << 25

// Plan returns the plan of the steps for frames of h×w pixels.
func (s Steps) Plan(h, w int) (*Plan, error) {
	if (s.Turns() || s.Corner || s.Bin > 1 || s.Pad > 0) && h > MaxFrame/max(w, 1) {
		return nil, fmt.Errorf("patterns have %d×%d pixels, and at most %d can be changed", h, w, MaxFrame)
	}
	if s.Corner && s.Centre != nil {
		return nil, fmt.Errorf("--zero-frequency corner says where the centre is; leave --centre out")
	}
	if c := s.Centre; c != nil && (c[0] < 0 || c[1] < 0 || c[0] >= h || c[1] >= w) {
		return nil, fmt.Errorf("patterns have %d×%d pixels, and the centre (%d, %d) (row, column) is outside of them", h, w, c[0], c[1])
	}
	bin := max(s.Bin, 1)
	th, tw := s.turned(h, w)
	y, x := s.centre(th, tw)
	side := min(y, x, th-y, tw-x) / bin * 2 * bin
	if s.Side != 0 {
		side = s.Side
	}
	switch {
	case side%(2*bin) != 0:
		return nil, fmt.Errorf("a square of %d×%d pixels (--crop) does not give an even number of pixels with --bin %d: give a multiple of %d", side, side, bin, 2*bin)
	case side < 2*bin:
		return nil, fmt.Errorf("patterns have %d×%d pixels, too few around the centre for --bin %d", h, w, bin)
	case y-side/2 < 0 || x-side/2 < 0 || y+side/2 > th || x+side/2 > tw:
		return nil, fmt.Errorf("%d×%d pixels around the centre (%d, %d) (row, column) leave the patterns' %d×%d: give a smaller --crop", side, side, y, x, th, tw)
	case s.Pad != 0 && s.Pad < side/bin:
		return nil, fmt.Errorf("patterns of %d×%d pixels cannot be padded to %d: give a larger --pad, or a smaller --crop", side/bin, side/bin, s.Pad)
	case s.Pad%2 != 0:
		return nil, fmt.Errorf("--pad %d: give an even number", s.Pad)
	}
	p := &Plan{steps: s, frameWidth: w, Side: side, Bin: bin, N: side / bin}
	if s.Pad != 0 {
		p.N = s.Pad
	}
	p.asked = p.N
	if s.Adapt != nil {
		p.N = s.Adapt(p.asked)
		p.Side = min(side/bin, p.N) * bin
		side = p.Side
	}
	p.place(th, tw, y-side/2, x-side/2)
	p.hide()
	return p, nil
}

// place finds the rectangle of the frame that is read, and where its pixels go. The window begins at (top, left) of the turned frame.
func (p *Plan) place(th, tw, top, left int) {
	s := p.steps
	rows, columns := make([]int, p.Side), make([]int, p.Side) // of the file, for each of the window
	for i := range p.Side {
		rows[i], columns[i] = s.source(top+i, th, s.FlipRows), s.source(left+i, tw, s.FlipColumns)
	}
	if s.Exchange {
		rows, columns = columns, rows
	}
	p.Top, p.Height = span(rows)
	p.Left, p.Width = span(columns)
	border := (p.N - p.Side/p.Bin) / 2
	if !s.Turns() && !s.Corner && p.Bin == 1 && border == 0 {
		return
	}
	p.target = make([]int32, p.Height*p.Width)
	for i := range p.target {
		p.target[i] = -1
	}
	for i, row := range rows {
		for j, column := range columns {
			y, x := i, j
			if s.Exchange {
				y, x = j, i
			}
			p.target[(row-p.Top)*p.Width+column-p.Left] = int32((border+y/p.Bin)*p.N + border + x/p.Bin)
		}
	}
}

// span returns the smallest of the numbers, and how many there are from it to the largest.
func span(all []int) (low, n int) {
	low = all[0]
	high := low
	for _, v := range all {
		low, high = min(low, v), max(high, v)
	}
	return low, high - low + 1
}

// turns names the changes of directions.
func (s Steps) turns() []string {
	var all []string
	for _, t := range []struct {
		name string
		on   bool
	}{{"exchange", s.Exchange}, {"flip-rows", s.FlipRows}, {"flip-columns", s.FlipColumns}} {
		if t.on {
			all = append(all, t.name)
		}
	}
	return all
}
