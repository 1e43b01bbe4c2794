package workflow

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
)

// lookPatterns is how many patterns the flat-object guard looks at.
const lookPatterns = 16

// read loads the scan, splits its patterns and brings the probe into the gauge of the forward model.
func (run *training) read(ctx context.Context) (err error) {
	s := run.cfg.Settings()
	if run.scan, err = run.load(s.TrainDataFile, s.Rows, s.NImages); err != nil {
		return err
	}
	if err := run.checkGeometry(ctx); err != nil {
		return err
	}
	if run.scan, err = withProbe(ctx, run.scan, run.cfg.Execution().Threads, run.host); err != nil {
		return err
	}
	all := make([]int, run.scan.Len())
	for i := range all {
		all[i] = i
	}
	if run.train, run.validation, err = scan.SplitValidation(all, s.ValSplit, s.Seed); err != nil {
		return fail(ExitData, err)
	}
	modes := run.scan.Probe
	if s.ProbeMask {
		modes = maskProbe(modes, run.scan.N, s.ProbeMaskDiameter, s.ProbeMaskSigma)
	}
	if run.probe, err = gaugeProbe(modes, run.scan.N, run.meanCounts()); err != nil {
		return failf(ExitData, "%s: %w", s.TrainDataFile, err)
	}
	if s.TestDataFile == "" {
		return nil
	}
	run.test, err = run.load(s.TestDataFile, "", 0)
	return err
}

// load reads a scan by the settings of the run.
func (run *training) load(path, rows string, sample int) (*scan.Scan, error) {
	s := run.cfg.Settings()
	units, err := format.ParseUnits(s.DiffractionUnits)
	if err != nil {
		return nil, fail(ExitUsage, err)
	}
	layout, err := format.ParseLayout(s.DiffractionLayout)
	if err != nil {
		return nil, fail(ExitUsage, err)
	}
	data, err := format.ReadScan(path, format.ScanOptions{Units: units, Layout: layout, Rows: rows, Sample: sample, Seed: s.Seed, Photons: s.NPhotons})
	if err != nil {
		return nil, fail(ExitData, err)
	}
	for _, n := range data.Notes {
		run.host.Notice("%s", n)
	}
	if n := run.cfg.Model().N; n != data.N {
		return nil, failf(ExitData, "%s has patterns of %d×%d pixels, this run is for %d×%d", path, data.N, data.N, n, n)
	}
	return data, nil
}

// meanCounts is the mean number of photons in a training pattern.
func (run *training) meanCounts() float64 {
	total := 0.0
	for _, r := range run.train {
		for _, k := range run.scan.Pattern(r) {
			total += float64(k)
		}
	}
	return total / float64(len(run.train))
}

// validates is what the network is judged by. A pattern is predicted from its group, as in training; the group is always
// the pattern and its nearest neighbours, and the pattern alone counts.
func (run *training) validates() (validation, error) {
	if run.test != nil {
		d, err := spoolDataset(run.spool, "validation", run.test, run.probe, run.background)
		if err == nil {
			err = run.labelled(&d, "validation", run.test)
		}
		if err != nil {
			return validation{}, err
		}
		all := make([]int, run.test.Len())
		for i := range all {
			all[i] = i
		}
		batches, err := run.leading(run.test, all)
		return validation{&d, batches}, err
	}
	if len(run.validation) == 0 {
		return validation{}, nil
	}
	batches, err := run.leading(run.scan, run.validation)
	return validation{nil, batches}, err
}

// judges groups every pattern of a scan with its nearest neighbours.
func (run *training) judges(data *scan.Scan) (*scan.Grouper, error) {
	s, gridsize := run.cfg.Settings(), run.cfg.Model().Gridsize
	g, err := scan.NewGrouper(data.Rows, data.Cols, scan.Grouping{Gridsize: gridsize, Batch: gridsize * gridsize, Neighbours: s.NeighborCount})
	if err != nil {
		return nil, failf(ExitData, "%s: %w", data.Source, err)
	}
	return g, nil
}

// leading makes batches of the groups that these patterns lead.
func (run *training) leading(data *scan.Scan, rows []int) ([]backend.Batch, error) {
	g, err := run.judges(data)
	if err != nil {
		return nil, err
	}
	groups, c := g.Nearest(), run.program.Group // one group each, in the order of the patterns
	size := run.cfg.Settings().BatchSize
	var out []backend.Batch
	for i, row := range rows {
		if i*c%size == 0 {
			out = append(out, backend.Batch{})
		}
		b := &out[len(out)-1]
		b.Rows = append(b.Rows, groups[row].Rows...)
		b.Offsets = append(b.Offsets, groups[row].Offsets...)
		for j := range c {
			weight := float32(0)
			if j == 0 {
				weight = 1
			}
			b.Weights = append(b.Weights, weight)
		}
	}
	return out, nil
}
