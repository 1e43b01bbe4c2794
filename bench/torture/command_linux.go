package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// command is one way to run ptycho. It is disturbed and must then reach the result of an undisturbed run.
type command struct {
	name   string
	args   []string // without the output
	output string   // flag that names the output
	file   bool     // the output is a file, not a folder
	state  string   // folder of w.states with the older result at the output; "": none
	plugin bool     // it starts a plugin
	resume bool     // an interrupted run continues with train --resume
}

// small holds the flags of a run that takes about a second.
var small = []string{"--max-epochs", "3", "--threads", "1", "--n-filters-scale", "1", "--no-check-geometry", "--val-split", "0.1"}

// backendFlags chooses another backend ("": the bundled one), which ptycho kills when it sends nothing for the time patience.
func backendFlags(backend string, patience time.Duration) []string {
	if backend == "" {
		return nil
	}
	return []string{"--backend", backend, "--backend-timeout", patience.String()}
}

// commands lists the disturbed commands with a backend. Paths are relative to the worker's folder.
func commands(backend string, patience time.Duration) []command {
	train := append([]string{"train", "--train-data-file", "in/scan.npz"}, small...)
	infer := []string{"infer", "--trust-data", "--model-path", "in/model", "--test-data", "in/scan.npz", "--threads", "1"}
	solve := []string{"solve", "--data", "in/scan.npz", "--iterations", "2", "--threads", "1"}
	simulate := []string{"simulate", "-n", "32", "--n-images", "64", "--seed", "3"}
	with := backendFlags(backend, patience)
	train, infer = append(train, with...), append(infer, with...)
	over := func(args []string) []string { return append(slices.Clone(args), "--overwrite") }
	return []command{
		{name: "train", args: train, output: "--output-dir", plugin: true, resume: true},
		{name: "train --overwrite", args: over(train), output: "--output-dir", state: "run", plugin: true, resume: true},
		{name: "train --resume", args: []string{"train"}, output: "--resume", state: "stopped", plugin: true, resume: true},
		{name: "infer", args: infer, output: "--output-dir", plugin: true},
		{name: "infer --overwrite", args: over(infer), output: "--output-dir", state: "image", plugin: true},
		{name: "solve", args: solve, output: "--output-dir"},
		{name: "solve --overwrite", args: over(solve), output: "--output-dir", state: "solved"},
		{name: "simulate", args: simulate, output: "--output", file: true},
		{name: "simulate --overwrite", args: over(simulate), output: "--output", state: "simulated", file: true},
	}
}

// first returns the command line of a user.
func (c command) first() []string { return append(slices.Clone(c.args), c.output, outName) }

// replacing returns the same command line with --overwrite, for an existing result.
func (c command) replacing() []string {
	if slices.Contains(c.args, "--overwrite") || c.output == "--resume" {
		return c.first()
	}
	return append(c.first(), "--overwrite")
}

// resuming returns the command line that continues an interrupted training run.
func (c command) resuming() []string { return []string{"train", "--resume", outName} }

// Names in the worker's folder.
const (
	parentName = "p"     // holds the output
	outName    = "p/out" // the output of every command
)

// foreign lists files beside the output that ptycho did not write; foreignInside lists such files in an existing output folder.
var (
	foreign       = []string{"p/notes.txt", "p/data/scan.txt"}
	foreignInside = []string{"p/out/notes.txt", "p/out/mine/keep.txt"}
)

const foreignText = "written by somebody else\n"

// makeStates creates the inputs and the older results for the commands, once for each worker.
func (w *worker) makeStates() error {
	at := func(name string) string { return filepath.Join(w.dir, name) }
	for _, dir := range []string{"in", "states", "tmp", "home", "log"} {
		if err := os.MkdirAll(at(dir), 0o755); err != nil {
			return err
		}
	}
	old := []string{"--batch-size", "4", "--seed", "7"} // other weights, other steps, other names of checkpoints
	stopped := append([]string{"train", "--train-data-file", "in/scan.npz", "--output-dir", outName, "--stop-after", "1"}, small...)
	stopped = append(stopped, backendFlags(w.extent.Backend, w.extent.Patience)...) // train --resume continues on the run's backend
	steps := []struct {
		args []string
		keep string
	}{
		{[]string{"simulate", "-n", "32", "--n-images", "64", "--output", outName}, "in/scan.npz"},
		{append(append([]string{"train", "--train-data-file", "in/scan.npz", "--output-dir", outName}, small...), old...), "states/run"},
		{stopped, "states/stopped"},
		{[]string{"infer", "--trust-data", "--model-path", "states/run", "--test-data", "in/scan.npz", "--rows", "0:40", "--output-dir", outName, "--threads", "1"}, "states/image"},
		{[]string{"solve", "--data", "in/scan.npz", "--iterations", "1", "--output-dir", outName, "--threads", "1"}, "states/solved"},
		{[]string{"simulate", "-n", "32", "--n-images", "40", "--output", outName}, "states/simulated"},
		{append([]string{"train", "--train-data-file", "in/scan.npz", "--output-dir", outName}, small...), "in/model"},
	}
	for _, s := range steps {
		if !w.needs(s.keep) {
			continue
		}
		if err := os.MkdirAll(at(parentName), 0o755); err != nil {
			return err
		}
		run := w.start(s.args, nil)
		if run.code != 0 {
			return fmt.Errorf("undisturbed ptycho %s: %s", s.args[0], run)
		}
		if err := os.Rename(at(outName), at(s.keep)); err != nil {
			return err
		}
	}
	return nil
}

// needs reports whether a command needs the contents of a folder.
func (w *worker) needs(folder string) bool {
	return folder == "in/scan.npz" || slices.ContainsFunc(w.commands, func(c command) bool {
		return folder == "states/"+c.state || slices.Contains(c.args, folder) || c.state == "image" && folder == "states/run"
	})
}

// prepare resets the parent of the output to the older result of the command and the foreign files.
func (w *worker) prepare(c command) error {
	parent := filepath.Join(w.dir, parentName)
	if err := clearFolder(parent); err != nil {
		return err
	}
	planted := slices.Clone(foreign)
	if c.state != "" {
		from, to := filepath.Join(w.dir, "states", c.state), filepath.Join(w.dir, outName)
		if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
			return fmt.Errorf("cp: %w: %s", err, out)
		}
		if !c.file {
			planted = append(planted, foreignInside...)
		}
	}
	for _, name := range planted {
		path := filepath.Join(w.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(foreignText), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// clearFolder removes the contents of a folder, which may be a mount point.
func clearFolder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
