package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
)

// all are the defaults.
var all = Examination{Examination: config.Examination{Examine: "on", Repair: "pixels,cosmic-rays,frames,exposure"}}

// faulty returns a scan with a marked row, an empty frame and a cosmic ray.
func faulty(t *testing.T) *scan.Scan {
	t.Helper()
	s := sound(t)
	for i := range s.Len() {
		for x := range s.N {
			s.Pattern(i)[20*s.N+x] = 1<<16 - 1
		}
	}
	clear(s.Pattern(7))
	for x := range s.N {
		s.Pattern(7)[20*s.N+x] = 1<<16 - 1
	}
	s.Pattern(50)[3*s.N+4] = 500000
	return s
}

func sound(t *testing.T) *scan.Scan {
	t.Helper()
	sim, err := simulate.New(t.Context(), simulate.Options{Seed: 3, Object: simulate.Fields, Probe: simulate.Aberrated, N: 32, Height: 80, Patterns: 120, Photons: 1e5})
	if err != nil {
		t.Fatal(err)
	}
	s := sim.AsRead()
	s.Index = make([]int, s.Len())
	for i := range s.Index {
		s.Index[i] = 10 + i
	}
	return s
}

func quiet(string, ...any) {}

// TestRun_RepairsAndRecords: every repair is made and recorded with rows of the file; the frame's counts, mask and positions agree.
func TestRun_RepairsAndRecords(t *testing.T) {
	before := sound(t)
	var lines []string
	s, r, err := examineAll(t.Context(), faulty(t), all, func(f string, a ...any) { lines = append(lines, f) })
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Masked) != 32 || !slices.Equal(r.LeftOut, []int{17}) || !reflect.DeepEqual(r.Replaced, [][3]int{{60, 3, 4}}) {
		t.Errorf("masked %v, left out %v, replaced %v", r.Masked, r.LeftOut, r.Replaced)
	}
	if len(lines) != 3 {
		t.Errorf("%d lines, want one for each of three findings", len(lines))
	}
	if s.Len() != 119 || slices.Contains(s.Index, 17) || s.Rows[7] != before.Rows[8] || s.Mask[20*32+5] != 0 || s.Mask[0] != 1 {
		t.Errorf("%d patterns, mask %d and %d", s.Len(), s.Mask[20*32+5], s.Mask[0])
	}
	if k := s.Pattern(49)[3*32+4]; k > 100 {
		t.Errorf("the cosmic ray left %v counts", k)
	}
	for i, k := range s.Pattern(30) {
		if want := before.Pattern(31)[i]; i/32 != 20 && k != want || i/32 == 20 && k != 0 {
			t.Fatalf("pixel %d has %v counts, and had %v", i, k, want)
		}
	}
}

// TestRun_LeavesASoundScan: a scan without findings is returned itself.
func TestRun_LeavesASoundScan(t *testing.T) {
	s := sound(t)
	out, r, err := examineAll(t.Context(), s, all, quiet)
	if err != nil || out != s || len(r.Findings) != 0 {
		t.Errorf("%v, %v, the same scan: %v", err, r.Findings, out == s)
	}
	off := all
	off.Examine = "off"
	bad := faulty(t)
	if out, r, err := examineAll(t.Context(), bad, off, quiet); err != nil || r != nil || out != bad {
		t.Errorf("off: %v, %v", r, err)
	}
}

// TestRun_StopsUnrepaired: a fault that is not repaired ends the command with its identifier and the flag, unless the data are trusted.
func TestRun_StopsUnrepaired(t *testing.T) {
	o := all
	o.Repair = "none"
	_, _, err := examineAll(t.Context(), faulty(t), o, quiet)
	if host.ExitCode(err) != host.ExitData || !strings.Contains(err.Error(), examine.Marked) || !strings.Contains(err.Error(), "--trust-data") {
		t.Errorf("%v", err)
	}
	o.TrustData = true
	s := faulty(t)
	out, r, err := examineAll(t.Context(), s, o, quiet)
	if err != nil || out != s || r.changes() {
		t.Errorf("trusted: %v, %+v", err, r.Repairs)
	}
}

// TestExamine_MasksABeamStop: the shadow of a beam stop joins the mask.
func TestExamine_MasksABeamStop(t *testing.T) {
	s := sound(t)
	shadow := 0
	for q := range s.N * s.N {
		if y, x := q/s.N-16, q%s.N-16; y*y+x*x <= 9 {
			shadow++
			for i := range s.Len() {
				s.Pattern(i)[q] = 0
			}
		}
	}
	out, r, err := Examine(t.Context(), s, all, quiet)
	if err != nil || len(r.Masked) != shadow || out.Mask[16*32+16] != 0 || out.Mask[0] != 1 {
		t.Errorf("%v, %d pixels masked, want %d: %+v", err, len(r.Masked), shadow, r.Findings)
	}
}

// TestAgain_SameBits: the stored repairs give the same scan as the examination, in memory and in a file.
func TestAgain_SameBits(t *testing.T) {
	first, r, err := examineAll(t.Context(), faulty(t), all, quiet)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var stored Examined
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	second, _, err := ExamineAgain(t.Context(), faulty(t), &stored, all)
	if err != nil || first.Fingerprint() != second.Fingerprint() {
		t.Fatalf("%v, or another scan", err)
	}
	o := all
	o.Create = func(int64) (scan.PatternFile, error) { return &memory{}, nil }
	third, _, err := ExamineAgain(t.Context(), inFile(t, faulty(t)), &stored, o)
	if err != nil || third.Stored == nil || first.Fingerprint() != third.Fingerprint() {
		t.Errorf("%v, or another scan", err)
	}
}

// TestApply_RefusesHostileRepairs: repairs of another scan are an error that names them.
func TestApply_RefusesHostileRepairs(t *testing.T) {
	every := []int{}
	for i := range 120 {
		every = append(every, 10+i)
	}
	for name, r := range map[string]Repairs{
		"pixel": {Masked: [][2]int{{0, 32}}}, "negative pixel": {Masked: [][2]int{{-1, 0}}}, "frame": {LeftOut: []int{9}}, "all frames": {LeftOut: every},
		"unsorted": {LeftOut: []int{12, 11}}, "value": {Replaced: [][3]int{{10, 0, 40}}}, "value's frame": {Replaced: [][3]int{{500, 0, 0}}},
	} {
		if _, err := r.apply(t.Context(), sound(t), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestRun_StopsWithTheContext: a cancelled examination returns its cause.
func TestRun_StopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, _, err := examineAll(ctx, sound(t), all, quiet); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}

// memory is a file in memory.
type memory struct{ data []byte }

func (m *memory) Path() string { return "" }
func (m *memory) Seal()        {}
func (m *memory) ReadAt(b []byte, at int64) (int, error) {
	return copy(b, m.data[at:]), nil
}

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	if need := int(at) + len(b); need > len(m.data) {
		m.data = append(m.data, make([]byte, need-len(m.data))...)
	}
	return copy(m.data[at:], b), nil
}

// inFile returns the scan with its patterns in a file.
func inFile(t *testing.T, s *scan.Scan) *scan.Scan {
	t.Helper()
	w, err := scan.NewPatternWriter(func(int64) (scan.PatternFile, error) { return &memory{}, nil }, s.Len(), s.N*s.N, 4)
	if err == nil {
		err = w.Append(t.Context(), s.Counts)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Counts, s.Stored = w.Patterns()
	return s
}
