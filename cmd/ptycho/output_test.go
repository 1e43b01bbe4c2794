//go:build unix

package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/internal/fixture"
)

func place(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// --overwrite replaces the files that ptycho wrote. The scan, notes and raw data in the folder stay.
func TestOverwrite_KeepsFilesOfOthers(t *testing.T) {
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.npz")
	data, err := os.ReadFile(smallScan(t))
	if err != nil {
		t.Fatal(err)
	}
	place(t, scan, string(data))
	place(t, filepath.Join(dir, "notes.txt"), "lab book")
	place(t, filepath.Join(dir, "raw", "a.tif"), "x")
	must(t, solveInto(scan, dir, "--overwrite")...)
	must(t, trainInto(scan, dir, "--overwrite")...)
	for _, name := range []string{"scan.npz", "notes.txt", "raw/a.tif", "weights.npz"} {
		if !exists(filepath.Join(dir, name)) {
			t.Errorf("%s is gone", name)
		}
	}
	for _, name := range []string{"reconstruction.npz", "phase.png"} {
		if exists(filepath.Join(dir, name)) {
			t.Errorf("%s of the old result is left", name)
		}
	}
}

// A command that would replace a file that it reads, or that ptycho did not write, fails before it starts.
func TestOverwrite_RefusesToReplaceWhatItReads(t *testing.T) {
	long(t)
	scan, model, out := smallScan(t), filepath.Join(t.TempDir(), "model"), filepath.Join(t.TempDir(), "out")
	must(t, trainInto(scan, model)...)
	must(t, solveInto(scan, out)...)
	place(t, filepath.Join(model, "metrics.csv"), "training:\n  seed: 3\n")
	foreign := t.TempDir()
	place(t, filepath.Join(foreign, "report.json"), "mine")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"the model":          {[]string{"infer", "--model-path", model, "--test-data", scan, "--output-dir", model, "--overwrite", "--quiet"}, "--model-path"},
		"the settings":       {trainInto(scan, model, "--config", filepath.Join(model, "metrics.csv"), "--overwrite"), "--config"},
		"a file of a result": {solveInto(filepath.Join(out, "reconstruction.npz"), out, "--overwrite"), "--data"},
		"a foreign report":   {trainInto(scan, foreign, "--overwrite"), "report.json"},
		"without overwrite":  {solveInto(scan, out), "not empty"},
		"a dry run":          {trainInto(scan, foreign, "--overwrite", "--dry-run"), "report.json"},
	} {
		t.Run(name, func(t *testing.T) {
			_, stderr, code := run(t, c.args...)
			if code != 10 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, want 10 and one sentence with %q: %s", code, c.want, stderr)
			}
		})
	}
	if !exists(filepath.Join(model, "weights.npz")) || exists(filepath.Join(foreign, ".ptycho")) {
		t.Error("a command that was refused left something or took something")
	}
}

// A link to a folder or to a file is written through.
func TestOutput_LinksAreWrittenThrough(t *testing.T) {
	dir, scan := t.TempDir(), smallScan(t)
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o777); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"out": "disk", "scan.npz": "disk/scan.npz"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	must(t, solveInto(scan, filepath.Join(dir, "out"))...)
	for range 2 {
		must(t, "simulate", "--n", "32", "--n-images", "16", "--output", filepath.Join(dir, "scan.npz"), "--overwrite")
	}
	for _, link := range []string{"out", "scan.npz"} {
		if st, err := os.Lstat(filepath.Join(dir, link)); err != nil || st.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no longer a link", link)
		}
	}
	for _, file := range []string{"reconstruction.npz", "scan.npz"} {
		if !exists(filepath.Join(disk, file)) {
			t.Errorf("%s is not behind the link", file)
		}
	}
}

