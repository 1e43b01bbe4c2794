//go:build unix

package track

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python returns an interpreter with the packages, or skips the test.
func python(t *testing.T, packages ...string) string {
	t.Helper()
	name := os.Getenv("PTYCHO_TRACK_PYTHON")
	if name == "" {
		name = os.Getenv("PYTHON")
	}
	if name == "" {
		name = "python3"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is missing: PTYCHO_TRACK_PYTHON names a Python with %s", name, strings.Join(packages, " and "))
	}
	// -I: Python must not import from the folders of this package.
	find := "import sys, importlib.util as u; sys.exit(any(u.find_spec(p) is None for p in sys.argv[1:]))"
	if err := exec.Command(path, append([]string{"-I", "-c", find}, packages...)...).Run(); err != nil {
		t.Skipf("%s has no package %s: PTYCHO_TRACK_PYTHON names a Python that has it", path, strings.Join(packages, " or "))
	}
	return path
}

// script runs a script of testdata and reads its first line of JSON. Each call of next writes a line to the script and reads
// the next answer.
func script(t *testing.T, python string, into any, name string, args ...string) (next func(line string, into any)) {
	t.Helper()
	cmd := exec.Command(python, append([]string{filepath.Join("testdata", name)}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s %v: %v: %s", name, args, err, said.String())
		}
	})
	lines := bufio.NewReaderSize(out, 1<<20)
	read := func(into any) {
		t.Helper()
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("%s %v gave no answer: %v: %s", name, args, err, said.String())
		}
		if err := json.Unmarshal(line, into); err != nil {
			t.Fatalf("%s %v: %v: %.200s", name, args, err, line)
		}
	}
	read(into)
	return func(line string, into any) {
		t.Helper()
		if _, err := in.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
		read(into)
	}
}
