package output

import (
	"os"
	"path"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/internal/words"
)

// fate describes what happens to the entries of an output folder.
type fate struct {
	kept    []string // entries that ptycho did not write
	removed string   // a description of the old result, "" when its removal needs no notice
}

const (
	trainingRun    = "training run"
	reconstruction = "reconstruction"

	weightsFile        = "weights.npz"
	manifestFile       = "manifest.json"
	reconstructionFile = "reconstruction.npz"
	checkpointFiles    = "checkpoints/*.npz"
)

// removed describes the old result if it contains a model or is of another kind than the new result, because both are easily
// overwritten by mistake. It returns "" for a result of the same kind without a model.
func (r Request) removed(root *os.Root, c contents) string {
	if !r.Overwrite || len(r.Parts) > 0 {
		return ""
	}
	var named []string
	checkpoints, others, kind := 0, 0, "result"
	for _, name := range sorted(c.ours) {
		if st, err := root.Lstat(name); err != nil || st.IsDir() {
			continue
		}
		isCheckpoint, _ := path.Match(checkpointFiles, name)
		switch {
		case isCheckpoint:
			checkpoints++
			kind = trainingRun
		case name == weightsFile:
			named = append([]string{name}, named...)
			kind = trainingRun
		case name == manifestFile:
			named = append(named, name)
			kind = trainingRun
		case name == reconstructionFile:
			named = append(named, name)
			kind = reconstruction
		default:
			others++
		}
	}
	if kind == "result" || kind != trainingRun && slices.Contains(r.Writes, reconstructionFile) {
		return ""
	}
	if checkpoints > 0 {
		named = append(named, words.Of(checkpoints, "checkpoint"))
	}
	if others > 0 {
		named = append(named, words.Of(others, "other file"))
	}
	return "the " + kind + " in " + folderName(r.Target) + " (" + strings.Join(named, ", ") + ")"
}

// mostNames limits the number of names in a notice.
const mostNames = 3

// announce prints what is removed and what is kept.
func (r Request) announce(f fate) {
	if r.Notice == nil {
		return
	}
	if f.removed != "" {
		r.Notice("the new result will replace %s", f.removed)
	}
	if len(f.kept) == 0 {
		return
	}
	var names []string
	for _, name := range f.kept[:min(len(f.kept), mostNames)] {
		names = append(names, shown(name))
	}
	if more := len(f.kept) - mostNames; more > 0 {
		names = append(names, words.Of(more, "other"))
	}
	r.Notice("output folder %s: kept (not written by ptycho): %s", folderName(r.Target), strings.Join(names, ", "))
}
