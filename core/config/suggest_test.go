package config

import "testing"

// TestNearest_NamesWhatWasMeant also lists names that nothing is near to: a wrong suggestion is worse than none.
func TestNearest_NamesWhatWasMeant(t *testing.T) {
	simulate := []string{"--output", "--object", "--probe", "--positions", "--n", "--object-size", "--probe-radius", "--n-images", "--overlap", "--jitter", "--nphotons", "--seed", "--overwrite", "--json"}
	solve := []string{"--data", "--output-dir", "--engine", "--iterations", "--fit", "--modes", "--halves", "--position-bound", "--seed", "--threads", "--rows", "--diffraction-units", "--diffraction-layout", "--preview", "--overwrite", "--quiet", "--json"}
	commands := []string{"train", "infer", "solve", "evaluate", "inspect", "simulate", "demo", "bench", "conformance", "config", "model", "runs", "plugins", "completion", "version"}
	for _, c := range []struct {
		unknown string
		names   []string
		want    string // "": no suggestion
	}{
		{"--patterns", simulate, "--n-images"},
		{"--num-images", simulate, "--n-images"},
		{"--photons", simulate, "--nphotons"},
		{"--out", simulate, "--output"},
		{"--output-dir", simulate, "--output"},
		{"--force", simulate, "--overwrite"},
		{"--jiter", simulate, "--jitter"},
		{"--n-image", simulate, "--n-images"},
		{"--radius", simulate, "--probe-radius"},
		{"--sed", simulate, "--seed"},
		{"--bitter-end", simulate, ""},
		{"--frobnicate", simulate, ""},
		{"--wavelength", simulate, ""},
		{"--x", simulate, ""},
		{"--scan", solve, "--data"},
		{"--epochs", solve, "--iterations"},
		{"--patterns", solve, "--rows"},
		{"--algorithm", solve, "--engine"},
		{"--units", solve, "--diffraction-units"},
		{"--verbose", solve, ""},
		{"--iteration", solve, "--iterations"},
		{"trian", commands, "train"},
		{"predict", commands, "infer"},
		{"simulat", commands, "simulate"},
		{"describe", commands, "inspect"},
		{"conform", commands, "conformance"},
		{"frobnicate", commands, ""},
		{"", commands, ""},
	} {
		want := c.want
		if want != "" {
			want = ", did you mean " + want + "?"
		}
		if got := Nearest(c.unknown, c.names); got != want {
			t.Errorf("%q: %q, want %q", c.unknown, got, want)
		}
	}
}

// TestSuggestion_FindsTheSetting does the same for keys of settings files.
func TestSuggestion_FindsTheSetting(t *testing.T) {
	for key, want := range map[string]string{
		"training.epochs":      "training.max-epochs",
		"training.lr":          "training.learning-rate",
		"training.bach-size":   "training.batch-size",
		"execution.seed":       "training.seed",
		"epochs":               "training.max-epochs",
		"training.temperature": "",
		"colour":               "",
	} {
		if want != "" {
			want = ", did you mean " + want + "?"
		}
		if got := suggestion(key, Train); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}
