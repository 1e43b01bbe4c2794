package config

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/internal/words"
)

// Violation is one error in a configuration.
type Violation struct {
	Key    string // section.name, or the text written instead; "" for an error of a whole source
	Value  string // as written
	Rule   string // completes the sentence "training.batch-size = 7 …"
	Origin Origin
}

// String returns one sentence. Addresses in it have no credentials.
func (v Violation) String() string { return words.Scrub(v.sentence()) }

// shownLength is the number of characters shown of a key or a value, which a file may make very long.
const shownLength = 300

func (v Violation) sentence() string {
	if len(v.Value) > shownLength {
		v.Value = words.Line(v.Value, shownLength)
	}
	if len(v.Key) > shownLength {
		v.Key = words.Line(v.Key, shownLength)
	}
	switch {
	case v.Key == "":
		return fmt.Sprintf("%v: %s", v.Origin, v.Rule)
	case v.Origin.Layer == DefaultLayer && v.Value == "":
		return fmt.Sprintf("%s %s", v.Key, v.Rule)
	}
	return fmt.Sprintf("%s = %q (%v) %s", v.Key, v.Value, v.Origin, v.Rule)
}

// Error holds all violations of a configuration.
type Error struct{ Violations []Violation }

// Error lists the violations, one per line if there are several.
func (e *Error) Error() string {
	if len(e.Violations) == 1 {
		return "config: " + e.Violations[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "config: %s wrong:", words.Of(len(e.Violations), "setting")+" "+words.Verb(len(e.Violations), "is", "are"))
	for _, v := range e.Violations {
		b.WriteString("\n  " + v.String())
	}
	return b.String()
}

// NewError returns an error with the violations, without duplicates: one value may break the same rule in two places.
func NewError(found []Violation) *Error {
	e := &Error{}
	seen := map[Violation]bool{}
	for _, v := range found {
		if !seen[v] {
			seen[v] = true
			e.Violations = append(e.Violations, v)
		}
	}
	return e
}

// check checks the rules that join settings.
func (r *resolution) check(given map[string][]entry) []Violation {
	var found []Violation
	broken := func(key, format string, args ...any) {
		v := r.at(key)
		found = append(found, Violation{key, v.Text, fmt.Sprintf(format, args...), v.Origin})
	}
	for _, v := range r.values {
		if v.Setting.Required && v.Text == "" {
			broken(v.Setting.Key(), "is required: give --%s", v.Setting.Name)
		}
	}
	for _, v := range r.values {
		s := v.Setting
		if !v.Explicit || v.Origin.Layer < FileLayer { // presets and stored runs may set more than is used now
			continue
		}
		if arch := r.sections.model.Arch; !s.of(arch) {
			broken(s.Key(), "belongs to the architecture %s, but arch is %s (%v)", strings.Join(s.owners(), " or "), arch, r.at("model.arch").Origin)
		}
		if on, ok := r.under(s); !ok && v.value != s.Default {
			broken(s.Key(), "has no effect, because %s is %s (%v): leave it out, or give --%s", on.Setting.Name, Shown(on.Text), on.Origin, strings.ReplaceAll(strings.TrimPrefix(s.Under, string(on.Setting.Section)+"."), "|", " or "))
		}
	}
	for _, c := range r.sections.scan.conflicts() {
		broken(string(ScanSection)+"."+c.name, "%s", c.rule)
	}
	found = append(found, r.contradictions(given)...)
	if x := r.sections.execution; x.Accelerator != "auto" && x.Device != "auto" && !onKind(x.Device, x.Accelerator) {
		broken("execution.device", "is not a device of the kind %s (%v)", x.Accelerator, r.at("execution.accelerator").Origin)
	}
	if r.command == Train {
		r.checkTraining(broken)
	}
	return found
}

// checkTraining finds settings of a training run that exclude each other.
func (r *resolution) checkTraining(broken func(key, format string, args ...any)) {
	m, t, x := r.sections.model, r.sections.training, r.sections.execution
	if group := m.Group(); group > 0 && t.BatchSize%group != 0 {
		broken("training.batch-size", "must be a multiple of %d, the number of patterns in a group with gridsize %d (%v)", group, m.Gridsize, r.at("model.gridsize").Origin)
	}
	if partners := m.Group() - 1; t.NeighborCount < partners {
		broken("training.neighbor-count", "must be at least %d, the partners in a group with gridsize %d (%v)", partners, m.Gridsize, r.at("model.gridsize").Origin)
	}
	if t.ValSplit > 0 && t.TestDataFile != "" {
		broken("training.val-split", "cannot be combined with test-data-file (%v): validation patterns come from one of the two", r.at("training.test-data-file").Origin)
	}
	if t.CheckpointMonitor == "validation_deviance" && t.ValSplit == 0 && t.TestDataFile == "" {
		broken("training.checkpoint-monitor", "needs validation patterns: give --val-split or --test-data-file")
	}
	if t.ValCheckInterval > 1 && t.ValCheckInterval != math.Trunc(t.ValCheckInterval) {
		broken("training.val-check-interval", "must be a share of an epoch up to 1, or a whole number of steps")
	}
	if t.ValCheckInterval != 1 && t.ValSplit == 0 && t.TestDataFile == "" && r.at("training.val-check-interval").Explicit {
		broken("training.val-check-interval", "needs validation patterns: give --val-split or --test-data-file")
	}
	if t.FinalWeights == "best" && (t.CheckpointSaveTopK == 0 || !t.EnableCheckpointing) {
		broken("training.final-weights", "needs a best checkpoint: give --enable-checkpointing, and --checkpoint-save-top-k other than 0")
	}
	if r.at("model.align-input").Origin.Layer >= FileLayer && m.Align && !m.PadObject {
		broken("model.align-input", "has no effect, because pad-object is false (%v): leave it out, or give --pad-object", r.at("model.pad-object").Origin)
	}
	if t.FirstPass != "" && m.Start != StartAuto && m.Start != arch.Starts[0] {
		broken("model.start", "has no effect, because the network starts from the image of first-pass (%v): leave it out", r.at("training.first-pass").Origin)
	}
	if m.Mode == "supervised" && r.at("model.loss").Explicit {
		broken("model.loss", "belongs to the mode unsupervised, but mode is supervised (%v)", r.at("model.mode").Origin)
	}
	if x.Resume != "" && x.Overwrite {
		broken("execution.overwrite", "cannot be combined with --resume: a resumed run continues in its folder")
	}
	if x.Resume != "" && !samePath(RunOf(x.Resume), x.Output(t.OutputDir)) {
		broken("training.output-dir", "is not the resumed run, %q (%v)", x.Resume, r.at("execution.resume").Origin)
	}
}

// contradictions returns values of the section model that conflict with the data or the trained model, which always
// win.
func (r *resolution) contradictions(given map[string][]entry) []Violation {
	var found []Violation
	for key, entries := range given {
		row, _ := Lookup(key)
		i := slices.IndexFunc(entries, func(e entry) bool { return e.origin.Layer == DataLayer })
		v := r.at(key)
		if row.Section != ModelSection || i < 0 || v.Origin.Layer == DataLayer || v.Origin.Layer == StoredLayer {
			continue
		}
		if given, ok := row.parse(entries[i].text); !ok || given == v.value || key == "model.n" && v.Text == "0" || key == "model.start" && v.Text == StartAuto {
			continue
		}
		rule := fmt.Sprintf("contradicts the trained model, where it is %s (%v)", entries[i].text, entries[i].origin)
		if r.command == Train {
			rule = fmt.Sprintf("contradicts the data, whose patterns have %s pixels a side (%v)", entries[i].text, entries[i].origin)
		}
		found = append(found, Violation{key, v.Text, rule, v.Origin})
	}
	slices.SortFunc(found, func(a, b Violation) int { return strings.Compare(a.Key, b.Key) })
	return found
}

// under returns the setting that s depends on, and whether that setting has a value with which s has an effect.
func (r *resolution) under(s Setting) (*Value, bool) {
	if s.Under == "" {
		return nil, true
	}
	key, allowed, valued := strings.Cut(s.Under, "=")
	on := r.at(key)
	if !valued {
		return on, on.Text != ""
	}
	for _, a := range strings.Split(allowed, "|") {
		if on.Text == a || on.Setting.List && slices.Contains(strings.Split(on.Text, listSeparator), a) {
			return on, true
		}
	}
	return on, false
}

// onKind reports whether a device may be of an accelerator's kind.
func onKind(device, accelerator string) bool {
	kind, _, _ := strings.Cut(device, ":")
	return kind == accelerator || accelerator == "gpu" && kind != "cpu"
}

// RunOf returns the run directory of the value of --resume: the directory itself, or that of a checkpoint.
func RunOf(resume string) string {
	if filepath.Ext(resume) == ".npz" {
		return filepath.Dir(filepath.Dir(resume))
	}
	return resume
}
