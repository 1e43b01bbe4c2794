// Package simulate creates ptychography scans: an object, a probe, scan positions and photon noise, all from one seed.
// Coordinates are (row y, column x) in pixels of the object.
package simulate

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/ptychogo/ptycho/core/raster"
)

// Options describe a scan. Zero values mean the documented defaults; Object, Probe and Path must be valid kinds.
type Options struct {
	Seed   uint64
	Object ObjectKind // default Lines
	Probe  ProbeKind  // default Disk
	Path   PathKind   // default Random

	N      int // side of a pattern in pixels; default 64
	Height int // of the object in pixels; default 4·N
	Width  int // of the object in pixels; default Height

	// Radius is the probe's radius in pixels; default 0.17·N (10.9 pixels at N = 64).
	Radius float64
	// Patterns is the number of scan positions of a Random path; default 512. A Raster has as many as fit.
	Patterns int
	// Overlap is the share of the probe's diameter common to neighbours on a Raster; default 0.7.
	Overlap float64
	// Jitter is the largest random displacement on a Raster, as a part of its step; default 0 (exact raster).
	Jitter float64
	// Buffer is the least distance of positions from the object's edges; default N/2, the least for whole patches.
	Buffer float64

	// Photons is the mean number of photons per pattern; default 1e6.
	Photons float64
	// Background is added to every pixel's expected counts.
	Background float64
	// Noiseless keeps the expected counts instead of drawing Poisson counts.
	Noiseless bool
	// Faults are differences between the file and the truth.
	Faults []Fault
}

// Scan is a simulated scan.
type Scan struct {
	N          int
	Counts     []float32 // [n, N, N] photons, whole numbers unless noiseless; frequency 0 at (N/2, N/2)
	Rows, Cols []float64 // [n] centre of each patch, its pixel N/2, in object pixels
	// Probe [N, N] is in square roots of counts: the expected counts are |FFT_ortho(Probe·patch)|² + Background.
	Probe   []complex128
	Modes   [][]complex128 // the first is Probe unless the scan has more
	Factors []float64      // exposure of each pattern; nil: all 1
	Object  raster.Complex // the truth
	Split   []uint8        // [n] 0 train, 1 test: the halves with smaller and larger row coordinates
	// Options are the settings with defaults applied.
	Options Options
}

// largestValue bounds the values of one scan: 2^31, 8 GiB of counts.
const largestValue = 1 << 31

// withDefaults applies the defaults.
func (o Options) withDefaults() Options {
	set := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	whole := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	whole(&o.N, 64)
	whole(&o.Height, 4*o.N)
	whole(&o.Width, o.Height)
	whole(&o.Patterns, 512)
	set(&o.Radius, 0.17*float64(o.N))
	set(&o.Overlap, 0.7)
	set(&o.Buffer, float64(o.N/2))
	set(&o.Photons, 1e6)
	return o
}

func (o Options) validate() error {
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	switch {
	case o.N < 8 || o.N > 4096:
		return fmt.Errorf("--n is %d pixels, want 8 to 4096", o.N)
	case o.Height < o.N || o.Width < o.N:
		return fmt.Errorf("the object of %d×%d pixels is smaller than a patch of %d", o.Height, o.Width, o.N)
	case o.Height > raster.MaxPixels/4/o.Width: // objects are drawn on a canvas of twice the sides
		return fmt.Errorf("the object of %d×%d pixels is too large", o.Height, o.Width)
	case !(o.Radius >= 1) || o.Radius > float64(o.N)/2:
		return fmt.Errorf("--probe-radius is %v pixels, want 1 to %v, half a pattern", o.Radius, o.N/2)
	case o.Path == Random && o.Patterns < 1:
		return fmt.Errorf("--n-images is %d, want at least 1", o.Patterns)
	case !(o.Overlap >= 0 && o.Overlap < 1):
		return fmt.Errorf("--overlap is %v, want 0 to below 1", o.Overlap)
	case !(o.Jitter >= 0 && o.Jitter <= 1):
		return fmt.Errorf("--jitter is %v steps, want 0 to 1", o.Jitter)
	case !(o.Buffer >= float64(o.N/2)) || !finite(o.Buffer):
		return fmt.Errorf("the buffer is %v pixels, want at least %d to keep every patch inside the object", o.Buffer, o.N/2)
	case 2*o.Buffer > float64(min(o.Height, o.Width)):
		return fmt.Errorf("the buffer of %v pixels leaves nothing of an object of %d×%d", o.Buffer, o.Height, o.Width)
	case !(o.Photons > 0) || o.Photons > 1e15:
		return fmt.Errorf("--nphotons is %v, want above 0, at most 1e15", o.Photons)
	case !(o.Background >= 0) || o.Background > 1e9:
		return fmt.Errorf("the background is %v counts per pixel, want at least 0", o.Background)
	}
	for _, f := range o.Faults {
		if err := f.validate(); err != nil {
			return err
		}
	}
	return nil
}

