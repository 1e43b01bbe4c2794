package nvrtc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/fake"
)

// with makes a compiler the only one, with an empty cache, whose folder it returns.
func with(t *testing.T, library string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	t.Setenv("XDG_CACHE_HOME", folder)
	t.Setenv(Variable, library)
	return filepath.Join(folder, "ptycho", "cuda")
}

// compiler returns an NVRTC for tests, if libraries can be loaded here.
func compiler(t *testing.T, options ...string) *fake.Compiler {
	t.Helper()
	c := fake.NVRTC(t, options...)
	if _, err := Open(c.Path); err != nil {
		t.Skip("a library cannot be opened here: " + err.Error())
	}
	return c
}

// compiled returns the kernels for compute capability 12.0.
func compiled(t *testing.T, size int) (image []byte, from string) {
	t.Helper()
	image, from, err := Kernels(context.Background(), 12, 0, size)
	if err != nil {
		t.Fatal(err)
	}
	return image, from
}

// TestKernels_NewerCompilerIsUsedOnce compiles both precisions twice: the second time they come from the cache.
func TestKernels_NewerCompilerIsUsedOnce(t *testing.T) {
	fixture.Long(t)
	c := compiler(t, "-DMAJOR=12", "-DMINOR=9")
	with(t, c.Path)
	for i, from := range []string{"compiled by NVRTC 12.9 for sm_120 in ", "compiled earlier by NVRTC 12.9 for sm_120"} {
		for _, size := range []int{4, 8} {
			image, said := compiled(t, size)
			if !strings.HasPrefix(said, from) || strings.Contains(string(image), ".text.fourier_double\x00") != (size == 4) {
				t.Errorf("time %d, %d bytes: %q, %d bytes of machine code", i+1, size, said, len(image))
			}
		}
	}
	if got := fmt.Sprint(c.Calls()); got != "[sm_120 sm_120]" {
		t.Errorf("the compiler was asked for %s, want twice sm_120", got)
	}
}

// TestKernels_PTXServesWithoutANewerCompiler has an old GPU, an old compiler, none, and a user who wants none.
func TestKernels_PTXServesWithoutANewerCompiler(t *testing.T) {
	fixture.Long(t)
	c := compiler(t, "-DMAJOR=12", "-DMINOR=9")
	same := compiler(t, "-DMAJOR=12", "-DMINOR=0")
	old := compiler(t, "-DMAJOR=11", "-DMINOR=8")
	for what, one := range map[string]struct {
		library      string
		major, minor int
	}{"a GPU that the PTX's compiler knows": {c.Path, 9, 0}, "the same compiler": {same.Path, 12, 0}, "an old compiler": {old.Path, 12, 0}, "off": {"off", 12, 0}} {
		with(t, one.library)
		image, from, err := Kernels(context.Background(), one.major, one.minor, 4)
		if len(image) > 0 || from != "" || err != nil {
			t.Errorf("%s: %d bytes, %q, %v, want nothing", what, len(image), from, err)
		}
	}
	if n := len(c.Calls()) + len(same.Calls()) + len(old.Calls()); n > 0 {
		t.Errorf("the kernels were compiled %d times, want never", n)
	}
}

