package reference_test

import (
	"maps"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// drawn builds an architecture and draws all values that its program is given, of one group.
func drawn(t *testing.T, c arch.Config) (*program.Program, map[string]*reference.Value) {
	t.Helper()
	p, err := arch.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	given, err := reference.RandomValues(p, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p, given
}

// computed returns all values of a program.
func computed(t *testing.T, p *program.Program, groups int, given map[string]*reference.Value) map[string]*reference.Value {
	t.Helper()
	m, err := reference.New(p)
	if err != nil {
		t.Fatal(err)
	}
	values, err := m.Forward(groups, given)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// With a standardised input the CNN has the published number of parameters and starts near the empty beam with every activation.
func TestCNN_StandardisedStartsFromEmptyBeam(t *testing.T) {
	for _, activation := range []string{"sigmoid", "swish", "softplus", "relu"} {
		c := arch.Config{Arch: "cnn", N: 64, BaseWidth: 6, FiltersScale: 1, Gridsize: 1, AmpActivation: activation, PadObject: true, ProbeBig: true}
		published, err := arch.Build(c)
		if err != nil {
			t.Fatal(err)
		}
		c.Standardise = true
		p, given := drawn(t, c)
		if p.Parameters() != published.Parameters() {
			t.Errorf("%d parameters, without it %d", p.Parameters(), published.Parameters())
		}
		weights, err := arch.Initial(p, 1)
		if err != nil {
			t.Fatal(err)
		}
		for name, w := range weights {
			if given[name], err = reference.FromTensor(w); err != nil {
				t.Fatal(err)
			}
		}
		values := computed(t, p, 1, given)
		for i, z := range values[program.Patches].Complex {
			if cmplx.Abs(z-1) > 0.5 {
				t.Fatalf("%s: pixel %d of the object starts as %v, want about 1", activation, i, z)
			}
		}
		x, k := values["features"].Real, given[program.Counts].Real
		mean, deviation := given[arch.AmplitudeMean].Real, given[arch.AmplitudeDeviation].Real
		for i := range x {
			if want := (math.Sqrt(k[i]) - mean[i]) / deviation[i]; math.Abs(x[i]-want) > 1e-12 {
				t.Fatalf("pixel %d of the input is %v, want %v", i, x[i], want)
			}
		}
	}
}

// Without an output of the network, the object is 1 for the pattern of the empty beam, and otherwise 1 and the difference of the
// back-projections, with any probe.
func TestUNet_StartsFromBackProjection(t *testing.T) {
	c := arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2, Modes: 2, Start: arch.BackProjection}
	p, given := drawn(t, c)
	for _, name := range []string{"head.weight", "head.bias"} {
		clear(given[name].Real)
	}
	counts := given[program.Counts].Real
	started := computed(t, p, 1, given)
	lambda := started["empty.intensity"].Real
	copy(counts, lambda) // the first pattern is that of the empty beam
	values := computed(t, p, 1, given)
	b := values["features.back_projection"].Complex
	for i, z := range values[program.Patches].Complex {
		want := 1 + b[i] - b[i%len(lambda)]
		if i < len(lambda) {
			want = 1
		}
		if cmplx.Abs(z-want) > 1e-9*(1+cmplx.Abs(want)) {
			t.Fatalf("pixel %d of the object is %v, want %v", i, z, want)
		}
	}
}

// A scaled beam gives each pattern the amplitude that its counts in valid pixels need, and a tenth of a constant output is left.
func TestUNet_StartsFromScaledBeam(t *testing.T) {
	p, given := drawn(t, arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2, Modes: 2, Start: arch.ScaledBeam})
	clear(given["head.weight"].Real)
	copy(given["head.bias"].Real, []float64{0.5, -2})
	values := computed(t, p, 1, given)
	mean := func(x []float64) (sum float64) {
		for i, v := range x {
			sum += v * given[program.Mask].Real[i] / float64(len(x))
		}
		return sum
	}
	empty := mean(values["empty.intensity"].Real)
	for i, z := range values[program.Patches].Complex {
		a := math.Sqrt(mean(given[program.Counts].Real[i/256*256:][:256]) / empty)
		if want := complex(a, 0) * complex(1.05, -0.2); cmplx.Abs(z-want) > 1e-9*(1+cmplx.Abs(want)) {
			t.Fatalf("pixel %d of the object is %v, want %v", i, z, want)
		}
	}
}

// Without an output of the network, the object is the image of the first pass. The network sees that image and its correction in four planes
// after those of the pattern.
func TestUNet_CorrectsTheFirstImage(t *testing.T) {
	const size = 256
	p, given := drawn(t, arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2, Modes: 2, FirstPass: true})
	image, correction := given[arch.FirstImage].Complex, given[arch.FirstCorrection].Complex
	spread, change := given[arch.FirstImageDeviation].Real[0], given[arch.FirstCorrectionDeviation].Real[0]
	values := computed(t, p, 1, given)
	x := values["features.all"].Real
	if len(x) != 7*len(image) {
		t.Fatalf("%d values of the input, want 7 for each of %d pixels", len(x), len(image))
	}
	for i, z := range image {
		pattern, pixel := i/size, i%size
		for plane, want := range []float64{(real(z) - 1) / spread, imag(z) / spread, real(correction[i]) / change, imag(correction[i]) / change} {
			if got := x[(7*pattern+3+plane)*size+pixel]; math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
				t.Fatalf("pattern %d, pixel %d: plane %d is %v, want %v", pattern, pixel, 3+plane, got, want)
			}
		}
	}
	for _, name := range []string{"head.weight", "head.bias"} {
		clear(given[name].Real)
	}
	for i, z := range computed(t, p, 1, given)[program.Patches].Complex {
		if cmplx.Abs(z-image[i]) > 1e-12*(1+cmplx.Abs(image[i])) {
			t.Fatalf("pixel %d of the object is %v, want %v", i, z, image[i])
		}
	}
}

