package output

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writes are the patterns of the results in these tests.
var writes = []string{"report.json", "image.npz", "model.npz", "checkpoints/*.npz", "mlruns/"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a file that does not belong to ptycho.
func put(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o777))
	must(t, os.WriteFile(path, []byte(text), 0o666))
}

// tree returns the files below a folder with their contents, and empty folders, without .ptycho.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(folder, func(at string, e fs.DirEntry, err error) error {
		if err != nil || at == folder {
			return err
		}
		name, _ := filepath.Rel(folder, at)
		if e.IsDir() {
			if e.Name() == stateDir {
				return fs.SkipDir
			}
			if inside, _ := os.ReadDir(at); len(inside) == 0 {
				files[name+"/"] = ""
			}
			return nil
		}
		if !e.Type().IsRegular() {
			files[name] = e.Type().String()
			return nil
		}
		text, err := os.ReadFile(at)
		files[name] = string(text)
		return err
	}))
	return files
}

// holds fails unless a folder contains exactly these files.
func holds(t *testing.T, folder string, want map[string]string) {
	t.Helper()
	if got := tree(t, folder); !maps.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", folder, got, want)
	}
}

// write stages files and commits them.
func write(t *testing.T, target string, overwrite bool, files map[string]string) {
	t.Helper()
	d, err := Create(Request{Target: target, Overwrite: overwrite, Writes: writes})
	must(t, err)
	for name, text := range files {
		must(t, d.WriteFile(name, []byte(text)))
	}
	must(t, d.Commit())
	must(t, d.Close())
}

var (
	oldResult = map[string]string{"report.json": "old", "model.npz": "old", "checkpoints/step-1.npz": "old", "checkpoints/step-2.npz": "old", "mlruns/1/2/value": "old"}
	newResult = map[string]string{"report.json": "new", "image.npz": "new", "checkpoints/step-1.npz": "new"}
)

// with returns a result with files that do not belong to ptycho.
func with(files map[string]string, foreign ...string) map[string]string {
	all := maps.Clone(files)
	for _, name := range foreign {
		all[name] = "foreign"
	}
	return all
}

// A command that ends without a result changes nothing.
func TestDir_NothingLeftWithoutCommit(t *testing.T) {
	for name, exists := range map[string]bool{"new": false, "existing": true} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			target := filepath.Join(parent, "a", "run")
			if exists {
				must(t, os.MkdirAll(target, 0o777))
			}
			d, err := Create(Request{Target: target, Writes: writes})
			must(t, err)
			must(t, d.WriteFile("report.json", nil))
			must(t, d.writePassing("preview.png", nil))
			must(t, d.Close())
			if left, _ := os.ReadDir(target); len(left) > 0 {
				t.Errorf("%v is left in the folder", left)
			}
			if left, _ := os.ReadDir(parent); !exists && len(left) > 0 {
				t.Errorf("%v is left", left)
			}
			if _, err := os.Stat(target); exists && err != nil {
				t.Error("the folder that was there is gone")
			}
		})
	}
}

// The old result is complete until the new one replaces it. Other files and their empty folders stay.
func TestCommit_ReplacesOnlyWhatPtychoWrote(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	write(t, target, false, oldResult)
	put(t, filepath.Join(target, "notes.txt"), "foreign")
	put(t, filepath.Join(target, "checkpoints", "mine.txt"), "foreign")
	must(t, os.Mkdir(filepath.Join(target, "empty"), 0o777))
	var notice string
	d, err := Create(Request{Target: target, Overwrite: true, Writes: writes, Notice: func(f string, a ...any) { notice += fmt.Sprintf(f, a...) }})
	must(t, err)
	for name, text := range newResult {
		must(t, d.WriteFile(name, []byte(text)))
	}
	foreign := []string{"notes.txt", "checkpoints/mine.txt"}
	before := with(oldResult, foreign...)
	before["empty/"] = ""
	holds(t, target, before)
	must(t, d.Commit())
	must(t, d.Close())
	after := with(newResult, foreign...)
	after["empty/"] = ""
	holds(t, target, after)
	if !strings.Contains(notice, "notes.txt") || !strings.Contains(notice, "empty") || strings.Contains(notice, "report.json") {
		t.Errorf("the notice is %q", notice)
	}
	write(t, target, true, oldResult)
	before = with(oldResult, foreign...)
	before["empty/"] = ""
	holds(t, target, before)
}

// A file that another program creates while the command works is not replaced, and the old result stays.
func TestCommit_RefusesWhatAppearedMeanwhile(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	write(t, target, false, oldResult)
	d, err := Create(Request{Target: target, Overwrite: true, Writes: writes})
	must(t, err)
	must(t, d.WriteFile("image.npz", []byte("new")))
	put(t, filepath.Join(target, "image.npz"), "foreign")
	if err := d.Commit(); err == nil || !strings.Contains(err.Error(), "image.npz") {
		t.Errorf("the error is %v", err)
	}
	must(t, d.Close())
	holds(t, target, with(oldResult, "image.npz"))
}

