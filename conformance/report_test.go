package conformance_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/joshdk/go-junit"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

// modest lacks an operation and inspection.
type modest struct{ backend.Backend }

func (m modest) Info() backend.Info {
	i := m.Backend.Info()
	i.Operations = slices.DeleteFunc(slices.Clone(i.Operations), func(k program.OpKind) bool { return k == program.Assemble })
	i.Capabilities = slices.DeleteFunc(slices.Clone(i.Capabilities), func(c backend.Capability) bool { return c == backend.CanInspect })
	return i
}

func TestReport_SkippedCaseIsNotPassed(t *testing.T) {
	report := checked(t, modest{gorgonia.New()}, conformance.Options{Level: conformance.Computes, Run: regexp.MustCompile("^(info|operation/(fft2|assemble)|evaluate)$")})
	if report.Sum(conformance.Skipped) != 1 || report.Sum(conformance.Passed) != 2 || report.Counts[1].Skipped != 1 || report.Counts[1].Excluded != 1 {
		t.Errorf("the results are %+v", report.Results)
	}
	if report.Reached != -1 || report.Complete {
		t.Errorf("a partial run reached level %d", report.Reached)
	}
	for _, r := range document(t, inJSON(t, report))["results"].([]any) {
		r := r.(map[string]any)
		if (r["name"] == "operation/fft2") != (r["status"] == "skipped" && r["message"] != nil) {
			t.Errorf("in JSON: %v", r)
		}
	}
}

// predicting does not train, and has no gradients.
type predicting struct{ backend.Backend }

func (p predicting) Info() backend.Info {
	i := p.Backend.Info()
	i.Capabilities = slices.DeleteFunc(slices.Clone(i.Capabilities), func(c backend.Capability) bool { return c == backend.CanTrain || c == backend.CanEMA })
	return i
}

func (p predicting) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	if err := o.Check(p.Info()); err != nil {
		return nil, err
	}
	s, err := p.Backend.Open(ctx, o)
	return untrained{s, o.Program}, err
}

type untrained struct {
	backend.Session
	program *program.Program
}

func (u untrained) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	return u.Session.(backend.Inspector).Forward(ctx, b, taps...)
}

func (untrained) Gradient(context.Context, backend.BatchRef, ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	return backend.Loss{}, nil, backend.Errorf(backend.Unsupported, "gradient", "this backend only predicts")
}

// SetState keeps weights and buffers.
func (u untrained) SetState(ctx context.Context, st backend.State) error {
	if err := st.Check(u.program); err != nil {
		return err
	}
	st.Slots = maps.Clone(st.Slots)
	for _, slot := range []backend.Slot{backend.Moment1, backend.Moment2, backend.Velocity, backend.EMA} {
		delete(st.Slots, slot)
	}
	return u.Session.SetState(ctx, st)
}

func (untrained) Step(context.Context, backend.StepPlan, func(backend.StepResult) error) error {
	return backend.Errorf(backend.Unsupported, "step", "this backend only predicts")
}

// old has the first minor version, for which a case about later ones is skipped.
type old struct{ backend.Backend }

func (o old) Info() backend.Info {
	i := o.Backend.Info()
	i.ProtocolMinor = 0
	return i
}

// TestReport_BackendReachesItsOwnLevel checks a backend that only predicts: what it does not offer excludes cases, blocks no level, and
// is reported.
func TestReport_BackendReachesItsOwnLevel(t *testing.T) {
	fixture.Long(t)
	report := checked(t, predicting{oracle.New()}, conformance.Options{Level: conformance.Speaks})
	if report.Reached != 0 || !slices.Contains(report.Without, "train") || report.Counts[0].Excluded == 0 {
		t.Errorf("reached level %d without %v: %+v", report.Reached, report.Without, report.Counts)
	}
	noneFailed(t, report)
	some := regexp.MustCompile(`^(operation/(relu|mul|assemble)|state/|stop/|cancel/|evaluate|again/|train/(adam/1|ema)|gradient/|composed/relu|bits/again|sessions/|emit/|memory-limit|large/state|process/)`)
	report = checked(t, predicting{without{gorgonia.New(), program.Assemble}}, conformance.Options{Level: conformance.Operates, Run: some})
	noneFailed(t, report)
	if want := []string{"a process of its own", "ema", "gradients", "operation assemble", "train"}; !slices.Equal(report.Without, want) {
		t.Errorf("without %v, want %v", report.Without, want)
	}
	for _, r := range report.Results { // a case of gradients alone must not pass without one
		if want := map[string]conformance.Status{"gradient/named": conformance.Excluded, "operation/mul": conformance.Passed}[r.Name]; want != "" && r.Status != want {
			t.Errorf("%s %s, want %s", r.Name, r.Status, want)
		}
	}
}

