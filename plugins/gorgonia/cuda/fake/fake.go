// Package fake builds a driver for tests that runs kernels on the CPU: a shared library with the functions of libcuda.so.1. It
// counts calls, fails the one that a test asks for, and knows what has not been freed.
//
// It is a package of its own because only tests import it.
package fake

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/dynamic"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
)

//go:embed src
var sources embed.FS

// Driver is the fake driver, loaded into this process.
type Driver struct {
	Path   string
	handle uintptr
	file   []byte // of the library, which is removed once it is loaded
}

var (
	checked   = sync.OnceValues(func() (*Driver, error) { return build("-O1") })
	unchecked = sync.OnceValues(func() (*Driver, error) { return build("-O2", "-DUNCHECKED") })
)

// build compiles the driver and the kernels of both precisions into a new folder.
func build(options ...string) (*Driver, error) {
	folder, err := os.MkdirTemp("", "ptycho-fake-cuda-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder) // loaded libraries do not need their files
	all := kernels.Sources()
	entries, _ := sources.ReadDir("src") // embedded: it cannot fail
	for _, e := range entries {
		text, _ := sources.ReadFile("src/" + e.Name())
		all[e.Name()] = string(text)
	}
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command("sh", append([]string{"build", ".", "."}, options...)...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return open(folder)
}

// Build compiles the driver once per process and loads it. It skips the test where that is not possible. All accesses to shared
// memory are checked.
func Build(t testing.TB) *Driver { return load(t, checked) }

// BuildFast is Build without checks, for whole networks.
func BuildFast(t testing.TB) *Driver { return load(t, unchecked) }

// Copy writes the driver's library, without kernels, into a folder of the test, for other processes to load.
func (d *Driver) Copy(t testing.TB) *Driver {
	t.Helper()
	path := filepath.Join(t.TempDir(), "libcuda.so.1")
	if err := os.WriteFile(path, d.file, 0o600); err != nil {
		t.Fatal(err)
	}
	return &Driver{Path: path}
}

func load(t testing.TB, compile func() (*Driver, error)) *Driver {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("the fake CUDA driver needs gcc: " + err.Error())
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("the fake CUDA driver switches threads in assembly for amd64")
	}
	d, err := compile()
	if err != nil {
		t.Fatal(err)
	}
	d.Fail("", 0, 0)
	return d
}

// open loads the driver and the kernels.
func open(folder string) (*Driver, error) {
	d := &Driver{Path: filepath.Join(folder, "libcuda.so.1")}
	var err error
	if d.file, err = os.ReadFile(d.Path); err != nil {
		return nil, err
	}
	if d.handle, err = dynamic.Open(d.Path); err != nil {
		return nil, err
	}
	for wide, name := range []string{"kernels_f32.so", "kernels_f64.so"} {
		path := append([]byte(filepath.Join(folder, name)), 0)
		if text := dynamic.Text(d.call("fake_kernels", uintptr(unsafe.Pointer(&path[0])), uintptr(wide))); text != "" {
			return nil, errors.New(text)
		}
	}
	return d, nil
}

//go:uintptrescapes
func (d *Driver) call(name string, args ...uintptr) uintptr {
	f, err := dynamic.Symbol(d.handle, name)
	if err != nil {
		panic(err)
	}
	return dynamic.Call(f, args...)
}

// Fail makes call number nth of a function from now on return a code, and resets all counts.
func (d *Driver) Fail(name string, nth, code int) {
	text := append([]byte(name), 0)
	d.call("fake_fail", uintptr(unsafe.Pointer(&text[0])), uintptr(nth), uintptr(code))
}

// Calls returns the number of calls of a function since Fail.
func (d *Driver) Calls(name string) int {
	text := append([]byte(name), 0)
	return int(d.call("fake_calls", uintptr(unsafe.Pointer(&text[0]))))
}

// Live returns the number of objects that have not been freed.
func (d *Driver) Live() int { return int(d.call("fake_live")) }

// Message returns what was wrong in a kernel, or "".
func (d *Driver) Message() string { return dynamic.Text(d.call("fake_message")) }

// Memory sets the memory of each GPU in bytes.
func (d *Driver) Memory(bytes int64) { d.call("fake_memory", uintptr(bytes)) }

// Capability sets the compute capability of each GPU to MAJOR.0. It is 9.0 at first.
func (d *Driver) Capability(major int) { d.call("fake_capability", uintptr(major)) }

// Late makes the first stream of each session do its work only when it is synchronised if bit 0 is set, and the second if bit 1 is set.
// It must be called before sessions are opened.
func (d *Driver) Late(mask int) { d.call("fake_late", uintptr(mask)) }
