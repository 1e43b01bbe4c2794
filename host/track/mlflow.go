package track

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/internal/words"
)

// outcomes maps our states to MLflow's.
var outcomes = map[Status]mlflowStatus{Finished: mlflowFinished, Failed: mlflowFailed, Killed: mlflowKilled}

// tracking is the MLflow logger. It writes to the journal. The sender sends entries only after a checkpoint includes them,
// because MLflow cannot remove values.
type tracking struct {
	root     *output.Files
	options  Options
	journal  *journal
	delivery *delivery
	sender   *sender
	repeats  map[int]map[string]value // values that MLflow already has of repeated steps
	files    []string                 // artifacts, which are sent last
}

func openTracking(root *output.Files, run Run, o Options) (Logger, error) {
	before, _, err := readSent(root)
	if err != nil {
		return nil, err
	}
	d, err := openDelivery(root, run, whereTo(o, before), before, o)
	if err != nil {
		return nil, err
	}
	t := &tracking{root: root, options: o, journal: d.journal, delivery: d}
	err = d.save() // store the address even if the server never answers
	if err == nil {
		err = t.begin(run)
	}
	if err != nil {
		d.journal.file.Close()
		return nil, err
	}
	t.sender = startSender(d)
	return t, nil
}

// openDelivery opens the journal and the store. A new address receives the whole journal.
func openDelivery(root *output.Files, run Run, at string, before sent, o Options) (*delivery, error) {
	store, public, err := connect(root, run, at, o.Getenv)
	if err != nil {
		return nil, err
	}
	j, err := openJournal(root)
	if err != nil {
		return nil, err
	}
	if before.Address != public {
		before = sent{Address: public}
	}
	before.Offset = min(before.Offset, j.size)
	j.floor = before.Offset
	return &delivery{root: root, journal: j, store: store, notice: o.Notice, sent: before}, nil
}

// begin writes a new run, or the changes of a resumed run, to the journal.
func (t *tracking) begin(run Run) error {
	if err := t.Rewind(run.Step); err != nil {
		return err
	}
	e := entry{Kind: beginning, Step: run.Step, Name: run.Name, Experiment: run.Experiment, Params: run.Params, Tags: run.Tags}
	params := map[string]string{}
	_, err := t.journal.scan(0, t.journal.size, func(old entry, _ int64) error {
		if old.Kind == beginning {
			e.ID = old.ID
			for k, v := range old.Params {
				params[k] = v
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	if e.ID == "" {
		e.ID = rand.Text()
		return t.journal.add(e)
	}
	e.Params, e.Tags = map[string]string{}, map[string]string{"ptycho.resumed_at_step": fmt.Sprint(run.Step)}
	for k, v := range run.Tags {
		e.Tags[k] = v
	}
	for k, v := range run.Params {
		if old, ok := params[k]; !ok {
			e.Params[k] = v
		} else if old != v {
			e.Tags["ptycho.changed."+k] = v
		}
	}
	return t.journal.add(e)
}

func (t *tracking) Scalars(step int, epoch float64, scalars map[string]float64) error {
	all := map[string]value{"epoch": value(epoch)}
	for k, v := range scalars {
		all[k] = value(v)
	}
	for k, v := range t.repeats[step] {
		if now, ok := all[k]; ok && math.Float64bits(float64(now)) == math.Float64bits(float64(v)) {
			delete(all, k)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return t.journal.add(entry{Kind: values, Step: step, Values: all})
}

func (t *tracking) Picture(step int, name string, png []byte) error {
	file := previewName(step, name)
	if err := t.root.Write(file, png); err != nil {
		return err
	}
	return t.journal.add(entry{Kind: picture, Step: step, File: file})
}

func (t *tracking) Artifact(name string) error {
	if !slices.Contains(t.files, name) {
		t.files = append(t.files, name)
	}
	return nil
}

func (t *tracking) Sync() error { return t.journal.Sync() }

func (t *tracking) Kept(step int) error {
	if err := t.journal.add(entry{Kind: kept, Step: step}); err != nil {
		return err
	}
	t.sender.more()
	return nil
}

func (t *tracking) Rewind(step int) error {
	if err := dropPreviews(t.root, step); err != nil {
		return err
	}
	d := t.delivery
	if _, folder := d.store.(*mlflowFiles); folder {
		d.mu.Lock() // a folder accepts an entry immediately
		defer d.mu.Unlock()
		t.journal.mu.Lock()
		t.journal.floor = 0
		t.journal.mu.Unlock()
		d.sent.Offset = 0
		if d.sent.Run.ID != "" {
			if _, err := d.store.Clear(d.sent.Run); err != nil {
				return err
			}
		}
		if err := d.save(); err != nil {
			return err
		}
	}
	if err := t.journal.rewind(step); err != nil {
		return err
	}
	t.repeats = map[int]map[string]value{}
	_, err := t.journal.scan(0, t.journal.size, func(e entry, _ int64) error {
		if e.Kind != values || e.Step <= step {
			return nil
		}
		if t.repeats[e.Step] == nil {
			t.repeats[e.Step] = map[string]value{}
		}
		for k, v := range e.Values {
			t.repeats[e.Step][k] = v
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	return nil
}

func (t *tracking) Close(how Status) error {
	err := t.end(how)
	t.sender.finish(t.options.CloseWithin)
	if n := t.journal.left(t.delivery.sent.Offset); n > 0 {
		later := "resuming the run sends " + words.Verb(n, "it", "them")
		if t.options.Later != "" {
			later += ", as does " + t.options.Later
		}
		t.options.Notice("MLflow at %s: %v; %s %s kept in %s: %s", t.delivery.at(), t.sender.err, words.Of(n, "unsent entry"), words.Verb(n, "is", "are"), journalFile, later)
	}
	return errors.Join(err, t.journal.file.Close())
}

// end writes the artifacts and the status. An unfinished run keeps only the rows up to its checkpoint.
func (t *tracking) end(how Status) error {
	if how != Finished {
		if err := t.journal.dropUnkept(); err != nil {
			return err
		}
	}
	for _, name := range t.files {
		if err := t.journal.add(entry{Kind: artifact, File: name}); err != nil {
			return err
		}
	}
	if err := t.journal.add(entry{Kind: status, Status: string(outcomes[how])}); err != nil {
		return err
	}
	return t.journal.Sync()
}
