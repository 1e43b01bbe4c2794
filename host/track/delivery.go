package track

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/internal/words"
)

// sentFile records which part of the journal MLflow has.
const sentFile = "mlflow/sent.json"

// sent is the content of sentFile.
type sent struct {
	Address  string    `json:"address"`  // without credentials
	Creating bool      `json:"creating"` // the creation of a run was requested and not answered yet
	Run      mlflowRun `json:"run"`
	Offset   int64     `json:"offset"` // in the journal
}

// journalTag marks a run with its journal.
const journalTag = "ptycho.journal"

// delivery sends the journal to MLflow.
type delivery struct {
	root    *output.Files
	journal *journal
	store   mlflowStore
	notice  func(format string, args ...any)

	mu       sync.Mutex // held while an entry is being sent
	sent     sent
	replaced bool // the run was missing once and was created again
	done     int  // entries accepted since the start
	refused  int  // rejected files
}

// mlrunsFolder is the folder in the run directory for runs without an address, as in PtychoPINN.
const mlrunsFolder = "mlruns"

// whereTo returns the MLflow address of a training: that of its setting, else MLFLOW_TRACKING_URI, else the address before it
// was resumed, else "" for mlrunsFolder.
func whereTo(o Options, before sent) string {
	for _, a := range []string{o.TrackingURI, o.Getenv(addressKey), before.Address} {
		if a != "" {
			return a
		}
	}
	return ""
}

// addressKey is the variable of MLflow's own client.
const addressKey = "MLFLOW_TRACKING_URI"

// withCredentials returns the address in MLFLOW_TRACKING_URI, with its password, if it names the same server as at.
func withCredentials(at string, getenv func(string) string) string {
	if given := getenv(addressKey); words.Address(given) == at {
		return given
	}
	return at
}

// connect opens the store at an address. It also returns the address in the form that may be stored: without credentials, or
// "" for mlrunsFolder.
func connect(root *output.Files, run Run, at string, getenv func(string) string) (store mlflowStore, public string, err error) {
	if at == "" {
		if err := root.MkdirAll(mlrunsFolder); err != nil {
			return nil, "", err
		}
		home := run.Home
		if home == "" {
			home = run.Dir
		}
		store, err = newMLflowFiles(root.Sub(mlrunsFolder), filepath.Join(home, mlrunsFolder))
		return store, "", err
	}
	folder, err := mlflowFolder(at)
	if err != nil {
		return nil, "", err
	}
	if folder == "" {
		store, err = dialMLflow(withCredentials(at, getenv), getenv)
		return store, words.Address(at), err
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, "", err
	}
	below, err := output.OpenFiles(folder)
	if err != nil {
		return nil, "", err
	}
	store, err = newMLflowFiles(below, folder)
	return store, folder, err
}

// at returns the address of the store for messages.
func (d *delivery) at() string {
	if d.sent.Address == "" {
		return mlrunsFolder
	}
	return d.sent.Address
}

// readSent reads sentFile. If the file is missing or damaged, known is false and nothing counts as sent. This costs a second
// run in MLflow but loses no value.
func readSent(root *output.Files) (s sent, known bool, err error) {
	data, err := root.Read(sentFile)
	if err != nil || data == nil {
		return s, false, err
	}
	if json.Unmarshal(data, &s) != nil || s.Offset < 0 {
		return sent{}, false, nil
	}
	return s, true, nil
}

func (d *delivery) save() error {
	text, err := json.Marshal(d.sent)
	if err != nil {
		return err
	}
	return d.root.Write(sentFile, append(text, '\n'))
}

