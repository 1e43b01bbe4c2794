package train

import (
	"context"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/host/solve"
	"github.com/ptychogo/ptycho/internal/words"
)

// inputs is the prepared data of a training.
type inputs struct {
	Scan       *scan.Scan
	Train      []int      // training patterns of Scan
	Validation []int      // validation patterns of Scan
	Test       *scan.Scan // separate scan for validation, or nil
	Probe      model.Probe
	Background []float32     // [N, N] counts, of the forward model
	Groups     *scan.Grouper // of the training patterns, of whole steps
	Examined   examined
	Data       string              // fingerprint of Scan as it was read
	Calibrated *bundle.Calibration // what was fitted first; nil: nothing

	exposed *scan.Scan // Scan with the counts as measured, where the calibration fitted factors; nil: Scan itself
	factor  []float64  // of each pattern of exposed; nil: all 1

	first *model.Model // whose image the network corrects; nil: none

	photons []float64 // of each training pattern; nil: not counted yet
	total   float64   // of photons

	guessed bool      // the probe of Scan is an estimate
	fitted  []float32 // background of the calibration; nil: none

	cfg   *config.Training
	h     host.Host
	spool *dataset.Spool // holds the patterns
}

// readInputs loads the scan into the spool, splits its patterns, scales the probe for the forward model and makes the groups. In a new
// run it also checks whether the data support the positions.
func readInputs(ctx context.Context, cfg *config.Training, h host.Host, spool *dataset.Spool) (*inputs, error) {
	in := &inputs{cfg: cfg, h: h, spool: spool}
	s, x := cfg.Settings(), cfg.Execution()
	before, err := &examined{}, error(nil)
	if x.Resume != "" {
		if before, err = readExamined(config.RunOf(x.Resume)); err != nil {
			return nil, err
		}
	}
	if err := in.readFirst(); err != nil {
		return nil, err
	}
	if in.Scan, in.Examined.Train, err = in.load(ctx, s.TrainDataFile, s.Rows, s.NImages, before.Train); err != nil {
		return nil, err
	}
	survey := solve.Survey{Threads: x.Threads, TrustData: cfg.Scan().TrustData, Examined: in.Examined.Train, Notice: h.Notice}
	checked := s.CheckGeometry && x.Resume == "" && !x.DryRun
	if checked {
		if err := survey.Orientation(ctx, in.Scan); err != nil {
			return nil, err
		}
	}
	in.guessed = in.Scan.Probe == nil
	if in.Scan, err = solve.WithProbe(ctx, in.Scan, x.Threads, h.Notice); err != nil {
		return nil, err
	}
	if checked {
		if err := survey.Support(ctx, in.Scan); err != nil {
			return nil, err
		}
	}
	if err := in.calibrate(ctx); err != nil {
		return nil, err
	}
	all := make([]int, in.Scan.Len())
	for i := range all {
		all[i] = i
	}
	if in.Train, in.Validation, err = scan.SplitValidation(all, s.ValSplit, s.Seed); err != nil {
		return nil, host.Fail(host.ExitData, err)
	}
	modes := in.Scan.Probe
	if s.ProbeMask {
		modes = model.Mask(modes, in.Scan.N, s.ProbeMaskDiameter, s.ProbeMaskSigma)
	}
	if in.Probe, err = model.NewProbe(modes, in.Scan.N, in.MeanCounts()); err != nil {
		return nil, host.Failf(host.ExitData, "%s: %w", s.TrainDataFile, err)
	}
	if s.TestDataFile != "" {
		if in.Test, in.Examined.Test, err = in.load(ctx, s.TestDataFile, "", 0, before.Test); err != nil {
			return nil, err
		}
	}
	if err := in.addBackground(ctx); err != nil {
		return nil, err
	}
	return in, in.group()
}

// readFirst reads the model of --first-pass: in a resumed run its copy in the run's folder.
func (in *inputs) readFirst() (err error) {
	s, x := in.cfg.Settings(), in.cfg.Execution()
	if s.FirstPass == "" {
		return nil
	}
	path := s.FirstPass
	if x.Resume != "" {
		path = filepath.Join(config.RunOf(x.Resume), model.FirstPassDir)
	}
	if in.first, err = model.ReadFirst(path); err != nil {
		return err
	}
	if n, own := in.first.Config.N, in.cfg.Model().N; n != own {
		return host.Failf(host.ExitData, "%s has patterns of %d×%d pixels, but the model %s was trained on %d×%d", s.TrainDataFile, own, own, path, n, n)
	}
	return nil
}

// calibrate fits the quantities of --calibrate to all patterns of the training scan. A resumed run does it again, with the same result.
func (in *inputs) calibrate(ctx context.Context) error {
	in.Data = in.Scan.Fingerprint()
	s, x := in.cfg.Settings(), in.cfg.Execution()
	if s.Calibrate == "none" || x.DryRun {
		return nil
	}
	c, err := solve.Calibration{What: s.Calibrate, Threads: x.Threads, Guessed: in.guessed, Create: in.spool.Create}.Run(ctx, in.Scan, in.h)
	if err != nil {
		return err
	}
	in.Scan, in.fitted, in.exposed, in.factor = c.Scan, c.Background, c.Exposed, c.Factor
	if len(c.Fit) > 0 {
		in.Calibrated = &c.Calibration
	}
	return nil
}

