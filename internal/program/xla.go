package program

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var (
	buildingXLA sync.Once
	folderXLA   string // contains the backend's program; "" without a C compiler
	whyNotXLA   string
)

// XLA returns the folder of the XLA backend's program, for --plugin-dir. The program is built once. The test is skipped
// without a C compiler or, if it needs the library, without the library.
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
		if err := provide(filepath.Join(dir, "ptycho-backend-xla"), filepath.Join("plugins", "ptycho-backend-xla"), "github.com/ptychogo/ptycho/plugins/xla", "1"); err != nil {
			whyNotXLA = "the XLA backend was not built: " + err.Error()
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
		t.Setenv("XLA_FLAGS", "--xla_backend_optimization_level=0") // halves the compile time
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

// DoctorXLA returns the findings of the XLA backend's doctor.
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
	t.Fatalf("the doctor has no findings for xla: %+v", all)
	return nil
}
