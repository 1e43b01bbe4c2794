package fake

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
)

// faults are kernels that are wrong, with what the shim must say. right is correct.
var faults = []struct{ kernel, body, want string }{
	{"right", "SHARED(double, s); ST(s, threadIdx.x, 1); BARRIER(); LD(s, 255 - threadIdx.x);", ""},
	{"beyond", "SHARED(double, s); ST(s, threadIdx.x + 1, 1);", "is accessed at byte 2048"},
	{"unwritten", "SHARED(double, s); LD(s, threadIdx.x);", "is read before it is written"},
	{"race", "SHARED(double, s); if (threadIdx.x == 0) ST(s, 0, 1); else LD(s, 0);", "is written by thread 0 and read without a barrier"},
	{"twice", "SHARED(double, s); ST(s, 0, 1);", "written again without a barrier"},
	{"late", "SHARED(double, s); ST(s, threadIdx.x, 1); BARRIER(); if (threadIdx.x == 0) LD(s, 1); else ST(s, threadIdx.x, 2);", "read by another thread and written"},
	{"apart", "if (threadIdx.x < 7) BARRIER();", "a barrier is not reached by all threads"},
}

// TestShim_FindsFaults compiles kernels with the faults that the shim is for.
func TestShim_FindsFaults(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil || runtime.GOARCH != "amd64" {
		t.Skip("needs gcc on amd64")
	}
	folder := t.TempDir()
	all := kernels.Sources()
	for _, name := range []string{"shim.c", "shim.h"} {
		text, _ := sources.ReadFile("src/" + name)
		all[name] = string(text)
	}
	var code, calls strings.Builder
	code.WriteString("#include \"prelude.h\"\n#include <stdio.h>\nint shim_launch(void (*f)(const Args), char m, const unsigned grid[3], unsigned n, unsigned long bytes, const Args *a, char *text, unsigned long room);\n")
	for _, f := range faults {
		code.WriteString("BLOCK_KERNEL(" + f.kernel + ") { (void)a; " + f.body + " }\n")
		calls.WriteString("text[0] = 0; shim_launch(" + f.kernel + ", 'b', grid, 256, 2048, &a, text, sizeof text); puts(text);\n")
	}
	code.WriteString("int main(void) { Args a = {0}; char text[300]; unsigned grid[3] = {1, 1, 1};\n" + calls.String() + "return 0; }\n")
	all["faults.c"] = code.String()
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("gcc", "-std=gnu11", "-DDOUBLE", "-I.", "shim.c", "faults.c", "-o", "faults", "-lm")
	build.Dir = folder
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(filepath.Join(folder, "faults")).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	for i, f := range faults {
		if got := lines[i]; f.want == "" && got != "" || !strings.Contains(got, f.want) {
			t.Errorf("%s: the shim says %q, want %q", f.kernel, got, f.want)
		}
	}
}
