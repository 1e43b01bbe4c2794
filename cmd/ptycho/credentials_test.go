package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// TestTrain_CredentialsOfAnAddressAreKeptNowhere trains with a server that is down and whose address contains a password. It
// searches all files, and all outputs of the commands that show or use the run, for the password.
func TestTrain_CredentialsOfAnAddressAreKeptNowhere(t *testing.T) {
	long(t)
	const address = "http://ada:s3cret@127.0.0.1:9/?token=s3cret"
	for name, how := range map[string]struct {
		env  []string
		args []string
	}{
		"flag":        {args: []string{"--mlflow-uri", address}},
		"setting":     {args: []string{"--set", "execution.mlflow-uri=" + address}},
		"variable":    {env: []string{"PTYCHO_EXECUTION__MLFLOW_URI=" + address}},
		"of MLflow's": {env: []string{"MLFLOW_TRACKING_URI=" + address}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			model := filepath.Join(dir, "run")
			train := []string{"--train-data-file", smallScan(t), "--output-dir", model, "--max-epochs", "1", "--n-filters-scale", "1", "--n-images", "16", "--no-check-geometry", "--logger", "mlflow,tensorboard,csv"}
			for _, variable := range how.env {
				key, value, _ := strings.Cut(variable, "=")
				t.Setenv(key, value)
			}
			inside := func(args ...string) (r fixture.Result) {
				r.Stdout, r.Stderr, r.Code = run(t, args...)
				return r
			}
			outputs := map[string]fixture.Result{
				"config show":    inside(append([]string{"config", "show"}, append(train, how.args...)...)...),
				"config explain": inside(append([]string{"config", "explain"}, append(train, how.args...)...)...),
				"train":          fixture.Run(t, "", nil, append([]string{"train", "--log-level", "trace"}, append(train, how.args...)...)...), // with a plugin's log
			}
			t.Setenv("PTYCHO_EXECUTION__MLFLOW_URI", "")
			outputs["explain RUN"] = inside("config", "explain", model)
			t.Setenv("MLFLOW_TRACKING_URI", "")
			outputs["send"] = inside("runs", "send", model)
			if r := outputs["send"]; r.Code != 1 || !strings.Contains(r.Stderr, "http://127.0.0.1:9") || strings.Contains(r.Stdout, "sent") {
				t.Errorf("runs send: exit %d, %s%s", r.Code, r.Stdout, r.Stderr)
			}
			for what, r := range outputs {
				if strings.Contains(r.Stdout+r.Stderr, "s3cret") {
					t.Errorf("%s shows the password: %s%s", what, r.Stdout, r.Stderr)
				}
			}
			err := filepath.WalkDir(model, func(path string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() {
					return err
				}
				text, err := os.ReadFile(path)
				if strings.Contains(string(text), "s3cret") {
					t.Errorf("%s holds the password", path)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(model, "mlruns")); err == nil {
				t.Error("the run was written to a folder that nobody asked for")
			}
		})
	}
}