// Two commands never share an output: one writes it, the other fails with one sentence.
func TestOutput_TwoAtOnce(t *testing.T) {
	fixture.Program(t) // here, where a test can be skipped
	scan := smallScan(t)
	for name, args := range map[string]func(out string) []string{
		"solve": func(out string) []string { return append(solveInto(scan, out), "--iterations", "40") },
		"simulate": func(out string) []string {
			return []string{"simulate", "--n", "64", "--n-images", "400", "--output", out}
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			var codes [2]int
			var said [2]string
			var both sync.WaitGroup
			for i := range codes {
				both.Go(func() {
					r := fixture.Run(t, "", nil, args(out)...)
					said[i], codes[i] = r.Stderr, r.Code
				})
			}
			both.Wait()
			if codes[0]+codes[1] != 10 || codes[0]*codes[1] != 0 {
				t.Errorf("exit codes %v, want 0 and 10: %s", codes, said)
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".*")); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}

// killedStaging starts a training and kills it while its result is staged, before its first checkpoint.
func killedStaging(t *testing.T, args []string, dir string) {
	t.Helper()
	cmd := exec.Command(fixture.Program(t), append(args, "--max-epochs", "1000", "--checkpoint-every", "1000")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !exists(filepath.Join(dir, ".ptycho", "next", "steps.csv")); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the training does not start")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}

// A training that is killed before its first checkpoint leaves the old result complete, or a folder in which the same command
// can be restarted. --resume says so.
func TestTrain_KilledBeforeItsFirstCheckpoint(t *testing.T) {
	scan, dir := smallScan(t), filepath.Join(t.TempDir(), "run")
	long := trainInto(scan, dir, "--seed", "7")
	killedStaging(t, long, dir)
	if _, stderr, code := run(t, "train", "--resume", dir); code != 11 || !strings.Contains(stderr, "start it again") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("--resume: exit %d, want 11 and one sentence: %s", code, stderr)
	}
	must(t, long...)
	want := weights(t, dir)
	killedStaging(t, append(long, "--overwrite"), dir)
	if !bytes.Equal(weights(t, dir), want) {
		t.Error("the old model is gone")
	}
	must(t, append(long, "--overwrite")...)
	if !bytes.Equal(weights(t, dir), want) {
		t.Error("the run ends with other bits")
	}
	if exists(filepath.Join(dir, ".ptycho", "next")) {
		t.Error("something is left of the killed runs")
	}
}

// A command that reads a result completes the commit of a killed command.
func TestReaders_CompleteACommit(t *testing.T) {
	long(t)
	scan, made := smallScan(t), filepath.Join(t.TempDir(), "made")
	must(t, trainInto(scan, made)...)
	for name, read := range map[string]func(dir string) []string{
		"config explain": func(dir string) []string { return []string{"config", "explain", dir} },
		"model show":     func(dir string) []string { return []string{"model", "show", dir} },
		"--resume":       func(dir string) []string { return []string{"train", "--resume", dir, "--max-epochs", "3", "--quiet"} },
		"infer": func(dir string) []string {
			return []string{"infer", "--trust-data", "--model-path", dir, "--test-data", scan, "--output-dir", dir + "-image", "--quiet"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			next := filepath.Join(dir, ".ptycho", "next")
			if err := os.CopyFS(next, os.DirFS(made)); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(next, ".ptycho")); err != nil {
				t.Fatal(err)
			}
			staged, _ := filepath.Glob(filepath.Join(next, "checkpoints", "step-*.npz"))
			var names []string
			for _, s := range staged {
				names = append(names, `"checkpoints/`+filepath.Base(s)+`"`)
			}
			place(t, filepath.Join(dir, ".ptycho", "commit.json"), `{"move":["checkpoints/",`+strings.Join(names, ",")+`,"config.json","manifest.json","metrics.csv","rows.json","steps.csv","weights.npz"]}`)
			must(t, read(dir)...)
			if exists(filepath.Join(dir, ".ptycho", "commit.json")) || !exists(filepath.Join(dir, "weights.npz")) {
				t.Error("the commit was not completed")
			}
		})
	}
}

// Pictures of a running reconstruction appear beside the old result and disappear with the commit of the new one.
func TestSolve_PreviewsSpareTheOldResult(t *testing.T) {
	scan, dir := smallScan(t), filepath.Join(t.TempDir(), "out")
	must(t, solveInto(scan, dir)...)
	old, err := os.ReadFile(filepath.Join(dir, "phase.png"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(fixture.Program(t), solveInto(scan, dir, "--iterations", "100000", "--preview", "1", "--overwrite")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !exists(filepath.Join(dir, "preview-phase.png")); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no preview comes")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if now, err := os.ReadFile(filepath.Join(dir, "phase.png")); err != nil || !bytes.Equal(now, old) {
		t.Error("the old picture is not whole")
	}
	must(t, solveInto(scan, dir, "--preview", "1", "--overwrite")...)
	if exists(filepath.Join(dir, "preview-phase.png")) {
		t.Error("the preview is left")
	}
}

// A run that was killed between its last checkpoint and the removal of an older one has an extra checkpoint. --resume removes
// it, even if the run is complete.
func TestTrain_ResumePrunesCheckpoints(t *testing.T) {
	scan, dir := smallScan(t), filepath.Join(t.TempDir(), "run")
	must(t, trainInto(scan, dir)...)
	saved, _ := filepath.Glob(filepath.Join(dir, "checkpoints", "step-*.npz"))
	data, err := os.ReadFile(saved[0])
	if err != nil || len(saved) != 2 {
		t.Fatalf("%v, %v", saved, err)
	}
	older := filepath.Join(dir, "checkpoints", "step-00000001.npz")
	place(t, older, string(data))
	must(t, "train", "--resume", dir, "--quiet")
	if exists(older) || !exists(saved[0]) || !exists(saved[1]) {
		left, _ := filepath.Glob(filepath.Join(dir, "checkpoints", "*"))
		t.Errorf("the checkpoints are %v", left)
	}
}
