package output

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mounted runs a script of mount commands and the helper in a separate mount namespace. $1 is an empty folder, $2 the target.
func mounted(t *testing.T, script string, do task) (output string, err error) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	do.Target = filepath.Join(dir, "target")
	if out, err := exec.Command("unshare", "-m", "sh", "-c", `mount -t tmpfs tmpfs "$1"`, "sh", dir).CombinedOutput(); err != nil {
		t.Skipf("mount namespaces are not available: %v: %s", err, out)
	}
	text, err := json.Marshal(do)
	must(t, err)
	cmd := exec.Command("unshare", "-m", "sh", "-c", "set -e; "+script, "sh", dir, do.Target, os.Args[0])
	cmd.Env = append(os.Environ(), helper+"="+string(text))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Folders that cannot be renamed work: volumes of a container, and folders with a read-only parent.
func TestDir_MountsAndReadOnlyParents(t *testing.T) {
	for name, script := range map[string]string{
		"mount point":      `mkdir "$2"; mount -t tmpfs tmpfs "$2"; "$3"; "$3"; cat "$2/report.json"`,
		"volume in it":     `mkdir -p "$2/checkpoints"; mount -t tmpfs tmpfs "$2/checkpoints"; "$3"; "$3"; ls "$2/checkpoints" | grep -q . && cat "$2/report.json"`,
		"read-only parent": `mount -t tmpfs tmpfs "$1"; mkdir "$2"; mount --bind "$2" "$2"; mount -o remount,bind,ro "$1"; "$3"; "$3"; cat "$2/report.json"`,
	} {
		t.Run(name, func(t *testing.T) {
			out, err := mounted(t, script, task{Files: newResult})
			if err != nil || out != "new" {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// A read-only folder is rejected at the start. An incomplete result in it is not read.
func TestDir_ReadOnlyFolders(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		do     task
		want   string
	}{
		"write":  {`mount -t tmpfs tmpfs "$1"; mkdir "$2"; mount -o remount,ro "$1"; "$3"`, task{}, "cannot be written: read-only file system"},
		"new":    {`mount -t tmpfs -o ro tmpfs "$1"; "$3"`, task{}, "cannot be written: read-only file system"},
		"settle": {`mkdir -p "$2/.ptycho"; echo '{}' >"$2/.ptycho/commit.json"; mount --bind "$2" "$2"; mount -o remount,bind,ro "$2"; "$3"`, task{Settle: true}, "make the folder writable"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := mounted(t, c.script, c.do)
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("%v: %s, want %q", err, out, c.want)
			}
		})
	}
}
