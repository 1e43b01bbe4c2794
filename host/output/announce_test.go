package output

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A result with a model, or of another kind, is named before it is replaced. A result of the same kind is not.
func TestCreate_NamesTheResultThatIsReplaced(t *testing.T) {
	run := []string{"weights.npz", "manifest.json", "config.json", "checkpoints/step-1.npz", "checkpoints/step-2.npz"}
	image := []string{"reconstruction.npz", "phase.png"}
	writesRun, writesImage := []string{"weights.npz", "manifest.json", "config.json", "checkpoints/*.npz"}, []string{"reconstruction.npz", "phase.png"}
	for name, c := range map[string]struct {
		old, writes []string
		want        string
	}{
		"run by image":   {run, writesImage, "(weights.npz, manifest.json, 2 checkpoints, 1 other file)"},
		"run by run":     {run, writesRun, "the training run in "},
		"image by run":   {image, writesRun, "the reconstruction in "},
		"image by image": {image, writesImage, ""},
		"table by image": {[]string{"steps.csv"}, writesImage, ""},
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "run")
			old := map[string]string{}
			for _, file := range c.old {
				old[file] = "old"
			}
			write(t, target, false, old)
			put(t, filepath.Join(target, "notes.txt"), "foreign")
			var notice string
			d, err := Create(Request{Target: target, Overwrite: true, Writes: c.writes, Notice: func(f string, a ...any) { notice += fmt.Sprintf(f, a...) + "\n" }})
			must(t, err)
			must(t, d.Close())
			if !strings.Contains(notice, c.want) || strings.Contains(notice, "replace") != (c.want != "") || !strings.Contains(notice, "kept (not written by ptycho): notes.txt\n") {
				t.Errorf("the notice is %q, want %q in it", notice, c.want)
			}
		})
	}
}