// The planes of the back-projection follow those of the amplitudes, all of a group's patterns together.
func TestCNN_BackProjectionPlanes(t *testing.T) {
	p, given := drawn(t, arch.Config{Arch: "cnn", N: 64, BaseWidth: 6, FiltersScale: 1, Gridsize: 2, Canvas: 72, PadObject: true, Standardise: true, BackProject: true})
	values := computed(t, p, 1, given)
	x, b, spread := values["features"].Real, values["features.back_projection"].Complex, given[arch.BackProjectionDeviation].Real[0]
	if len(x) != 3*len(b) {
		t.Fatalf("%d values, want %d", len(x), 3*len(b))
	}
	for i, z := range b {
		if re, im := (real(z)-1)/spread, imag(z)/spread; math.Abs(x[len(b)+i]-re) > 1e-12 || math.Abs(x[2*len(b)+i]-im) > 1e-12 {
			t.Fatalf("pixel %d of the planes is %v and %v, want %v and %v", i, x[len(b)+i], x[2*len(b)+i], re, im)
		}
	}
}

// With separate patterns the CNN gives each pattern of a group the patch that it has alone, and merges the patches by their offsets.
func TestCNN_SeparatePatternsHavePatchesOfOne(t *testing.T) {
	c := arch.Config{Arch: "cnn", N: 64, BaseWidth: 6, FiltersScale: 1, Gridsize: 2, PadObject: true, ProbeBig: true, Standardise: true, BackProject: true, Separate: true}
	p, given := drawn(t, c)
	c.Gridsize = 1
	single, err := arch.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	together := computed(t, p, 1, given)
	alone := maps.Clone(given)
	for _, name := range []string{program.Counts, program.Offsets} {
		one := *given[name]
		one.Shape = slices.Concat([]int{4, 1}, one.Shape[2:])
		alone[name] = &one
	}
	apart := computed(t, single, 4, alone)
	if !slices.Equal(together[program.Patches].Complex, apart[program.Patches].Complex) {
		t.Error("the patches depend on the other patterns of the group")
	}
	if slices.Equal(together[arch.Merged].Complex, apart[arch.Merged].Complex) {
		t.Error("the patches of the group are not merged")
	}
}

// With Align the pixels of the back-projection's planes are those of its central half, each twice along rows and columns.
func TestCNN_AlignedPlanesAreCentralHalf(t *testing.T) {
	const n = 64
	for _, separate := range []bool{false, true} {
		p, given := drawn(t, arch.Config{Arch: "cnn", N: n, BaseWidth: 6, FiltersScale: 1, Gridsize: 2, Canvas: 72, PadObject: true, Standardise: true, BackProject: true, Align: true, Separate: separate})
		values := computed(t, p, 1, given)
		x, b, spread := values["features"].Real, values["features.back_projection"].Complex, given[arch.BackProjectionDeviation].Real[0]
		for pattern := range 4 {
			real0, imag0 := 4+pattern, 8+pattern // planes of the pattern: all amplitudes come first, then all real parts
			if separate {
				real0, imag0 = 3*pattern+1, 3*pattern+2
			}
			for i := range n * n {
				z := b[(pattern*n+n/4+i/n/2)*n+n/4+i%n/2]
				if re, im := (real(z)-1)/spread, imag(z)/spread; math.Abs(x[real0*n*n+i]-re) > 1e-12 || math.Abs(x[imag0*n*n+i]-im) > 1e-12 {
					t.Fatalf("pattern %d, pixel %d: %v and %v, want %v and %v", pattern, i, x[real0*n*n+i], x[imag0*n*n+i], re, im)
				}
			}
		}
	}
}

// A pattern of f times the exposure has f times the counts: the network finds the same object, and λ is f times as large.
func TestExposure_ScalesCountsOnly(t *testing.T) {
	for _, c := range []arch.Config{
		{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2, Exposure: true},
		{Arch: "cnn", N: 64, BaseWidth: 6, FiltersScale: 1, Gridsize: 1, PadObject: true, Exposure: true, Standardise: true, BackProject: true},
	} {
		p, given := drawn(t, c)
		forward := func(exposure float64) map[string]*reference.Value {
			changed := maps.Clone(given)
			counts, logs := *given[program.Counts], *given[arch.LogExposure]
			counts.Real, logs.Real = slices.Clone(counts.Real), make([]float64, len(logs.Real))
			for i := range counts.Real {
				counts.Real[i] *= exposure
			}
			for i := range logs.Real {
				logs.Real[i] = math.Log(exposure)
			}
			changed[program.Counts], changed[arch.LogExposure] = &counts, &logs
			return computed(t, p, 1, changed)
		}
		full, part := forward(1), forward(0.25)
		for i, z := range full[program.Patches].Complex {
			if cmplx.Abs(z-part[program.Patches].Complex[i]) > 1e-9*(1+cmplx.Abs(z)) {
				t.Fatalf("%s: pixel %d of the object is %v, at a quarter of the exposure %v", p.Name, i, z, part[program.Patches].Complex[i])
			}
		}
		b := given[program.Background].Real
		for i, l := range full["lambda"].Real {
			if got, want := part["lambda"].Real[i]-b[i%len(b)], (l-b[i%len(b)])/4; math.Abs(got-want) > 1e-9*(1+want) {
				t.Fatalf("%s: λ without background is %v at a quarter of the exposure, want %v", p.Name, got, want)
			}
		}
	}
}