// TestKernels_FailuresAreErrors has compilers that fail in every way, and a library that is none.
func TestKernels_FailuresAreErrors(t *testing.T) {
	fixture.Long(t)
	old := patience
	patience = 2 * time.Second
	defer func() { patience = old }()
	for what, c := range map[string]struct{ library, say string }{
		"a failure":       {compiler(t, "-DMAJOR=12", "-DMINOR=9", "-DFAULT=1").Path, "nvrtcCompileProgram returned code 6: all.cu(1): error: a fault for a test"},
		"a crash":         {compiler(t, "-DMAJOR=12", "-DMINOR=9", "-DFAULT=2").Path, "NVRTC did not compile the CUDA kernels: "},
		"a hang":          {compiler(t, "-DMAJOR=12", "-DMINOR=9", "-DFAULT=3").Path, "within 2s"},
		"a text":          {compiler(t, "-DMAJOR=12", "-DMINOR=9", "-DFAULT=4").Path, "something other than machine code"},
		"a missing file":  {filepath.Join(t.TempDir(), "libnvrtc.so.12"), Variable + "="},
		"another library": {filepath.Join(t.TempDir(), "a b.so"), Variable + "="},
	} {
		if what == "another library" {
			if err := os.WriteFile(c.library, []byte("not a library"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		folder := with(t, c.library)
		image, _, err := Kernels(context.Background(), 12, 0, 4)
		if err == nil || !strings.Contains(err.Error(), c.say) || len(image) > 0 {
			t.Errorf("%s: %v and %d bytes, want an error with %q", what, err, len(image), c.say)
		}
		if files, _ := filepath.Glob(folder + "/*"); len(files) > 0 {
			t.Errorf("%s: the cache has %v", what, files)
		}
	}
}

// TestCache_DamagedOrForeignFilesAreCompiledAgain changes each byte in the begin of the file, its end and its length, and its place.
func TestCache_DamagedOrForeignFilesAreCompiledAgain(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c := newCache(order{architecture: 120, size: 4}, "key")
	if c.path == "" && runtime.GOOS == "linux" {
		t.Fatal("the cache has no file")
	}
	image := []byte("machine code")
	if err := c.write(image); err != nil {
		t.Fatal(err)
	}
	if got := c.read(); string(got) != string(image) {
		t.Errorf("the cache returns %q, want %q", got, image)
	}
	if got := newCache(order{architecture: 120, size: 4}, "kez").read(); got != nil {
		t.Errorf("with another key it returns %q, want nothing", got)
	}
	sound, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := [][]byte{nil, sound[:10], sound[:32], sound[:len(sound)-1], append(sound[:len(sound):len(sound)], 0)}
	for i := range sound {
		one := []byte(string(sound))
		one[i] ^= 1
		damaged = append(damaged, one)
	}
	for i, text := range damaged {
		if err := os.WriteFile(c.path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := c.read(); got != nil {
			t.Errorf("damage %d: it returns %q, want nothing", i, got)
		}
	}
}

// TestCache_SharedFolderIsNotUsed opens the folder to others, and takes away the user's home.
func TestCache_SharedFolderIsNotUsed(t *testing.T) {
	fixture.Long(t)
	c := compiler(t, "-DMAJOR=13", "-DMINOR=0")
	folder := with(t, c.Path)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	image, from := compiled(t, 4)
	if len(image) == 0 || !strings.Contains(from, "but not cached (the user's folder") {
		t.Errorf("%q and %d bytes", from, len(image))
	}
	if files, _ := filepath.Glob(folder + "/*"); len(files) > 0 {
		t.Errorf("the folder has %v", files)
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if _, from := compiled(t, 4); !strings.Contains(from, "but not cached") {
		t.Errorf("without a home: %q", from)
	}
}

// TestKernels_RealCompilersMakeMachineCode compiles with the NVRTC that PTYCHO_NVRTC names, for the newest GPUs.
func TestKernels_RealCompilersMakeMachineCode(t *testing.T) {
	fixture.NeedsAll(t)
	library := os.Getenv(Variable)
	c, err := Open(library)
	if library == "" || err != nil || !newer(c.Major, c.Minor) {
		t.Skipf("%s does not name an NVRTC that is newer than that of the PTX", Variable)
	}
	with(t, library)
	for _, major := range []int{10, 12} {
		for _, size := range []int{4, 8} {
			image, from, err := Kernels(context.Background(), major, 0, size)
			if err != nil || !strings.Contains(string(image), ".text.conv_weight\x00") {
				t.Errorf("compute capability %d.0, %d bytes: %q and %d bytes of machine code, %v", major, size, from, len(image), err)
			}
			t.Logf("compute capability %d.0, %d bytes of an element: %s, %d bytes of machine code", major, size, from, len(image))
		}
	}
}
