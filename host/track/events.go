package track

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/host/output"
)

// eventDir is the folder of TensorBoard's event files in the run directory.
const eventDir = "tensorboard"

// settingsTag is the tag of the text with the settings.
const settingsTag = "settings"

// events is the TensorBoard logger. A resumed run writes another file. It removes the events of dropped steps from the earlier
// files, and the new file makes a running TensorBoard drop them too.
type events struct {
	root *output.Files
	file *eventFile
}

func openEvents(root *output.Files, run Run, _ Options) (Logger, error) {
	e := &events{root: root}
	if !run.Resumed {
		if err := e.create(0); err != nil {
			return nil, err
		}
	} else if err := e.Rewind(run.Step); err != nil {
		return nil, err
	}
	return e, e.file.Write(textEvent(time.Now(), run.Step, settingsTag, settingsTable(run)))
}

func (e *events) create(from int) (err error) {
	e.file, err = createEventFile(e.root, eventDir, time.Now(), from)
	return err
}

func (e *events) Scalars(step int, epoch float64, values map[string]float64) error {
	values = maps.Clone(values)
	if values == nil {
		values = map[string]float64{}
	}
	values["epoch"] = epoch
	return e.file.Write(scalarsEvent(time.Now(), step, values))
}

func (e *events) Picture(step int, name string, png []byte) error {
	event, err := imageEvent(time.Now(), step, name, png)
	if err != nil {
		return err
	}
	return e.file.Write(event)
}

// Artifact does nothing: TensorBoard does not show files.
func (e *events) Artifact(string) error { return nil }

func (e *events) Sync() error { return e.file.Sync() }

func (e *events) Kept(int) error { return nil }

func (e *events) Rewind(step int) error {
	if e.file != nil {
		if err := e.file.Close(); err != nil {
			return err
		}
	}
	if err := rewindEventFiles(e.root, eventDir, step); err != nil {
		return err
	}
	return e.create(step + 1)
}

func (e *events) Close(Status) error { return e.file.Close() }

// settingsTable returns all settings as a Markdown table.
func settingsTable(run Run) string {
	cell := strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ")
	var b strings.Builder
	b.WriteString("| setting | value |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(run.Params)) {
		fmt.Fprintf(&b, "| %s | %s |\n", cell.Replace(name), cell.Replace(run.Params[name]))
	}
	return b.String()
}