// drain sends all entries, until none is left or an error occurs.
func (d *delivery) drain(ctx context.Context) error {
	for {
		more, err := d.next(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// next sends as many entries as fit in one call.
func (d *delivery) next(ctx context.Context) (more bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	entries, end, err := d.journal.take(d.sent.Offset, maxMetrics)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	err = d.send(ctx, entries)
	if mlflowGone(err) && !d.replaced {
		d.notice("MLflow at %s no longer has the run: the whole run is sent again as a new run", d.at())
		d.replaced, d.sent.Run, d.sent.Offset, d.sent.Creating = true, mlflowRun{}, 0, false
		return true, d.save()
	}
	if err != nil {
		return false, err
	}
	d.sent.Offset = end
	d.done += len(entries)
	return true, d.save()
}

func (d *delivery) send(ctx context.Context, entries []entry) error {
	e := entries[0]
	if d.sent.Run.ID == "" && e.Kind != beginning {
		return fmt.Errorf("%s does not begin with a run entry", journalFile)
	}
	switch e.Kind {
	case beginning:
		return d.begin(ctx, e)
	case values:
		var metrics []mlflowMetric
		for _, e := range entries {
			for _, key := range slices.Sorted(maps.Keys(e.Values)) {
				metrics = append(metrics, mlflowMetric{Key: mlflowKey(key), Value: float64(e.Values[key]), Time: e.Time, Step: e.Step})
			}
		}
		for part := range slices.Chunk(metrics, maxMetrics) { // one row may have more
			if err := d.store.Log(ctx, d.sent.Run, mlflowBatch{Metrics: part}); err != nil {
				return err
			}
		}
		return nil
	case picture, artifact:
		return d.upload(ctx, e.File)
	case status:
		return d.store.SetStatus(ctx, d.sent.Run, mlflowStatus(e.Status), time.UnixMilli(e.Time))
	}
	return nil // kept, or a kind of a later version
}

// begin creates the run, or continues it, and sends its settings. MLflow does not allow the value of a parameter to change;
// the journal holds changed settings as tags.
func (d *delivery) begin(ctx context.Context, e entry) error {
	if d.sent.Run.ID == "" {
		if err := d.create(ctx, e); err != nil {
			return err
		}
	}
	var params, tags []mlflowPair
	for _, key := range slices.Sorted(maps.Keys(e.Params)) {
		params = append(params, mlflowParam(key, e.Params[key]))
	}
	for _, key := range slices.Sorted(maps.Keys(e.Tags)) {
		tags = append(tags, mlflowTag(key, e.Tags[key]))
	}
	for part := range slices.Chunk(params, maxParams) {
		if err := d.store.Log(ctx, d.sent.Run, mlflowBatch{Params: part}); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(tags, maxParams) {
		if err := d.store.Log(ctx, d.sent.Run, mlflowBatch{Tags: part}); err != nil {
			return err
		}
	}
	return d.store.SetStatus(ctx, d.sent.Run, mlflowRunning, time.UnixMilli(e.Time))
}

// create creates the run once. If an earlier answer was lost the run may exist already, and is then found by its tag.
func (d *delivery) create(ctx context.Context, e entry) error {
	experiment, err := d.store.Experiment(ctx, e.Experiment)
	if err != nil {
		return err
	}
	mark := mlflowTag(journalTag, e.ID)
	var run mlflowRun
	if d.sent.Creating {
		if run, err = d.store.FindRun(ctx, experiment, mark); err != nil {
			return err
		}
	}
	if run.ID == "" {
		d.sent.Creating = true
		if err := d.save(); err != nil {
			return err
		}
		if run, err = d.store.CreateRun(ctx, experiment, e.Name, time.UnixMilli(e.Time), []mlflowPair{mark}); err != nil {
			return err
		}
	}
	d.sent.Run, d.sent.Creating = run, false
	return d.save()
}

// upload sends a file. It only prints a notice for a file that the server rejects, and skips a file that no longer exists, so
// that the other entries are sent.
func (d *delivery) upload(ctx context.Context, name string) error {
	f, err := d.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a picture of a dropped step
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		d.refused++
		d.notice("MLflow accepts only files, but %s is a folder: it stays in the run directory", name)
		return nil
	}
	err = d.store.Upload(ctx, d.sent.Run, name, f, info.Size())
	var refused *mlflowRefused
	if errors.As(err, &refused) && !mlflowGone(err) {
		d.refused++
		d.notice("MLflow rejected %s: %v: the file stays in the run directory", name, refused)
		return nil
	}
	return err
}

// resume checks whether the run still exists. For a folder, Rewind has cleared all values, and the journal is sent from its
// beginning, so that no value appears twice.
func (d *delivery) resume(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sent.Run.ID == "" {
		return nil
	}
	lives, err := d.store.Lives(ctx, d.sent.Run)
	if err != nil {
		return err
	}
	if !lives {
		d.notice("MLflow at %s no longer has the run: the whole run is sent again as a new run", d.at())
		d.sent.Run, d.sent.Offset = mlflowRun{}, 0
	}
	return d.save()
}