// addBackground makes the background of the forward model: a constant and a fitted one.
func (in *inputs) addBackground(ctx context.Context) error {
	s, x := in.cfg.Settings(), in.cfg.Execution()
	in.Background = model.Uniform(in.Scan.N, s.Background)
	for i, b := range in.fitted {
		in.Background[i] += b
	}
	if s.FitBackground && in.fitted == nil && !x.DryRun {
		return solve.FitBackground(ctx, in.Scan, in.Background, x.Threads, in.h)
	}
	return nil
}

// load reads a scan by the settings of the run, examines and repairs it. before is its examination in a resumed run.
func (in *inputs) load(ctx context.Context, path, rows string, draw int, before *dataset.Examined) (*scan.Scan, *dataset.Examined, error) {
	s := in.cfg.Settings()
	data, err := dataset.Source{Path: path, Units: s.DiffractionUnits, Layout: s.DiffractionLayout, Rows: rows, Draw: draw, Seed: s.Seed, Photons: s.NPhotons, Scan: in.cfg.Scan(), Adapt: in.cfg.AdaptedSide, HighCompression: in.cfg.Execution().HighCompression, Unchecked: true, Spool: in.spool}.Read(ctx, in.h.Notice)
	if err != nil {
		return nil, nil, err
	}
	if n := in.cfg.Model().N; n != data.N {
		return nil, nil, host.Failf(host.ExitData, "%s has patterns of %d×%d pixels, but this run needs %d×%d", path, data.N, data.N, n, n)
	}
	return in.examine(ctx, data, before)
}

// group makes the groups of training patterns.
func (in *inputs) group() (err error) {
	s, gridsize := in.cfg.Settings(), in.cfg.Model().Gridsize
	grouping := scan.Grouping{Gridsize: gridsize, Batch: s.BatchSize * s.AccumulateGradBatches, Neighbours: s.NeighborCount, Seed: s.Seed, Members: in.Train}
	if in.Groups, err = scan.NewGrouper(in.Scan.Rows, in.Scan.Cols, grouping); err != nil {
		return host.Failf(host.ExitData, "%s: %w", s.TrainDataFile, err)
	}
	if in.Groups.Steps() < 1 {
		return host.Failf(host.ExitData, "%s: %s too few for one step of %d: lower --batch-size", s.TrainDataFile, words.Of(len(in.Train), "training pattern")+" "+words.Verb(len(in.Train), "is", "are"), grouping.Batch)
	}
	return nil
}

// MeanCounts returns the mean number of photons in a training pattern.
func (in *inputs) MeanCounts() float64 {
	in.countPhotons()
	return in.total / float64(len(in.Train))
}

// countPhotons returns the number of photons in each training pattern.
func (in *inputs) countPhotons() []float64 {
	if in.photons != nil {
		return in.photons
	}
	in.photons = make([]float64, len(in.Train))
	pattern := make([]float32, in.Scan.N*in.Scan.N)
	for j, r := range in.Train {
		in.Scan.Fill(pattern, r)
		for _, k := range pattern {
			in.photons[j] += float64(k)
			in.total += float64(k)
		}
	}
	return in.photons
}

// FlatDeviance returns the deviance per pixel of an empty object on the training patterns, or on a sample of them.
func (in *inputs) FlatDeviance() (float64, error) {
	sample, err := in.Scan.Select(scan.Thin(in.Train, model.FeatureSample))
	if err != nil {
		return 0, err
	}
	return model.FlatDeviance(sample, in.Probe, in.Background), nil
}

// ValidationPatterns returns the number of validation patterns.
func (in *inputs) ValidationPatterns() int {
	if in.Test != nil {
		return in.Test.Len()
	}
	return len(in.Validation)
}

// LargestOffset returns the largest possible offset of a training or validation pattern from its group's centre, in pixels.
func (in *inputs) LargestOffset() (float64, error) {
	largest := in.Groups.MaxOffset()
	for _, data := range in.validationScans() {
		g, err := in.nearest(data)
		if err != nil {
			return 0, err
		}
		largest = max(largest, g.MaxOffset())
	}
	return largest, nil
}

// validationScans returns the scans with validation patterns.
func (in *inputs) validationScans() (scans []*scan.Scan) {
	if len(in.Validation) > 0 {
		scans = append(scans, in.Scan)
	}
	if in.Test != nil {
		scans = append(scans, in.Test)
	}
	return scans
}

// nearest groups every pattern of a scan with its nearest neighbours.
func (in *inputs) nearest(data *scan.Scan) (*scan.Grouper, error) {
	s, gridsize := in.cfg.Settings(), in.cfg.Model().Gridsize
	g, err := scan.NewGrouper(data.Rows, data.Cols, scan.Grouping{Gridsize: gridsize, Batch: gridsize * gridsize, Neighbours: s.NeighborCount})
	if err != nil {
		return nil, host.Failf(host.ExitData, "%s: %w", data.Source, err)
	}
	return g, nil
}
