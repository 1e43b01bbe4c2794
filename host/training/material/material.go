// Package material prepares the data of a training: training and validation patterns, the probe, the background and the
// groups. It also spools them for the backend.
package material

import (
	"context"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/gauge"
	"github.com/ptychogo/ptycho/host/solution"
	"github.com/ptychogo/ptycho/internal/plural"
)

// Material is the prepared data of a training.
type Material struct {
	Scan       *scan.Scan
	Train      []int      // training patterns of Scan
	Validation []int      // validation patterns of Scan
	Test       *scan.Scan // separate scan for validation, or nil
	Probe      gauge.Probe
	Background []float32     // [N, N] counts, of the forward model
	Groups     *scan.Grouper // of the training patterns, of whole steps

	cfg *config.Training
	h   host.Host
}

// Read loads the scan, splits its patterns, scales the probe to the gauge of the forward model and makes the groups. In a new
// run it also checks whether the data support the positions.
func Read(ctx context.Context, cfg *config.Training, h host.Host) (*Material, error) {
	m := &Material{cfg: cfg, h: h}
	s, x := cfg.Settings(), cfg.Execution()
	var err error
	if m.Scan, err = m.load(ctx, s.TrainDataFile, s.Rows, s.NImages); err != nil {
		return nil, err
	}
	if s.CheckGeometry && x.Resume == "" && !x.DryRun {
		if err := solution.CheckGeometry(ctx, m.Scan, x.Threads, h.Notice); err != nil {
			return nil, err
		}
	}
	if m.Scan, err = solution.WithProbe(ctx, m.Scan, x.Threads, h.Notice); err != nil {
		return nil, err
	}
	if s.CheckGeometry && x.Resume == "" && !x.DryRun {
		if err := solution.CheckSupport(ctx, m.Scan, x.Threads); err != nil {
			return nil, err
		}
	}
	all := make([]int, m.Scan.Len())
	for i := range all {
		all[i] = i
	}
	if m.Train, m.Validation, err = scan.SplitValidation(all, s.ValSplit, s.Seed); err != nil {
		return nil, host.Fail(host.ExitData, err)
	}
	modes := m.Scan.Probe
	if s.ProbeMask {
		modes = gauge.Mask(modes, m.Scan.N, s.ProbeMaskDiameter, s.ProbeMaskSigma)
	}
	if m.Probe, err = gauge.NewProbe(modes, m.Scan.N, m.MeanCounts()); err != nil {
		return nil, host.Failf(host.ExitData, "%s: %w", s.TrainDataFile, err)
	}
	if s.TestDataFile != "" {
		if m.Test, err = m.load(ctx, s.TestDataFile, "", 0); err != nil {
			return nil, err
		}
	}
	m.Background = gauge.Uniform(m.Scan.N, s.Background)
	if s.FitBackground && !x.DryRun {
		if err := solution.FitBackground(ctx, m.Scan, m.Background, x.Threads, h); err != nil {
			return nil, err
		}
	}
	return m, m.group()
}

// load reads a scan by the settings of the run.
func (m *Material) load(ctx context.Context, path, rows string, draw int) (*scan.Scan, error) {
	s := m.cfg.Settings()
	data, err := dataset.Source{Path: path, Units: s.DiffractionUnits, Layout: s.DiffractionLayout, Rows: rows, Draw: draw, Seed: s.Seed, Photons: s.NPhotons, HighCompression: m.cfg.Execution().HighCompression}.Read(ctx, m.h.Notice)
	if err != nil {
		return nil, err
	}
	if n := m.cfg.Model().N; n != data.N {
		return nil, host.Failf(host.ExitData, "%s has patterns of %d×%d pixels, but this run needs %d×%d", path, data.N, data.N, n, n)
	}
	return data, nil
}

// group makes the groups of training patterns.
func (m *Material) group() (err error) {
	s, gridsize := m.cfg.Settings(), m.cfg.Model().Gridsize
	grouping := scan.Grouping{Gridsize: gridsize, Batch: s.BatchSize * s.AccumulateGradBatches, Neighbours: s.NeighborCount, Seed: s.Seed, Members: m.Train}
	if m.Groups, err = scan.NewGrouper(m.Scan.Rows, m.Scan.Cols, grouping); err != nil {
		return host.Failf(host.ExitData, "%s: %w", s.TrainDataFile, err)
	}
	if m.Groups.Steps() < 1 {
		return host.Failf(host.ExitData, "%s: %s too few for one step of %d: lower --batch-size", s.TrainDataFile, plural.Of(len(m.Train), "training pattern")+" "+plural.Verb(len(m.Train), "is", "are"), grouping.Batch)
	}
	return nil
}

// MeanCounts returns the mean number of photons in a training pattern.
func (m *Material) MeanCounts() float64 {
	total := 0.0
	for _, r := range m.Train {
		for _, k := range m.Scan.Pattern(r) {
			total += float64(k)
		}
	}
	return total / float64(len(m.Train))
}

// FlatDeviance returns the deviance per pixel of an empty object on the training patterns, or on a sample of them.
func (m *Material) FlatDeviance() (float64, error) {
	sample, err := m.Scan.Select(scan.Thin(m.Train, gauge.FeatureSample))
	if err != nil {
		return 0, err
	}
	return gauge.FlatDeviance(sample, m.Probe, m.Background), nil
}

// ValidationPatterns returns the number of validation patterns.
func (m *Material) ValidationPatterns() int {
	if m.Test != nil {
		return m.Test.Len()
	}
	return len(m.Validation)
}

// LargestOffset returns the largest possible offset of a training or validation pattern from its group's centre, in pixels.
func (m *Material) LargestOffset() (float64, error) {
	largest := m.Groups.MaxOffset()
	for _, data := range m.validationScans() {
		g, err := m.nearest(data)
		if err != nil {
			return 0, err
		}
		largest = max(largest, g.MaxOffset())
	}
	return largest, nil
}

// validationScans returns the scans with validation patterns.
func (m *Material) validationScans() (scans []*scan.Scan) {
	if len(m.Validation) > 0 {
		scans = append(scans, m.Scan)
	}
	if m.Test != nil {
		scans = append(scans, m.Test)
	}
	return scans
}

// nearest groups every pattern of a scan with its nearest neighbours.
func (m *Material) nearest(data *scan.Scan) (*scan.Grouper, error) {
	s, gridsize := m.cfg.Settings(), m.cfg.Model().Gridsize
	g, err := scan.NewGrouper(data.Rows, data.Cols, scan.Grouping{Gridsize: gridsize, Batch: gridsize * gridsize, Neighbours: s.NeighborCount})
	if err != nil {
		return nil, host.Failf(host.ExitData, "%s: %w", data.Source, err)
	}
	return g, nil
}
