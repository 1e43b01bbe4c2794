package optim

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// A plan of 20 epochs of 12 steps.
const (
	steps, epochs = 12, 20
	total         = steps * epochs
	width, height = 260, 130 // of a panel, pixels
	margin        = 24
)

type panel struct {
	schedule Schedule
	form     func(s, e float64) float64 // as a fraction of the peak
}

// TestSchedules_Picture draws docs/schedules.png: the learning rate of each schedule as a line, and its closed form from
// docs/workflow.md as dots, which do not use the arithmetic of this package. It compares both, and writes the picture with UPDATE=1.
func TestSchedules_Picture(t *testing.T) {
	cosine := func(x, floor float64) float64 { return floor + (1-floor)*(1+math.Cos(math.Pi*x))/2 }
	panels := []panel{
		{Schedule{Kind: Constant}, func(_, _ float64) float64 { return 1 }},
		{Schedule{Kind: StepDecay, Gamma: 0.5, Every: 5}, func(_, e float64) float64 { return math.Pow(0.5, math.Floor(e/5)) }},
		{Schedule{Kind: Exponential, Gamma: 0.9}, func(_, e float64) float64 { return math.Pow(0.9, e) }},
		{Schedule{Kind: Multistage, Gamma: 0.3, Milestones: []int{8, 14}}, func(_, e float64) float64 {
			switch {
			case e < 8:
				return 1
			case e < 14:
				return 0.3
			}
			return 0.09
		}},
		{Schedule{Kind: Cosine, Floor: 0.02}, func(s, _ float64) float64 { return cosine(s/total, 0.02) }},
		{Schedule{Kind: WarmupCosine, Floor: 0.02, Warmup: 40}, func(s, _ float64) float64 {
			if s < 40 {
				return (s + 1) / 40
			}
			return cosine((s-40)/(total-40), 0.02)
		}},
		{Schedule{Kind: OneCycle}, func(s, _ float64) float64 {
			if s < 72 {
				return 0.1 + 0.9*s/72
			}
			return cosine((s-72)/(total-72), 0.01)
		}},
	}
	const columns = 3
	canvas := image.NewRGBA(image.Rect(0, 0, columns*width, (len(panels)+columns-1)/columns*height))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	for i, p := range panels {
		if worst := p.draw(canvas, i%columns*width, i/columns*height); worst > 1e-12 {
			t.Errorf("%s is off by %.0e", p.schedule.Kind, worst)
		}
	}
	if os.Getenv("UPDATE") == "" {
		return
	}
	var out bytes.Buffer
	if err := png.Encode(&out, canvas); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("..", "..", "docs", "schedules.png"), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// draw draws the panel with its corner at (x, y), and returns the largest distance between line and dots.
func (p panel) draw(canvas *image.RGBA, x, y int) (worst float64) {
	c := p.schedule
	c.Peak, c.Steps, c.Total = 1, steps, total
	at := func(s int, rate float64) (int, int) {
		return x + margin + s*(width-2*margin)/total, y + height - margin - int(math.Round(rate*float64(height-2*margin)))
	}
	line, dot, frame := color.RGBA{31, 119, 180, 255}, color.RGBA{214, 39, 40, 255}, color.RGBA{200, 200, 200, 255}
	for s := range total {
		px, py := at(s, 0)
		canvas.Set(px, py, frame)
	}
	for s := range total {
		rate := c.At(s)
		want := p.form(float64(s), math.Floor(float64(s)/steps))
		worst = max(worst, math.Abs(rate-want))
		px, py := at(s, rate)
		canvas.Set(px, py, line)
		canvas.Set(px, py+1, line)
		if s%10 == 0 {
			px, py = at(s, want)
			draw.Draw(canvas, image.Rect(px-1, py-1, px+2, py+2), image.NewUniform(dot), image.Point{}, draw.Src)
		}
	}
	d := font.Drawer{Dst: canvas, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(x+margin, y+16)}
	d.DrawString(fmt.Sprintf("%s (off by %.0e)", c.Kind, worst))
	return worst
}
