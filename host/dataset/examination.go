package dataset

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// Examination says what is done about findings.
type Examination struct {
	config.Examination
	// Fits reports that the command can fit a factor for each frame. Otherwise a changing exposure is only reported.
	Fits bool
	// Fitted reports that it does so without a finding too.
	Fitted bool
	// Create creates the file of repaired patterns, where those of the scan are in a file.
	Create func(bytes int64) (scan.PatternFile, error)
}

// Finding is a finding and what was done about it.
type Finding struct {
	examine.Finding
	Done string `json:"done,omitempty"` // "" if nothing was done
}

// String describes a finding in one line.
func (f Finding) String() string {
	if f.Done == "" {
		return fmt.Sprintf("%s: %s: %s", f.Severity, f.ID, f.Advice())
	}
	return fmt.Sprintf("repaired: %s: %s; %s (--repair)", f.ID, f.What, f.Done)
}

// Examined lists the findings of a scan and the repairs.
type Examined struct {
	Findings []Finding `json:"findings"`
	Repairs
}

// Examine checks the positions of a scan, runs the examination, and checks the repaired scan.
func Examine(ctx context.Context, data *scan.Scan, o Examination, notice func(format string, args ...any)) (*scan.Scan, *Examined, error) {
	if err := data.CheckPositions(); err != nil { // before the examination, which takes longer
		return nil, nil, host.Failf(host.ExitData, "%s: %w", data.Source, err)
	}
	repaired, result, err := examineAll(ctx, data, o, notice)
	if err != nil {
		return nil, result, err
	}
	if err := repaired.Check(); err != nil {
		return nil, result, host.Failf(host.ExitData, "%s: %w", data.Source, err)
	}
	return repaired, result, nil
}

// ExamineAgain repeats the repairs of an earlier examination of the scan, nil: none. Where the scan has changed since, the scan is examined as
// it is.
func ExamineAgain(ctx context.Context, data *scan.Scan, before *Examined, o Examination) (*scan.Scan, *Examined, error) {
	if before != nil && before.Data != "" && before.Data != data.Fingerprint() {
		return Examine(ctx, data, o, func(string, ...any) {})
	}
	repaired := data
	if before != nil {
		var err error
		if repaired, err = before.apply(ctx, data, o.Create); err != nil {
			return nil, nil, err
		}
	}
	if err := repaired.Check(); err != nil {
		return nil, nil, host.Failf(host.ExitData, "%s: %w", data.Source, err)
	}
	return repaired, before, nil
}

// examineAll examines a scan and returns the repaired scan. A sound scan is returned as it is; of another one the patterns in memory are changed
// in place. The result is nil without an examination.
func examineAll(ctx context.Context, data *scan.Scan, o Examination, notice func(format string, args ...any)) (*scan.Scan, *Examined, error) {
	if o.Examine == "off" {
		return data, nil, nil
	}
	found, err := examine.Scan(ctx, data)
	if err == nil {
		err = data.Err()
	}
	switch {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case err != nil:
		return nil, nil, err
	}
	result := &Examined{Findings: []Finding{}}
	for _, f := range found {
		for name, v := range f.Evidence {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				delete(f.Evidence, name) // JSON has no such number
			}
		}
		result.Findings = append(result.Findings, Finding{Finding: f})
	}
	result.decide(data, o)
	fault := result.fault(o)
	for i, f := range result.Findings {
		if i != fault { // it is in the error
			notice("%s", f)
		}
	}
	if fault >= 0 {
		return nil, result, stop(data.Source, result.Findings[fault].Finding)
	}
	if result.changes() {
		result.Data = data.Fingerprint()
	}
	repaired, err := result.apply(ctx, data, o.Create)
	return repaired, result, err
}

// stop returns the error of a finding that ends the command.
func stop(source string, f examine.Finding) error {
	return host.Failf(host.ExitData, "%s: %s: %s; to go on nevertheless give --trust-data", source, f.ID, f.Advice())
}

// Add adds findings of a later check. It returns an error for one that makes the image wrong, unless the data are trusted. r may be nil.
func (r *Examined) Add(source string, found []examine.Finding, trust bool, notice func(format string, args ...any)) error {
	for _, f := range found {
		if r != nil {
			r.Findings = append(r.Findings, Finding{Finding: f})
		}
		if f.Severity == examine.Wrong && !trust {
			return stop(source, f)
		}
		notice("%s", Finding{Finding: f})
	}
	return nil
}

// fault returns the index of the first finding that ends the command, one that makes the image wrong and was not repaired; −1 if there is
// none.
func (r *Examined) fault(o Examination) int {
	return slices.IndexFunc(r.Findings, func(f Finding) bool {
		return f.Severity == examine.Wrong && f.Done == "" && !o.TrustData && (f.ID != examine.Exposure || o.Fits)
	})
}

// Likely names the findings that most likely explain a bad image, in the form of the end of a sentence; "" if there are none.
func (r *Examined) Likely() string {
	if r == nil {
		return ""
	}
	var ids []string
	for _, f := range r.Findings {
		if f.Severity != examine.Note && f.ID != examine.PoorFit && !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return "likely causes: " + strings.Join(ids, ", ") + " (docs/findings.md)"
}
