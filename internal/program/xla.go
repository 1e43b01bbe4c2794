package program

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var (
	buildingXLA sync.Once
	folderXLA   string // holds the backend's program; "" without a C compiler
	whyNotXLA   string
)

// XLA is the folder of the XLA backend's program, built once: --plugin-dir. The test skips where there is no C compiler,
// and, if it needs the library, where there is none.
func XLA(t *testing.T, library bool) string {
	t.Helper()
	ptycho := Path(t) // its folder is removed at the end
	buildingXLA.Do(func() {
		compiler := os.Getenv("CC")
		if compiler == "" {
			compiler = "gcc"
		}
		if _, err := exec.LookPath(compiler); err != nil {
			whyNotXLA = "the XLA backend needs a C compiler: " + err.Error()
			return
		}
		dir := filepath.Join(filepath.Dir(ptycho), "plugins")
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "ptycho-backend-xla"), "github.com/ptychogo/ptycho/plugins/xla")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			whyNotXLA = fmt.Sprintf("the XLA backend was not built: %v: %s", err, out)
			return
		}
		folderXLA = dir
	})
	if folderXLA == "" {
		t.Skip(whyNotXLA)
	}
	if library {
		for _, f := range DoctorXLA(t) {
			if f.Check == "library for cpu" && !f.Works {
				t.Skip(f.Found)
			}
		}
		t.Setenv("XLA_FLAGS", "--xla_backend_optimization_level=0") // compiles in half the time
	}
	return folderXLA
}

// Finding is one line of a backend's doctor.
type Finding struct {
	Check string
	Works bool
	Found string
	Mend  string
}

// DoctorXLA is what the XLA backend's doctor says.
func DoctorXLA(t *testing.T) []Finding {
	t.Helper()
	var all []struct {
		Backend  string
		Findings []Finding
	}
	if err := json.Unmarshal([]byte(Must(t, "", "plugins", "doctor", "--plugin-dir", folderXLA, "--json")), &all); err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Backend == "xla" {
			return d.Findings
		}
	}
	t.Fatalf("the doctor says nothing of xla: %+v", all)
	return nil
}
