package conformance

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
)

// Status is the result of a case.
type Status string

// The statuses.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
	// Excluded is the status of a case that needs what the backend does not offer: training, a moving average, an operation, or a
	// process of its own. The level that is reached is then that of the backend without it.
	Excluded Status = "excluded"
)

// Result describes one case.
type Result struct {
	Level   Level   `json:"level"`
	Name    string  `json:"name"`
	Rule    string  `json:"rule"`
	Status  Status  `json:"status"`
	Message string  `json:"message,omitempty"` // why it failed or was skipped
	Seconds float64 `json:"seconds"`
	// Closest is the largest error of the case as a part of its tolerance; above 1 the case failed. 0: exact, or nothing was compared.
	Closest float64 `json:"closest"`
	// CompileSeconds is the part of Seconds that the backend reported as compiling.
	CompileSeconds float64  `json:"compile_seconds"`
	Program        string   `json:"program,omitempty"` // of a case that failed: the last program that it opened
	Log            []string `json:"log,omitempty"`     // of a case that failed: the last lines of the backend's standard error
}

// Count has the number of cases of a level by status.
type Count struct {
	Level    Level  `json:"level"`
	Title    string `json:"title"`
	Passed   int    `json:"passed"`
	Failed   int    `json:"failed"`
	Skipped  int    `json:"skipped"`
	Excluded int    `json:"excluded"`
}

// Report is the result tree from which every other form is made. Two runs differ only in the seconds and in Started.
type Report struct {
	Backend       string         `json:"backend"`
	Version       string         `json:"version"`
	Engine        string         `json:"engine"`
	Protocol      string         `json:"protocol"`
	Device        string         `json:"device"`
	Capabilities  []string       `json:"capabilities"`
	DTypes        []string       `json:"dtypes"`
	Devices       []Processor    `json:"devices"`
	Machine       Machine        `json:"machine"`
	Started       time.Time      `json:"started"`
	Threads       int            `json:"threads"`
	Seed          *uint64        `json:"seed"` // of the order of the cases; null: by level
	DType         string         `json:"dtype"`
	Reached       int            `json:"reached"`  // the highest level such that every case passed in it and in all levels below, excluded ones apart; −1: none
	Without       []string       `json:"without"`  // what the backend does not offer, because of which cases are excluded
	Complete      bool           `json:"complete"` // all cases of the requested levels ran; a partial run does not reach a level
	NotRun        int            `json:"not_run"`  // cases that were chosen and did not start before the time limit
	Operations    Coverage       `json:"operations"`
	Counts        []Count        `json:"counts"`
	Results       []Result       `json:"results"`
	Distributions []Distribution `json:"distributions"` // of the errors of all comparisons, by quantity
}

// Processor is a device of the backend.
type Processor struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Usable bool   `json:"usable"`
}

// Machine is where the suite ran.
type Machine struct {
	System string `json:"system"` // linux/amd64
	Cores  int    `json:"cores"`
	Go     string `json:"go"` // with which the suite was built
}

func newReport(t Target, o Options, info backend.Info, devices []backend.Device) *Report {
	r := &Report{Backend: info.Name, Version: info.Version, Engine: info.Engine, Device: strings.Join(t.Devices, ", "), DType: "float32", Reached: -1,
		Without: []string{}, Results: []Result{}, Distributions: []Distribution{}, // [] in JSON instead of null
		Operations: Coverage{Covered: []program.OpKind{}, Left: slices.Sorted(slices.Values(program.Kinds()))},
		Protocol:   fmt.Sprintf("%d.%d", info.ProtocolMajor, info.ProtocolMinor)}
	r.Capabilities, r.DTypes, r.Devices = []string{}, []string{}, []Processor{}
	r.Machine, r.Started, r.Threads, r.Seed = Machine{runtime.GOOS + "/" + runtime.GOARCH, runtime.NumCPU(), runtime.Version()}, time.Now().UTC().Truncate(time.Second), max(t.Threads, 1), o.Shuffle
	for _, c := range info.Capabilities {
		r.Capabilities = append(r.Capabilities, string(c))
	}
	for _, d := range info.DTypes {
		r.DTypes = append(r.DTypes, d.String())
	}
	for _, d := range devices {
		r.Devices = append(r.Devices, Processor{d.ID, d.Name, d.Usable})
	}
	if t.DType != 0 {
		r.DType = t.DType.String()
	}
	if r.Device == "" {
		r.Device = "auto"
	}
	for l := range Level(Levels) {
		r.Counts = append(r.Counts, Count{Level: l, Title: l.String()})
	}
	return r
}

func (r *Report) add(one Result) {
	c := &r.Counts[one.Level]
	switch one.Status {
	case Passed:
		c.Passed++
	case Failed:
		c.Failed++
	case Skipped:
		c.Skipped++
	default:
		c.Excluded++
	}
	r.Results = append(r.Results, one)
}

// lack notes what the backend does not offer.
func (r *Report) lack(what string) {
	if i, found := slices.BinarySearch(r.Without, what); !found {
		r.Without = slices.Insert(r.Without, i, what)
	}
}

// conclude sets the level that was reached. A level with a skipped case, or without any, is not reached. One whose cases are all
// excluded, such as Learns for a backend that only predicts, is passed over.
func (r *Report) conclude(o Options) {
	r.Complete = o.Run == nil && o.Skip == nil && !o.Quick && r.NotRun == 0
	if !r.Complete {
		return
	}
	for l := range o.Level + 1 {
		c := r.Counts[l]
		if c.Failed > 0 || c.Skipped > 0 || c.Passed+c.Excluded == 0 {
			return
		}
		if c.Passed > 0 {
			r.Reached = int(l)
		}
	}
}

// Took returns the seconds of all cases, and the part of them that was spent compiling.
func (r *Report) Took() (all, compiling float64) {
	for _, one := range r.Results {
		all += one.Seconds
		compiling += one.CompileSeconds
	}
	return all, compiling
}

// Sum returns the number of cases with the given status.
func (r *Report) Sum(s Status) int {
	n := 0
	for _, one := range r.Results {
		if one.Status == s {
			n++
		}
	}
	return n
}

// JSON writes the report; conformance/report.schema.json describes it.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// JUnit writes the report in JUnit's XML for continuous integration, with one suite per level.
func (r *Report) JUnit(w io.Writer) error {
	type note struct {
		Message string `xml:"message,attr"`
	}
	type one struct {
		Name    string `xml:"name,attr"`
		Class   string `xml:"classname,attr"`
		Time    string `xml:"time,attr"`
		Failure *note  `xml:"failure,omitempty"`
		Skipped *note  `xml:"skipped,omitempty"`
	}
	type suite struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Cases    []one  `xml:"testcase"`
	}
	var doc struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		Suites  []suite  `xml:"testsuite"`
	}
	doc.Name = "conformance of " + r.Backend
	for _, c := range r.Counts {
		s := suite{Name: fmt.Sprintf("level %d %s", int(c.Level), c.Title), Tests: c.Passed + c.Failed + c.Skipped + c.Excluded, Failures: c.Failed, Skipped: c.Skipped + c.Excluded}
		for _, x := range r.Results {
			if x.Level != c.Level {
				continue
			}
			o := one{Name: x.Name, Class: s.Name, Time: fmt.Sprintf("%.3f", x.Seconds)}
			switch x.Status {
			case Failed:
				o.Failure = &note{x.Message}
			case Skipped, Excluded:
				o.Skipped = &note{x.Message}
			}
			s.Cases = append(s.Cases, o)
		}
		if s.Tests > 0 {
			doc.Suites = append(doc.Suites, s)
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
