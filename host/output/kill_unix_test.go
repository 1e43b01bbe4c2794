//go:build unix

package output

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ptychogo/ptycho/internal/disk"
)

// helper is the variable that makes the test binary run as a command that writes an output folder.
const helper = "PTYCHO_TEST_OUTPUT"

// task is the work of the helper.
type task struct {
	Target string
	Settle bool // read instead of writing
	Files  map[string]string
	Kill   int // number of the change of a commit at which the process kills itself; 0: never
	Park   bool
}

func TestMain(m *testing.M) {
	text := os.Getenv(helper)
	if text == "" {
		os.Exit(m.Run())
	}
	var do task
	if err := json.Unmarshal([]byte(text), &do); err != nil {
		panic(err)
	}
	changes := 0
	reached = func() {
		if changes++; changes == do.Kill {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // this does not return
			select {}
		}
	}
	if err := do.run(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func (do task) run() error {
	if do.Settle {
		return Settle(do.Target)
	}
	d, err := Create(Request{Target: do.Target, Overwrite: true, Writes: writes})
	if err != nil {
		return err
	}
	for name, text := range do.Files {
		if err := d.WriteFile(name, []byte(text)); err != nil {
			return err
		}
	}
	if err := d.writePassing("preview.png", []byte("new")); err != nil {
		return err
	}
	if do.Park { // killed before the commit, with a temporary file of a writer open
		if _, err := disk.Create(d.Path("image.npz")); err != nil {
			return err
		}
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	if err := d.Commit(); err != nil {
		return err
	}
	return d.Close()
}

// start runs the helper and reports whether it was killed.
func start(t *testing.T, do task) (killed bool) {
	t.Helper()
	text, err := json.Marshal(do)
	must(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helper+"="+string(text))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
		return true
	}
	t.Fatalf("the helper failed: %v: %s", err, out)
	return false
}

// clean fails if .ptycho contains more than the lock and the list.
func clean(t *testing.T, target string) {
	t.Helper()
	var names []string
	entries, err := os.ReadDir(filepath.Join(target, stateDir))
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "files lock" {
		t.Errorf("ptycho's part holds %s", got)
	}
}

// A command that is killed at any change of its commit leaves the complete old result, or a new result that the next reader or
// writer completes, even if the next command is killed too.
func TestCommit_KilledAnywhere(t *testing.T) {
	old := with(oldResult, "notes.txt")
	fresh := with(newResult, "notes.txt")
	outcomes := map[string]int{}
	for kill := 1; ; kill++ {
		target := filepath.Join(t.TempDir(), "run")
		write(t, target, true, oldResult)
		put(t, filepath.Join(target, "notes.txt"), "foreign")
		if !start(t, task{Target: target, Files: newResult, Kill: kill}) {
			if kill < 10 {
				t.Errorf("a commit has %d changes: the kills miss most of it", kill-1)
			}
			holds(t, target, fresh)
			break
		}
		_, err := os.Lstat(filepath.Join(target, journalFile))
		committed := err == nil
		for again := 1; committed && again < kill && start(t, task{Target: target, Settle: true, Kill: again}); again++ { //nolint:revive // each is killed a change later
		}
		if kill%2 == 0 {
			must(t, Settle(filepath.Join(target, "checkpoints", "step-1.npz")))
		} else if _, err := Create(Request{Target: target, Writes: writes}); err == nil { // an error, with a complete result
			t.Error("a result was taken for an empty folder")
		}
		got := tree(t, target)
		delete(got, "preview.png") // removed by the next writer
		switch {
		case maps.Equal(got, old) && !committed:
			outcomes["old"]++
		case maps.Equal(got, fresh):
			outcomes["new"]++
		default:
			t.Errorf("after a kill at change %d, committed %v: %v", kill, committed, got)
		}
		write(t, target, true, newResult)
		holds(t, target, fresh)
		clean(t, target)
	}
	if outcomes["old"] == 0 || outcomes["new"] == 0 {
		t.Errorf("the outcomes are %v, want some of each", outcomes)
	}
}

// A command that is killed before its commit can be restarted unchanged.
func TestCreate_AfterAKillBeforeTheCommit(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	if !start(t, task{Target: target, Files: newResult, Park: true}) {
		t.Fatal("the helper was not killed")
	}
	if !Interrupted(target) {
		t.Error("the folder does not count as that of an interrupted command")
	}
	must(t, Check(Request{Target: target, Writes: writes}))
	write(t, target, false, newResult)
	holds(t, target, newResult)
	clean(t, target)
}

// The next command removes temporary files of a killed writer from the result.
func TestOpen_SweepsTemporaryFiles(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	write(t, target, false, oldResult)
	for _, folder := range []string{"", "checkpoints", stateDir} {
		put(t, filepath.Join(target, folder, ".step-9.npz.ptycho-0123456789ab.tmp"), "half")
	}
	d, err := Open(target, writes)
	must(t, err)
	must(t, d.Close())
	holds(t, target, oldResult)
	clean(t, target)
}

// Folders and files get permissions according to the umask.
func TestDir_PermissionsFollowTheUmask(t *testing.T) {
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	for umask, want := range map[int]os.FileMode{0o077: 0, 0o027: 0o050} {
		syscall.Umask(umask)
		target := filepath.Join(t.TempDir(), "a", "run")
		write(t, target, false, oldResult)
		must(t, filepath.WalkDir(filepath.Dir(target), func(path string, e os.DirEntry, err error) error {
			must(t, err)
			st, err := e.Info()
			must(t, err)
			allowed := want
			if !e.IsDir() {
				allowed &^= 0o111
			}
			if got := st.Mode().Perm() & 0o077; got != allowed {
				t.Errorf("umask %03o: %s has %v", umask, path, st.Mode().Perm())
			}
			return nil
		}))
	}
}
