package output

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Lists and journals come from disk: their names outside the folder, or in .ptycho, are ignored.
func TestSettle_HostileNames(t *testing.T) {
	outside := []string{"../victim", "/etc/victim", "a/../../victim", ".ptycho/lock", "link/victim", "", ".", "..", "./victim"}
	dir := t.TempDir()
	target := filepath.Join(dir, "run")
	victim := filepath.Join(dir, "victim")
	put(t, victim, "foreign")
	put(t, filepath.Join(target, "victim"), "foreign")
	put(t, filepath.Join(target, nextDir, "good"), "new")
	put(t, filepath.Join(target, lockFile), "")
	if err := os.Symlink("..", filepath.Join(target, "link")); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	for _, name := range outside {
		text, err := json.Marshal(journal{Remove: []string{name}, Move: []string{name}, Ours: []string{name}})
		must(t, err)
		put(t, filepath.Join(target, journalFile), string(text))
		_ = Settle(target) // may fail
		if got, err := os.ReadFile(victim); err != nil || string(got) != "foreign" {
			t.Fatalf("%q reached %s", name, victim)
		}
		if _, err := os.Stat(filepath.Join(target, lockFile)); err != nil {
			t.Fatalf("%q removed the lock", name)
		}
		put(t, filepath.Join(target, listFile), strings.Join(outside, "\n")+"\n")
		must(t, os.RemoveAll(filepath.Join(target, journalFile)))
		put(t, filepath.Join(target, nextDir, "good"), "new")
	}
	d, err := Create(Request{Target: target, Overwrite: true, Writes: writes})
	must(t, err)
	must(t, d.WriteFile("report.json", nil))
	must(t, d.Commit())
	must(t, d.Close())
	for _, path := range []string{victim, filepath.Join(target, "victim")} {
		if got, err := os.ReadFile(path); err != nil || string(got) != "foreign" {
			t.Errorf("%s is %q, %v", path, got, err)
		}
	}
}

// An incomplete line does not name a file of ptycho.
func TestList_TornLine(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	write(t, target, false, map[string]string{"report.json": "old"})
	list := filepath.Join(target, listFile)
	text, err := os.ReadFile(list)
	must(t, err)
	put(t, list, string(text)+"image.np")
	put(t, filepath.Join(target, "image.np"), "foreign")
	write(t, target, true, newResult)
	holds(t, target, with(newResult, "image.np"))
	text, err = os.ReadFile(list)
	must(t, err)
	if strings.Contains(string(text), "image.np\n") {
		t.Errorf("the list is %q", text)
	}
}

// A name that would break the list is rejected.
func TestList_RefusesNamesWithNewlines(t *testing.T) {
	d, err := Open(t.TempDir(), nil)
	must(t, err)
	defer d.Close()
	for _, name := range []string{"a\nb", "../a", "/a", ".ptycho/lock"} {
		if err := d.Register(name); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

// A damaged journal is reported by every command, and removing it keeps the files.
func TestSettle_DamagedJournal(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	write(t, target, false, oldResult)
	put(t, filepath.Join(target, journalFile), "{")
	if err := Settle(filepath.Join(target, "checkpoints", "step-1.npz")); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a reader got %v", err)
	}
	if _, err := Create(Request{Target: target, Overwrite: true, Writes: writes}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a writer got %v", err)
	}
	holds(t, target, oldResult)
}

// A user may move checkpoints to another disk and leave a link. The link does not belong to ptycho.
func TestList_KeepsLinkInPlaceOfFolder(t *testing.T) {
	target, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "big")
	write(t, target, false, map[string]string{"checkpoints/one": "1"})
	must(t, os.Rename(filepath.Join(target, "checkpoints"), elsewhere))
	if err := os.Symlink(elsewhere, filepath.Join(target, "checkpoints")); err != nil {
		t.Skip("this file system has no links:", err)
	}
	if d, err := Open(target, nil); err == nil {
		must(t, d.Close())
	}
	if d, err := Create(Request{Target: target, Overwrite: true, Writes: []string{"checkpoints/*"}}); err == nil {
		_ = d.Close()
		t.Error("a link in place of a folder that the command writes in is accepted")
	}
	if to, err := os.Readlink(filepath.Join(target, "checkpoints")); err != nil || to != elsewhere {
		t.Errorf("the link is gone: %q, %v", to, err)
	}
	if text, err := os.ReadFile(filepath.Join(elsewhere, "one")); string(text) != "1" {
		t.Errorf("the checkpoint behind the link is gone: %v", err)
	}
}

// The error names an entry in the place of .ptycho.
func TestCreate_OwnPartNotAFolder(t *testing.T) {
	target := t.TempDir()
	must(t, os.WriteFile(filepath.Join(target, stateDir), nil, 0o600))
	_, err := Create(Request{Target: target, Overwrite: true, Writes: []string{"result"}})
	if err == nil || !strings.Contains(err.Error(), stateDir+" in it is not a folder") {
		t.Errorf("got %v", err)
	}
}

// An edited journal does not remove a file that ptycho did not write.
func TestSettle_RemovesOnlyListedFiles(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	write(t, target, false, map[string]string{"report.json": "old"})
	put(t, filepath.Join(target, "notes.txt"), "foreign")
	text, err := json.Marshal(journal{Remove: []string{"notes.txt", "report.json"}})
	must(t, err)
	put(t, filepath.Join(target, journalFile), string(text))
	must(t, Settle(target))
	holds(t, target, map[string]string{"notes.txt": "foreign"})
}