// New simulates a scan. The same options give the same bytes on the same kind of machine, for any number of processors.
// A setting changes only what it concerns: another dose keeps object and positions.
func New(ctx context.Context, o Options) (*Scan, error) {
	fail := func(err error) (*Scan, error) { return nil, fmt.Errorf("simulate: %w", err) }
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return fail(err)
	}
	rows, cols, err := positions(o)
	if err != nil {
		return fail(err)
	}
	if len(rows) > largestValue/o.N/o.N {
		return fail(fmt.Errorf("%d patterns of %d×%d pixels exceed %d values", len(rows), o.N, o.N, largestValue))
	}
	s := &Scan{N: o.N, Rows: rows, Cols: cols, Split: splitByRow(rows), Options: o, Factors: o.factors(len(rows))}
	if s.Object, err = newObject(o.Object, o.Height, o.Width, o.Seed); err != nil {
		return fail(err)
	}
	if s.Probe, err = newProbe(o.Probe, o.N, o.Radius); err != nil {
		return fail(err)
	}
	s.Modes = o.modes(s.Probe, o.N)
	// By Parseval's theorem a pattern has as many photons as its exit waves.
	var photons float64
	err = s.each(ctx, func(j int, patch, wave []complex128, _ *raster.Fourier) (sum float64) {
		for m := range s.Modes {
			s.exit(wave, patch, m)
			sum += power(wave)
		}
		return sum
	}, &photons)
	if err != nil {
		return fail(err)
	}
	scale := complex(math.Sqrt(o.Photons*float64(len(rows))/photons), 0)
	for _, mode := range s.Modes {
		for i := range mode {
			mode[i] *= scale
		}
	}
	s.Probe = s.Modes[0]
	if err := s.expose(ctx); err != nil {
		return fail(err)
	}
	return s, nil
}

// expose fills in the counts.
func (s *Scan) expose(ctx context.Context) error {
	o, size := s.Options, s.N*s.N
	share, _ := o.strength("background")
	background := o.Background + share*o.Photons/float64(size)
	s.Counts = make([]float32, len(s.Rows)*size)
	return s.each(ctx, func(j int, patch, wave []complex128, f *raster.Fourier) float64 {
		lambda := make([]float64, size)
		for m := range s.Modes {
			s.exit(wave, patch, m)
			f.AddIntensity(lambda, wave)
		}
		rng := stream(o.Seed, noiseStream, uint64(j))
		out := s.Counts[j*size : (j+1)*size]
		for i, v := range lambda {
			if s.Factors != nil {
				v *= s.Factors[j]
			}
			v += background
			if !o.Noiseless {
				v = Poisson(rng, v)
			}
			out[i] = float32(v)
		}
		return 0
	}, nil)
}

// exit computes the exit wave of a mode.
func (s *Scan) exit(wave, patch []complex128, mode int) {
	for i, p := range s.Modes[mode] {
		wave[i] = patch[i] * p
	}
}

// each calls do with the object's patch of every pattern and a buffer, in parallel, and adds the results in order.
func (s *Scan) each(ctx context.Context, do func(j int, patch, wave []complex128, f *raster.Fourier) float64, sum *float64) error {
	values := make([]float64, len(s.Rows))
	workers := min(runtime.GOMAXPROCS(0), len(s.Rows))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			f := raster.NewFourier(s.N, s.N)
			patch, wave := make([]complex128, s.N*s.N), make([]complex128, s.N*s.N)
			for j := w; j < len(s.Rows) && ctx.Err() == nil; j += workers {
				raster.ExtractTo(patch, s.Object, s.Rows[j], s.Cols[j], s.N)
				values[j] = do(j, patch, wave, f)
			}
		})
	}
	wg.Wait()
	if sum != nil {
		for _, v := range values {
			*sum += v
		}
	}
	return ctx.Err()
}

// Metadata describes the scan, for a file's metadata.
func (s *Scan) Metadata() map[string]any {
	o := s.Options
	m := map[string]any{
		"kind": "simulated", "seed": o.Seed, "object": o.Object.String(), "probe": o.Probe.String(), "path": o.Path.String(),
		"n": o.N, "object_height_px": o.Height, "object_width_px": o.Width, "probe_radius_px": o.Radius, "patterns": len(s.Rows),
		"buffer_px": o.Buffer, "photons_per_pattern": o.Photons, "background_counts": o.Background, "noise": "poisson",
		"units":   "photon counts; positions in object pixels, (row, column) of the patch's pixel N/2",
		"forward": "counts ~ Poisson(|fftshift fft2_ortho(probe * patch)|^2 + background), patch bilinear at centre - N/2 + (0 ... N-1)",
	}
	if o.Noiseless {
		m["noise"] = "none"
	}
	if o.Faults != nil {
		var names []string
		for _, f := range o.Faults {
			names = append(names, f.String())
		}
		m["faults"] = names
	}
	if o.Path == Raster {
		m["overlap"], m["jitter"] = o.Overlap, o.Jitter
	}
	return m
}
