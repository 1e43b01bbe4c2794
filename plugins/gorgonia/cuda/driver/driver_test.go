package driver

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/dynamic"
)

// compile builds the driver for tests, without kernels, and returns its path.
func compile(t *testing.T, options ...string) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc: " + err.Error())
	}
	path := filepath.Join(t.TempDir(), Name)
	build := exec.Command("gcc", append(options, "-O0", "-shared", "-fPIC", "../fake/src/driver.c", "-o", path, "-ldl", "-lpthread")...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// control calls a function that the driver for tests has in addition to those of a driver.
//
//go:uintptrescapes
func control(t *testing.T, path, name string, args ...uintptr) int {
	t.Helper()
	handle, err := dynamic.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := dynamic.Symbol(handle, name)
	if err != nil {
		t.Fatal(err)
	}
	return int(dynamic.Call(f, args...))
}

// failing makes the next call of a function return a code.
func failing(t *testing.T, path, name string, code int) {
	t.Helper()
	text := append([]byte(name), 0)
	control(t, path, "fake_fail", uintptr(unsafe.Pointer(&text[0])), 1, uintptr(code))
}

// refused fails the test unless the error is of the kind and contains the text.
func refused(t *testing.T, what string, err error, kind backend.Kind, say string) {
	t.Helper()
	if typed := (*backend.Error)(nil); !errors.As(err, &typed) || typed.Kind != kind || !strings.Contains(err.Error(), say) {
		t.Errorf("%s: the error is %v, want the kind %s and %q", what, err, kind, say)
	}
}

// TestOpen_RefusesOtherLibraries opens files that are not a driver, or not a usable one.
func TestOpen_RefusesOtherLibraries(t *testing.T) {
	fixture.Long(t)
	compiled := compile(t)
	file := func(content []byte) string {
		path := filepath.Join(t.TempDir(), Name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if _, err := dynamic.Open(compiled); err != nil {
		t.Skip("a library cannot be opened here: " + err.Error())
	}
	for what, c := range map[string]struct{ path, say string }{
		"a name that is not installed": {"libptycho-missing.so.1", "the NVIDIA driver is not installed"},
		"a path without a file":        {filepath.Join(t.TempDir(), Name), "cannot be loaded"},
		"a text":                       {file([]byte("a text of more than one line\n")), "cannot be loaded"},
		"an empty file":                {file(nil), "cannot be loaded"},
		"another library":              {empty(t), "lacks the function cuInit"},
		"a driver without graphs":      {compile(t, "-DcuGraphLaunch=cuOther"), "lacks the function cuGraphLaunch"},
		"an old driver":                {compile(t, "-DVERSION=11080"), "supports CUDA up to 11.8, but the kernels need 12.0"},
	} {
		_, err := Open(c.path)
		refused(t, what, err, backend.Unavailable, c.say)
	}
}

// empty compiles a library without functions.
func empty(t *testing.T) string {
	path := filepath.Join(t.TempDir(), Name)
	build := exec.Command("gcc", "-shared", "-x", "c", "/dev/null", "-o", path)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// TestLibrary_CodesHaveTheirKinds returns codes of cuda.h from a call.
func TestLibrary_CodesHaveTheirKinds(t *testing.T) {
	fixture.Long(t)
	path := compile(t)
	l, err := Open(path)
	if err != nil {
		t.Skip("a library cannot be opened here: " + err.Error())
	}
	for code, c := range map[int]struct {
		kind backend.Kind
		say  string
	}{
		1:    {backend.Internal, "cuDeviceGetCount returned CUDA_ERROR_INVALID_VALUE (code 1)"},
		2:    {backend.Exhausted, "the GPU's memory is full"},
		3:    {backend.Unavailable, "no GPU is visible"},
		100:  {backend.Unavailable, "no GPU is visible"},
		101:  {backend.Unavailable, "(code 101)"},
		209:  {backend.Unsupported, "update the driver"},
		222:  {backend.Unsupported, "update the driver"},
		700:  {backend.Crashed, "the GPU's context is lost"},
		719:  {backend.Crashed, "CUDA_ERROR_LAUNCH_FAILED (code 719): a kernel failed"},
		803:  {backend.Unavailable, "restart the machine"},
		999:  {backend.Internal, "(code 999)"},
		-1:   {backend.Internal, "(code -1)"},
		12e5: {backend.Internal, "(code 1200000)"},
	} {
		failing(t, path, "cuDeviceGetCount", code)
		_, err := l.Devices()
		refused(t, "a code", err, c.kind, c.say)
	}
	failing(t, path, "", 0)
	if all, err := l.Devices(); err != nil || len(all) != 2 || all[1] != (Device{Number: 1, Name: "Fake GPU 1", Memory: 4 << 30, Major: 9, Shared: 227 << 10}) {
		t.Errorf("the devices are %+v, %v", all, err)
	}
}

// TestOpen_CanBeRepeatedAfterAFailure fails cuInit, as a driver does that another program is updating.
func TestOpen_CanBeRepeatedAfterAFailure(t *testing.T) {
	fixture.Long(t)
	path := compile(t)
	if _, err := dynamic.Open(path); err != nil {
		t.Skip("a library cannot be opened here: " + err.Error())
	}
	for _, name := range []string{"cuInit", "cuDriverGetVersion"} {
		failing(t, path, name, 803)
		_, err := Open(path)
		refused(t, name, err, backend.Unavailable, "restart the machine")
	}
	if _, err := Open(path); err != nil {
		t.Errorf("the next attempt fails with %v", err)
	}
}

func TestDevices_RefusesImpossibleCounts(t *testing.T) {
	fixture.Long(t)
	for _, count := range []string{"-1", "1025", "2147483647"} {
		l, err := Open(compile(t, "-DCOUNT="+count))
		if err != nil {
			t.Skip("a library cannot be opened here: " + err.Error())
		}
		_, err = l.Devices()
		refused(t, count, err, backend.Unavailable, "reports "+count+" GPUs")
	}
}

// TestRetain_FreesWhatItOpened opens a GPU that is too old, one that does not exist, and one whose module cannot be loaded.
func TestRetain_FreesWhatItOpened(t *testing.T) {
	fixture.Long(t)
	for what, c := range map[string]struct {
		option string
		number int
		kind   backend.Kind
		say    string
	}{
		"an old GPU":     {"-DMAJOR=6", 0, backend.Unsupported, "Fake GPU 0 has compute capability 6.0, but the kernels need 7.0"},
		"a missing GPU":  {"-DMAJOR=7", 2, backend.Unavailable, "GPU 2"},
		"another module": {"-DMAJOR=8", 1, backend.Internal, "cuModuleLoadDataEx"},
	} {
		path := compile(t, c.option)
		l, err := Open(path)
		if err != nil {
			t.Skip("a library cannot be opened here: " + err.Error())
		}
		_, err = l.Retain(c.number, []byte("not PTX\x00"))
		refused(t, what, err, c.kind, c.say)
		if n := control(t, path, "fake_live"); n != 0 {
			t.Errorf("%s: %d objects of the driver were not freed", what, n)
		}
	}
}

// TestLaunch_RefusesTooMuchSharedMemory needs no driver: the GPU is too small for the kernel.
func TestLaunch_RefusesTooMuchSharedMemory(t *testing.T) {
	c := &Context{device: Device{Name: "a GPU", Shared: 64 << 10}, loaded: map[string]uintptr{"fourier": 1}}
	err := c.Launch("fourier", [3]int{1, 1, 1}, 256, 65<<10, []byte{0})
	refused(t, "launch", err, backend.Unsupported, "the kernel fourier needs 65 KiB of shared memory, but a GPU has 64 KiB")
}
