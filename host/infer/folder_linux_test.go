package infer

import (
	"os"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/machine"
)

// Where neither memory nor TMPDIR has room, patterns and patches are on the disk of the output folder, also below --default-root-dir.
func TestTemporaryFiles_OnTheDiskOfDefaultRootDir(t *testing.T) {
	real := machine.AvailableMemory
	machine.AvailableMemory = func() (int64, bool) { return 0, true }
	t.Cleanup(func() { machine.AvailableMemory = real })
	root := t.TempDir()
	t.Chdir(t.TempDir())
	t.Setenv("TMPDIR", "/nowhere/at/all")
	cfg, err := config.NewInference(config.Data("model", map[string]any{"model.n": 16}),
		config.Flags(config.Infer, map[string]string{"model-path": "m", "test-data": "d", "output-dir": "image", "default-root-dir": root}))
	if err != nil {
		t.Fatal(err)
	}
	spool := newSpool(settings(cfg))
	defer spool.Remove()
	patterns, err := spool.Create(1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPrediction(&scan.Scan{N: 2, Rows: []float64{3}, Cols: []float64{3}}, make([]float32, 4), settings(cfg), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for what, path := range map[string]string{"patterns": patterns.Path(), "patches": p.file.Path()} {
		if at, _ := os.Readlink(path); !strings.HasPrefix(at, root) {
			t.Errorf("the %s are in %s, want below %s", what, at, root)
		}
	}
}