// Only one command at a time writes to a folder. The second fails with one sentence.
func TestDir_SecondCommandRefused(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	first, err := Create(Request{Target: target, Writes: writes})
	must(t, err)
	for name, second := range map[string]func() (*Dir, error){
		"create": func() (*Dir, error) { return Create(Request{Target: target, Overwrite: true, Writes: writes}) },
		"open":   func() (*Dir, error) { return Open(target, writes) },
	} {
		if _, err := second(); !errors.Is(err, errBusy) || !strings.Contains(err.Error(), target) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	must(t, first.WriteFile("report.json", nil))
	must(t, first.Commit())
	must(t, first.Close())
	second, err := Open(target, writes)
	must(t, err)
	must(t, second.Close())
}

// A link to a folder is used and stays a link.
func TestDir_LinkedFolder(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "disk"), filepath.Join(dir, "run")
	must(t, os.Mkdir(real, 0o777))
	if err := os.Symlink("disk", link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	write(t, link, false, oldResult)
	write(t, link, true, newResult)
	if st, err := os.Lstat(link); err != nil || st.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	holds(t, real, newResult)
}

// Files that are open during a commit continue in their new place, and later files are listed.
func TestFiles_FollowTheCommit(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	write(t, target, false, oldResult)
	d, err := Create(Request{Target: target, Overwrite: true, Writes: writes})
	must(t, err)
	log, err := d.Files().Append("logs/steps.csv")
	must(t, err)
	sub := d.Files().Sub("mlruns")
	must(t, sub.MkdirAll("metrics"))
	_, err = log.WriteString("1,")
	must(t, err)
	must(t, d.Commit())
	_, err = log.WriteString("2")
	must(t, err)
	must(t, log.Close())
	must(t, sub.Write("metrics/loss", []byte("3")))
	must(t, d.Register("checkpoints/step-9.npz"))
	put(t, d.Path("checkpoints/step-9.npz"), "9")
	must(t, d.Close())
	holds(t, target, map[string]string{"logs/steps.csv": "1,2", "mlruns/metrics/loss": "3", "checkpoints/step-9.npz": "9"})
	write(t, target, true, newResult)
	holds(t, target, newResult)
}

// Passing files appear beside the old result and are removed by the commit.
func TestDir_PassingFilesGo(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	write(t, target, false, oldResult)
	d, err := Create(Request{Target: target, Overwrite: true, Writes: writes})
	must(t, err)
	must(t, d.writePassing("preview.png", []byte("1")))
	must(t, d.writePassing("preview.png", []byte("2")))
	seen := maps.Clone(oldResult)
	seen["preview.png"] = "2"
	holds(t, target, seen)
	must(t, d.WriteFile("report.json", []byte("new")))
	must(t, d.Commit())
	must(t, d.Close())
	holds(t, target, map[string]string{"report.json": "new"})
	if _, err := os.Stat(filepath.Join(target, passingFile)); err == nil {
		t.Error("their list is left")
	}
}

// A folder of an earlier version has no list: the files of a run belong to ptycho once the run is resumed.
func TestOpen_AdoptsTheFilesOfAnEarlierVersion(t *testing.T) {
	target := t.TempDir()
	for name, text := range with(oldResult, "notes.txt") {
		put(t, filepath.Join(target, name), text)
	}
	d, err := Open(target, []string{"report.json", "model.npz", "checkpoints/*.npz", "mlruns/*/*/value"})
	must(t, err)
	must(t, d.Close())
	write(t, target, true, newResult)
	left := with(newResult, "notes.txt")
	left["mlruns/1/2/"] = "" // it is unknown who created the folders
	holds(t, target, left)
}

// Only the same command may use an unfinished folder of parts without --overwrite.
func TestCreate_GoesOnInUnfinishedParts(t *testing.T) {
	target := filepath.Join(t.TempDir(), "demo")
	r := Request{Target: target, Writes: []string{"scan.npz", "run/"}, Parts: []string{"run"}}
	start := func() *Dir {
		d, err := Create(r)
		must(t, err)
		must(t, d.Register("scan.npz"))
		put(t, d.Path("scan.npz"), "scan")
		write(t, filepath.Join(target, "run"), true, oldResult)
		return d
	}
	must(t, start().Close())
	if _, err := Create(Request{Target: target, Writes: writes}); err == nil {
		t.Error("another command took the folder")
	}
	d := start()
	must(t, d.Finish())
	must(t, d.Close())
	if _, err := Create(r); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a finished folder gave %v", err)
	}
	r.Overwrite = true
	must(t, start().Close())
	if names := slices.Sorted(maps.Keys(tree(t, target))); !slices.Contains(names, "scan.npz") {
		t.Errorf("the folder holds %v", names)
	}
}
