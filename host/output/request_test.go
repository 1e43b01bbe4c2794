package output

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A request that would replace protected files fails before any work and changes nothing.
//
// Long: a table of rejected requests.
func TestCreate_RefusesAtTheStart(t *testing.T) {
	scan := filepath.Join(t.TempDir(), "scan.npz")
	put(t, scan, "scan")
	for name, c := range map[string]struct {
		prepare   func(t *testing.T, target string) Request // changes the usual request
		overwrite bool
		want      string
	}{
		"files of others without overwrite": {func(t *testing.T, target string) Request {
			put(t, filepath.Join(target, "notes.txt"), "")
			return Request{}
		}, false, "is not empty"},
		"a result without overwrite": {func(t *testing.T, target string) Request {
			write(t, target, false, oldResult)
			return Request{}
		}, false, "is not empty"},
		"a run": {func(t *testing.T, target string) Request {
			write(t, target, false, oldResult)
			return Request{}
		}, false, "--resume"},
		"a file of that name": {func(t *testing.T, target string) Request {
			put(t, filepath.Join(target, "report.json"), "")
			return Request{}
		}, true, "did not write report.json"},
		"a file of that pattern": {func(t *testing.T, target string) Request {
			put(t, filepath.Join(target, "checkpoints", "step-7.npz"), "")
			return Request{}
		}, true, "did not write checkpoints/step-7.npz"},
		"a folder of that name": {func(t *testing.T, target string) Request {
			must(t, os.MkdirAll(filepath.Join(target, "report.json"), 0o777))
			return Request{}
		}, true, "did not write report.json"},
		"a link of that name that leads nowhere": {func(t *testing.T, target string) Request {
			must(t, os.MkdirAll(target, 0o777))
			must(t, os.Symlink("nowhere", filepath.Join(target, "report.json")))
			return Request{}
		}, true, "did not write report.json"},
		"a link of that name that leaves the folder": {func(t *testing.T, target string) Request {
			must(t, os.MkdirAll(target, 0o777))
			must(t, os.Symlink(filepath.Join("..", "notes.txt"), filepath.Join(target, "report.json")))
			put(t, filepath.Join(filepath.Dir(target), "notes.txt"), "mine")
			return Request{}
		}, true, "did not write report.json"},
		"a file in the way of a folder": {func(t *testing.T, target string) Request {
			put(t, filepath.Join(target, "mlruns"), "")
			return Request{}
		}, true, "did not write mlruns"},
		"an input that would be replaced": {func(t *testing.T, target string) Request {
			write(t, target, false, oldResult)
			return Request{Inputs: []Input{{"--model-path", filepath.Join(target, "model.npz")}}}
		}, true, "--model-path"},
		"an input behind a link": {func(t *testing.T, target string) Request {
			write(t, target, false, oldResult)
			link := filepath.Join(t.TempDir(), "link")
			must(t, os.Symlink(target, link))
			return Request{Inputs: []Input{{"--data", filepath.Join(link, "checkpoints", "step-1.npz")}}}
		}, true, "--data"},
		"the working directory": {func(t *testing.T, target string) Request {
			write(t, target, false, oldResult)
			t.Chdir(filepath.Join(target, "mlruns", "1"))
			return Request{}
		}, true, "working directory"},
		"a file": {func(t *testing.T, target string) Request {
			put(t, target, "")
			return Request{}
		}, true, "is a file"},
		"a link to nothing": {func(t *testing.T, target string) Request {
			must(t, os.Symlink("nowhere", target))
			return Request{}
		}, true, "to a missing folder"},
		"a file in place of ptycho's folder": {func(t *testing.T, target string) Request {
			put(t, filepath.Join(target, stateDir), "")
			return Request{}
		}, true, "cannot be"},
		"a folder in place of the lock": {func(t *testing.T, target string) Request {
			must(t, os.MkdirAll(filepath.Join(target, lockFile), 0o777))
			return Request{}
		}, true, "is not a regular file"},
		"a name below a file": {func(t *testing.T, target string) Request {
			put(t, target, "")
			return Request{Target: filepath.Join(target, "x", "y")}
		}, false, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			target := filepath.Join(parent, "run")
			r := c.prepare(t, target)
			r.Overwrite, r.Writes = c.overwrite, writes
			if r.Target == "" {
				r.Target = target
			}
			before := tree(t, parent)
			_, err := Create(r)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), r.Target) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %v, want one sentence with %q", err, c.want)
			}
			if after := tree(t, parent); !maps.Equal(before, after) {
				t.Errorf("there was %v, there is %v", before, after)
			}
		})
	}
}

// Entries that only look like a conflict do not cause an error.
func TestCreate_AllowsWhatStays(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, target string) Request{
		"an input that stays": func(t *testing.T, target string) Request {
			put(t, filepath.Join(target, "scan.npz"), "")
			return Request{Overwrite: true, Inputs: []Input{{"--data", filepath.Join(target, "scan.npz")}}}
		},
		"the working directory itself": func(t *testing.T, target string) Request {
			write(t, target, false, oldResult)
			t.Chdir(target)
			return Request{Target: ".", Overwrite: true}
		},
		"a working directory that stays": func(t *testing.T, target string) Request {
			put(t, filepath.Join(target, "sub", "paper.tex"), "")
			t.Chdir(filepath.Join(target, "sub"))
			return Request{Target: "..", Overwrite: true}
		},
		"a fresh volume": func(t *testing.T, target string) Request {
			must(t, os.MkdirAll(filepath.Join(target, lostAndFound), 0o700))
			return Request{}
		},
		"a model in the folder above": func(t *testing.T, target string) Request {
			write(t, filepath.Join(target, "out"), false, oldResult)
			put(t, filepath.Join(target, "model.npz"), "")
			return Request{Target: filepath.Join(target, "out"), Overwrite: true, Inputs: []Input{{"--model-path", filepath.Join(target, "model.npz")}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "run")
			r := prepare(t, target)
			r.Writes = writes
			if r.Target == "" {
				r.Target = target
			}
			d, err := Create(r)
			must(t, err)
			must(t, d.Close())
		})
	}
}

// A name with newlines or escape sequences does not break the error that names it.
func TestCreate_ErrorsAreOnePrintableLine(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, target string){
		"not empty":   func(t *testing.T, target string) { put(t, filepath.Join(target, "a"), "") },
		"a file":      func(t *testing.T, target string) { put(t, target, "") },
		"a collision": func(t *testing.T, target string) { put(t, filepath.Join(target, "checkpoints", "\n\x1b[31m.npz"), "") },
	} {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "a\nb\x1b[2J")
			prepare(t, target)
			_, err := Create(Request{Target: target, Overwrite: name == "a collision", Writes: writes})
			if err == nil || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("the error is %q", err)
			}
		})
	}
}
