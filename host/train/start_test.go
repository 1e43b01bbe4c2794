package train

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host/dataset"
)

// inputsOf returns the inputs of a training on a simulated scan.
func inputsOf(t *testing.T, o simulate.Options, flags map[string]string) *training {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "scan.npz")
	if _, err := dataset.Simulate(t.Context(), o, path, true); err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"train-data-file": path, "output-dir": filepath.Join(dir, "run"), "no-check-geometry": "true", "examine": "off"}
	for name, text := range flags {
		given[name] = text
	}
	cfg, err := config.NewTraining(config.Flags(config.Train, given), config.Data(path, map[string]any{"model.n": o.N}))
	if err != nil {
		t.Fatal(err)
	}
	run := &training{cfg: cfg, host: silent}
	t.Cleanup(run.close)
	if err := run.read(context.Background()); err != nil {
		t.Fatal(err)
	}
	return run
}

// The start is the scaled beam where the object makes the amplitudes of the patterns, the empty beam where the beam does, where photon
// noise does, or where a few patterns do not tell; a start that is given stays, and the CNN has none.
func TestStart_FollowsWhatMakesAmplitudes(t *testing.T) {
	sound := simulate.Options{Seed: 1, Object: simulate.Lines, Probe: simulate.Disk, N: 16, Height: 64, Patterns: 200, Photons: 1e5}
	with := func(change func(*simulate.Options)) simulate.Options {
		o := sound
		change(&o)
		return o
	}
	for name, c := range map[string]struct {
		scan  simulate.Options
		flags map[string]string
		want  string
	}{
		"object":          {sound, nil, arch.ScaledBeam},
		"beam":            {with(func(o *simulate.Options) { o.Faults = []simulate.Fault{{Name: "exposure", Strength: 0.5}} }), nil, arch.EmptyBeam},
		"photon noise":    {with(func(o *simulate.Options) { o.Photons = 20 }), nil, arch.EmptyBeam},
		"few patterns":    {with(func(o *simulate.Options) { o.Patterns = leastForStart - 1 }), nil, arch.EmptyBeam},
		"empty beam":      {sound, map[string]string{"start": arch.EmptyBeam}, arch.EmptyBeam},
		"back-projection": {sound, map[string]string{"start": arch.BackProjection}, arch.BackProjection},
	} {
		got := inputsOf(t, c.scan, c.flags).model.Config.Start
		if got == "" {
			got = arch.EmptyBeam
		}
		if got != c.want {
			t.Errorf("%s: start %s, want %s", name, got, c.want)
		}
	}
	if got := inputsOf(t, sound, nil).inputs.start(config.Model{Arch: "cnn", Start: config.StartAuto}); got != arch.EmptyBeam {
		t.Errorf("cnn: start %s", got)
	}
}

// A resumed run that is older than the setting goes on as it began.
func TestStart_OfOlderRunIsEmptyBeam(t *testing.T) {
	run := inputsOf(t, simulate.Options{Seed: 1, Object: simulate.Lines, Probe: simulate.Disk, N: 16, Height: 64, Patterns: 200, Photons: 1e5}, nil)
	dir := t.TempDir()
	for stored, want := range map[string]string{"": arch.EmptyBeam, config.StartAuto: arch.ScaledBeam} {
		sources := []config.Source{config.Flags(config.Train, map[string]string{"resume": dir, "output-dir": dir, "train-data-file": "scan.npz"}), config.Data("scan.npz", map[string]any{"model.n": 16})}
		if stored != "" {
			text := `{"format": "ptycho-config", "version": 1, "command": "train", "directory": "/", "settings": [{"key": "model.start", "value": "` + stored + `", "layer": "default"}]}`
			path := filepath.Join(dir, "config.json")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			sources = append(sources, config.Stored(path))
		}
		cfg, err := config.NewTraining(sources...)
		if err != nil {
			t.Fatal(err)
		}
		run.inputs.cfg = cfg
		if got := run.inputs.start(cfg.Model()); got != want {
			t.Errorf("stored %q: start %s, want %s", stored, got, want)
		}
	}
}

// Amplitudes of independent values share nothing with the nearest, and equal ones have nothing to share.
func TestSharedVariance_IsZeroWithoutObject(t *testing.T) {
	run := inputsOf(t, simulate.Options{Seed: 1, Object: simulate.Lines, Probe: simulate.Disk, N: 16, Height: 64, Patterns: 200, Photons: 1e5}, nil)
	in, random := run.inputs, rand.New(rand.NewPCG(1, 2))
	if s := in.sharedVariance(); s < 0.9 {
		t.Errorf("lines share %v of the variance", s)
	}
	for j := range in.photons {
		in.photons[j] = 1000 * (1 + random.Float64())
	}
	if s := in.sharedVariance(); s > 0.25 {
		t.Errorf("independent amplitudes share %v", s)
	}
	for j := range in.photons {
		in.photons[j] = 1000
	}
	if s := in.sharedVariance(); s != 0 {
		t.Errorf("equal amplitudes share %v", s)
	}
}