// TestReport_ProfilesReachLevel4 runs all cases on a backend that only predicts, and on one without an operation that few networks use.
func TestReport_ProfilesReachLevel4(t *testing.T) {
	fixture.NeedsAll(t)
	for name, b := range map[string]backend.Backend{"only predicts": predicting{gorgonia.New()}, "no assemble": without{gorgonia.New(), program.Assemble}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shown := func(r conformance.Result) { t.Logf("%s %s in %.1f s", r.Name, r.Status, r.Seconds) }
			report := checked(t, b, conformance.Options{Level: conformance.Operates, Timeout: time.Hour, Report: shown})
			noneFailed(t, report)
			if report.Reached != int(conformance.Operates) {
				t.Errorf("reached level %d without %v, want 4", report.Reached, report.Without)
			}
		})
	}
}

func noneFailed(t *testing.T, report *conformance.Report) {
	t.Helper()
	for _, r := range report.Results {
		if r.Status == conformance.Failed || r.Status == conformance.Skipped {
			t.Errorf("%s %s: %s", r.Name, r.Status, r.Message)
		}
	}
}

// without lacks an operation.
type without struct {
	backend.Backend
	kind program.OpKind
}

func (w without) Info() backend.Info {
	i := w.Backend.Info()
	i.Operations = slices.DeleteFunc(slices.Clone(i.Operations), func(k program.OpKind) bool { return k == w.kind })
	return i
}

func (w without) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	if err := o.Check(w.Info()); err != nil {
		return nil, err
	}
	return w.Backend.Open(ctx, o)
}

func TestReport_SkippedCaseBlocksLevel(t *testing.T) {
	fixture.Long(t)
	report := checked(t, old{oracle.New()}, conformance.Options{Level: conformance.Speaks})
	if !report.Complete || report.Reached != -1 || report.Sum(conformance.Failed) != 0 || report.Counts[0].Skipped == 0 || report.Counts[0].Passed == 0 {
		t.Errorf("with %+v the report reaches level %d: %+v", report.Counts, report.Reached, report.Results)
	}
}

// TestJUnit_OpensInIndependentParser parses the XML with an independent library and compares the result with the report,
// case by case.
func TestJUnit_OpensInIndependentParser(t *testing.T) {
	fixture.Long(t)
	for name, report := range map[string]*conformance.Report{
		"one of each ending": threeEndings(t),
		"oracle, level 0":    levelZero(t),
	} {
		var text bytes.Buffer
		if err := report.JUnit(&text); err != nil {
			t.Fatal(err)
		}
		suites, err := junit.IngestReader(&text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		status := map[string]junit.Status{}
		for _, s := range suites {
			var level int
			if _, err := fmt.Sscanf(s.Name, "level %d", &level); err != nil {
				t.Fatalf("%s: suite %q: %v", name, s.Name, err)
			}
			want := report.Counts[level]
			if s.Totals.Passed != want.Passed || s.Totals.Failed != want.Failed || s.Totals.Skipped != want.Skipped+want.Excluded || s.Totals.Error != 0 {
				t.Errorf("%s: %s has %+v, want %+v", name, s.Name, s.Totals, want)
			}
			for _, c := range s.Tests {
				status[c.Name] = c.Status
				if c.Message == "" && c.Status != junit.StatusPassed {
					t.Errorf("%s: %s is %s without a reason", name, c.Name, c.Status)
				}
			}
		}
		if len(status) != len(report.Results) {
			t.Errorf("%s: %d cases in JUnit, %d in the report", name, len(status), len(report.Results))
		}
		for _, r := range report.Results {
			if want := map[bool]string{true: "skipped", false: string(r.Status)}[r.Status == conformance.Excluded]; string(status[r.Name]) != want {
				t.Errorf("%s: %s is %s in JUnit, %s in the report", name, r.Name, status[r.Name], r.Status)
			}
		}
	}
}

// TestReport_RunsDifferOnlyInSeconds runs cases of every level three times on a float engine: sums must be added in the same
// order, and nothing may depend on the order of a map.
func TestReport_RunsDifferOnlyInSeconds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: not with -short")
	}
	cases := "info|state/.*|operation/a.*|random/00|evaluate|train/(sgd/5|clip/norm)|bits/threads"
	if fixture.All() {
		cases = "info|state/.*|operation/[a-d].*|random/0.|network/unet-small.*|evaluate|identity/.*|train/(sgd/5|adam/1|clip/norm)|bits/.*|resume/.*"
	}
	var first []byte
	for i := range 2 {
		report := checked(t, gorgonia.New(), conformance.Options{Level: conformance.Reproduces, Run: regexp.MustCompile("^(" + cases + ")$")})
		report.Started = time.Time{}
		for j := range report.Results {
			report.Results[j].Seconds, report.Results[j].CompileSeconds = 0, 0
		}
		text := inJSON(t, report)
		if i == 0 {
			first = text
		} else if !bytes.Equal(first, text) {
			t.Errorf("the report of run %d is\n%s\nthe first was\n%s", i+1, text, first)
		}
	}
}
