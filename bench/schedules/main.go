// Command schedules draws docs/schedules.png: the learning rate of each schedule in core/optim as a line, and its closed form
// from docs/workflow.md as dots. The dots do not use the arithmetic of core/optim.
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/optim"
)

// A plan of 20 epochs of 12 steps.
const (
	steps, epochs = 12, 20
	total         = steps * epochs
	width, height = 260, 130 // of a panel, pixels
	margin        = 24
)

type panel struct {
	schedule optim.Schedule
	form     func(s, e float64) float64 // as a fraction of the peak
}

func main() {
	cosine := func(x, floor float64) float64 { return floor + (1-floor)*(1+math.Cos(math.Pi*x))/2 }
	panels := []panel{
		{optim.Schedule{Kind: optim.Constant}, func(_, _ float64) float64 { return 1 }},
		{optim.Schedule{Kind: optim.StepDecay, Gamma: 0.5, Every: 5}, func(_, e float64) float64 { return math.Pow(0.5, math.Floor(e/5)) }},
		{optim.Schedule{Kind: optim.Exponential, Gamma: 0.9}, func(_, e float64) float64 { return math.Pow(0.9, e) }},
		{optim.Schedule{Kind: optim.Multistage, Gamma: 0.3, Milestones: []int{8, 14}}, func(_, e float64) float64 {
			switch {
			case e < 8:
				return 1
			case e < 14:
				return 0.3
			}
			return 0.09
		}},
		{optim.Schedule{Kind: optim.Cosine, Floor: 0.02}, func(s, _ float64) float64 { return cosine(s/total, 0.02) }},
		{optim.Schedule{Kind: optim.WarmupCosine, Floor: 0.02, Warmup: 40}, func(s, _ float64) float64 {
			if s < 40 {
				return (s + 1) / 40
			}
			return cosine((s-40)/(total-40), 0.02)
		}},
	}
	const columns = 3
	canvas := image.NewRGBA(image.Rect(0, 0, columns*width, (len(panels)+columns-1)/columns*height))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	for i, p := range panels {
		p.draw(canvas, i%columns*width, i/columns*height)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, canvas); err != nil {
		log.Fatal(err)
	}
	if err := format.WriteFile("docs/schedules.png", out.Bytes()); err != nil {
		log.Fatal(err)
	}
}

// draw draws the panel with its corner at (x, y), and writes the largest distance between line and dots into it.
func (p panel) draw(canvas *image.RGBA, x, y int) {
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
	worst := 0.0
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
}
