package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Difference compares two reports, an earlier one and a later one.
type Difference struct {
	Before  Side     `json:"before"`
	After   Side     `json:"after"`
	Worse   []Change `json:"worse"`   // cases that passed before and do not now
	Better  []Change `json:"better"`  // cases that did not pass before and do now
	Other   []Change `json:"other"`   // cases with another status, or that only one report has
	Nearer  []Drift  `json:"nearer"`  // cases that pass in both, with an error at least twice as near to its tolerance
	Slower  []Drift  `json:"slower"`  // cases that take at least twice as long, and a tenth of a second more
	Without []string `json:"without"` // what only the later backend does not offer
}

// Side names a report.
type Side struct {
	Backend string  `json:"backend"`
	Version string  `json:"version"`
	Engine  string  `json:"engine"`
	DType   string  `json:"dtype"`
	Device  string  `json:"device"`
	Reached int     `json:"reached"`
	Seconds float64 `json:"seconds"`
}

// Change is a case whose status differs.
type Change struct {
	Name    string `json:"name"`
	Before  Status `json:"before"` // "": the report does not have the case
	After   Status `json:"after"`
	Message string `json:"message,omitempty"` // of the report in which it did not pass
}

// Drift is a case with another number: its largest error as a part of the tolerance, or its seconds.
type Drift struct {
	Name   string  `json:"name"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
}

// ReadReport reads what Report.JSON wrote.
func ReadReport(r io.Reader) (*Report, error) {
	const most = 64 << 20 // bytes; a report has about 200 kB
	d := json.NewDecoder(io.LimitReader(r, most))
	d.DisallowUnknownFields()
	var report Report
	if err := d.Decode(&report); err != nil {
		return nil, fmt.Errorf("not a conformance report of this version: %w", err)
	}
	if report.Backend == "" || len(report.Counts) != Levels {
		return nil, fmt.Errorf("not a conformance report of this version: backend %q with %d levels, want a name and %d levels", report.Backend, len(report.Counts), Levels)
	}
	for _, one := range report.Results {
		if !slices.Contains([]Status{Passed, Failed, Skipped, Excluded}, one.Status) {
			return nil, fmt.Errorf("case %q has the status %q, want passed, failed, skipped or excluded", one.Name, one.Status)
		}
	}
	return &report, nil
}

func (r *Report) side() Side {
	all, _ := r.Took()
	return Side{r.Backend, r.Version, r.Engine, r.DType, r.Device, r.Reached, all}
}

// Compare lists what differs from an earlier report to a later one.
func Compare(before, after *Report) Difference {
	d := Difference{Before: before.side(), After: after.side(), Worse: []Change{}, Better: []Change{}, Other: []Change{}, Nearer: []Drift{}, Slower: []Drift{}, Without: []string{}}
	for _, what := range after.Without {
		if !slices.Contains(before.Without, what) {
			d.Without = append(d.Without, what)
		}
	}
	earlier := map[string]Result{}
	for _, r := range before.Results {
		earlier[r.Name] = r
	}
	for _, r := range after.Results {
		old, ok := earlier[r.Name]
		delete(earlier, r.Name)
		d.add(old, r, ok)
	}
	for _, r := range before.Results {
		if _, gone := earlier[r.Name]; gone {
			d.Other = append(d.Other, Change{Name: r.Name, Before: r.Status})
		}
	}
	return d
}

// add compares a case; known says that the earlier report has it.
func (d *Difference) add(old, r Result, known bool) {
	const factor, notable = 2, 0.1
	c := Change{r.Name, old.Status, r.Status, r.Message}
	switch {
	case !known:
		d.Other = append(d.Other, c)
	case old.Status == Passed && r.Status == Passed:
		if r.Closest > factor*old.Closest && r.Closest > 1e-3 {
			d.Nearer = append(d.Nearer, Drift{r.Name, old.Closest, r.Closest})
		}
		if r.Seconds > factor*old.Seconds && r.Seconds-old.Seconds > notable {
			d.Slower = append(d.Slower, Drift{r.Name, old.Seconds, r.Seconds})
		}
	case old.Status == Passed:
		d.Worse = append(d.Worse, c)
	case r.Status == Passed:
		c.Message = old.Message
		d.Better = append(d.Better, c)
	case old.Status != r.Status:
		d.Other = append(d.Other, c)
	}
}
