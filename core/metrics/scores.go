package metrics

import (
	"context"
	"math"
	"math/cmplx"
	"slices"

	"github.com/ptychogo/ptycho/core/raster"
)

// Scores hold the comparison of one pair of images: a field for each row of the table.
type Scores struct {
	// Phase is the phase removed from the reconstruction, with y and x from the region's upper left pixel.
	Phase Plane `json:"phase_removed"`
	// Factor is the factor applied to the reconstruction's amplitude; 1 unless requested.
	Factor Number `json:"amplitude_factor"`

	AmplitudeCorrelation Number `json:"amplitude_correlation"`
	AmplitudeMAE         Number `json:"amplitude_mae"`
	AmplitudePSNR        Number `json:"amplitude_psnr_db"`
	AmplitudeRange       Number `json:"amplitude_range"`
	AmplitudeSSIM        Number `json:"amplitude_ssim"`
	PhaseCorrelation     Number `json:"phase_correlation"`
	PhaseMAE             Number `json:"phase_mae_rad"`
	PhaseSSIM            Number `json:"phase_ssim"`
	FRC                  FRC    `json:"frc"` // of the complex field
}

// Metric is a row of the table.
type Metric struct {
	Name  string
	Unit  string // "" if none
	Doc   string // one line
	field func(s *Scores) *Number
	of    func(p pair) float64 // nil if score computes the value elsewhere
}

// Of returns the metric's value among scores.
func (m Metric) Of(s Scores) float64 { return float64(*m.field(&s)) }

// table holds every metric, in the order of output.
var table = []Metric{
	{"FRC, mean up to half Nyquist", "", "Fourier ring correlation of the complex images, mean below half Nyquist", func(s *Scores) *Number { return &s.FRC.Mean }, nil},
	{"FRC50", "fraction of Nyquist", "frequency at which the FRC first falls below 0.5; 1 if it never does", func(s *Scores) *Number { return &s.FRC.Half }, nil},
	{"amplitude correlation", "", "Pearson's coefficient", func(s *Scores) *Number { return &s.AmplitudeCorrelation },
		func(p pair) float64 { return pearson(p.ao.Data, p.at.Data) }},
	{"amplitude PSNR", "dB", "peak signal-to-noise ratio", func(s *Scores) *Number { return &s.AmplitudePSNR },
		func(p pair) float64 { return psnr(p.ao.Data, p.at.Data, dataRange(p.at.Data)) }},
	{"amplitude range", "", "range for PSNR and SSIM: largest minus smallest reference amplitude", func(s *Scores) *Number { return &s.AmplitudeRange },
		func(p pair) float64 { return dataRange(p.at.Data) }},
	{"amplitude SSIM", "", "structural similarity, 7×7 uniform window", func(s *Scores) *Number { return &s.AmplitudeSSIM },
		func(p pair) float64 { return ssim(p.ao, p.at, dataRange(p.at.Data)) }},
	{"amplitude MAE", "", "mean absolute error", func(s *Scores) *Number { return &s.AmplitudeMAE },
		func(p pair) float64 { return meanAbsoluteError(p.ao.Data, p.at.Data) }},
	{"amplitude factor", "", "factor applied to the reconstruction's amplitude", func(s *Scores) *Number { return &s.Factor }, nil},
	{"phase correlation", "", "Pearson's coefficient", func(s *Scores) *Number { return &s.PhaseCorrelation },
		func(p pair) float64 { return pearson(p.po.Data, p.pt.Data) }},
	{"phase SSIM", "", "structural similarity, 7×7 uniform window", func(s *Scores) *Number { return &s.PhaseSSIM },
		func(p pair) float64 { return ssim(p.po, p.pt, dataRange(p.pt.Data)) }},
	{"phase MAE", "rad", "mean absolute error of differences wrapped to (−π, π]", func(s *Scores) *Number { return &s.PhaseMAE },
		func(p pair) float64 { return meanAbsoluteError(p.po.Data, p.pt.Data) }},
}

// Table returns the metrics in the order of output.
func Table() []Metric { return slices.Clone(table) }

// pair is a reconstruction and its reference, of one size: the amplitudes ao and at, the phases po and pt in rad.
type pair struct{ ao, at, po, pt raster.Real }

// score compares the reconstruction o with the reference t, of one size.
func score(ctx context.Context, o, t raster.Complex, opts Options) (Scores, error) {
	var s Scores
	var err error
	if opts.Ramp {
		s.Phase, err = phaseRamp(o, t)
	} else {
		s.Phase, err = globalPhase(o, t)
	}
	if err != nil {
		return s, err
	}
	o = s.Phase.Remove(o)
	s.Factor = 1
	if opts.ScaleAmplitude {
		f, err := amplitudeFactor(o, t)
		if err != nil {
			return s, err
		}
		s.Factor = Number(f)
		if !math.IsNaN(f) {
			for i := range o.Data {
				o.Data[i] *= complex(f, 0)
			}
		}
	}
	p := pair{ao: o.Abs(), at: t.Abs()}
	p.po, p.pt = phases(o, t)
	for _, m := range table {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if m.of != nil {
			*m.field(&s) = Number(m.of(p))
		}
	}
	s.FRC, err = ringCorrelation(o, t)
	return s, err
}

// phases returns the phase of t about its mean direction, so that its free global phase causes no wrap, and the phase
// of o as that of t plus the wrapped difference, so that a wrap in one image does not count as an error of 2π.
func phases(o, t raster.Complex) (po, pt raster.Real) {
	var m complex128
	for _, v := range t.Data {
		m += v
	}
	turn := cmplx.Rect(1, -cmplx.Phase(m))
	po, pt = raster.NewReal(o.H, o.W), raster.NewReal(o.H, o.W)
	for i, v := range t.Data {
		pt.Data[i] = cmplx.Phase(v * turn)
		po.Data[i] = pt.Data[i] + cmplx.Phase(o.Data[i]*cmplx.Conj(v))
	}
	return po, pt
}
