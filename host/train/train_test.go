package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
)

// scanOf writes a scan with patterns of n×n pixels.
func scanOf(t *testing.T, path string, n int) {
	t.Helper()
	_, err := dataset.Simulate(t.Context(), simulate.Options{Seed: 1, Object: simulate.Lines, Probe: simulate.Disk, N: n, Height: 3 * n, Patterns: 24, Photons: 1e5}, path, true)
	if err != nil {
		t.Fatal(err)
	}
}

func settings(scan, out string) config.Source {
	return config.Flags(config.Train, map[string]string{"train-data-file": scan, "output-dir": out, "no-check-geometry": "true"})
}

var silent = host.Host{Notice: func(string, ...any) {}}

// PtychoPINN needed its settings before the data was loaded, and wrong sizes met in the network. Here the settings of a run
// exist only after the data has been described, and follow the data.
func TestTraining_NeedsDescribedData(t *testing.T) {
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.npz")
	scanOf(t, scan, 32)
	given := settings(scan, filepath.Join(dir, "run"))
	if _, err := config.NewTraining(given); err == nil || !strings.Contains(err.Error(), "described first") {
		t.Errorf("settings without data were resolved: %v", err)
	}
	draft, err := config.Check(config.Train, given)
	if err != nil {
		t.Fatal(err)
	}
	d, err := format.Describe(scan, "", acquisition.Given{})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := draft.Training(config.Data(scan, map[string]any{"model.n": d.N}))
	if err != nil {
		t.Fatal(err)
	}
	run := &training{cfg: cfg, host: silent}
	if err := run.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if run.model.Program.N != 32 || cfg.Model().N != 32 {
		t.Errorf("the program is for %d pixels, the settings say %d, the data has 32", run.model.Program.N, cfg.Model().N)
	}
}

func TestTrain_RefusesChangedData(t *testing.T) {
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.npz")
	scanOf(t, scan, 32)
	cfg, err := config.NewTraining(settings(scan, filepath.Join(dir, "run")), config.Data(scan, map[string]any{"model.n": 32}))
	if err != nil {
		t.Fatal(err)
	}
	scanOf(t, scan, 16)
	_, err = Run(t.Context(), cfg, silent)
	if host.ExitCode(err) != host.ExitData || !strings.Contains(err.Error(), "16×16 pixels, but this run needs 32×32") {
		t.Errorf("exit %d: %v", host.ExitCode(err), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "run")); err == nil {
		t.Error("it left an output folder")
	}
}

func TestTrain_RefusesEmptyConfiguration(t *testing.T) {
	if _, err := Run(t.Context(), &config.Training{}, silent); err == nil {
		t.Error("a run without settings began")
	}
}
