package nvrtc

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/ptychogo/ptycho/internal/disk"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
)

// TestPTX_RebuildsToTheSameBytes compiles the sources where the pinned NVRTC is installed. `make ptx` downloads that NVRTC and sets
// UPDATE, which writes the files.
func TestPTX_RebuildsToTheSameBytes(t *testing.T) {
	update := os.Getenv("UPDATE") != ""
	lacks := t.Skipf
	if update {
		lacks = t.Fatalf
	}
	name := os.Getenv(Variable)
	if name == "" {
		name = "libnvrtc.so.12"
	}
	c, err := Open(name)
	if err != nil {
		lacks("NVRTC is not installed (%s names its library): %v", Variable, err)
	}
	if v := fmt.Sprintf("%d.%d", c.Major, c.Minor); v != kernels.Version {
		lacks("NVRTC is version %s, but the committed PTX is made with %s", v, kernels.Version)
	}
	files, err := kernels.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		path := "../kernels/" + name
		if update {
			if err := disk.Write(path, data); err != nil {
				t.Fatal(err)
			}
		}
		if committed, err := os.ReadFile(path); err != nil || !bytes.Equal(data, committed) {
			t.Errorf("%s differs from the committed file: run make ptx", name)
		}
	}
}
