package library

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

// packed writes wheels of two packages into a folder, in place of NVIDIA's, and returns the pin that they belong to.
func packed(t *testing.T) (p Pin, folder string) {
	t.Helper()
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	folder = t.TempDir()
	before := nvidia
	t.Cleanup(func() { nvidia = before })
	nvidia = map[int][]Package{13: {
		wheelIn(t, folder, "nvidia-cuda-nvcc", "13.0.88", map[string]string{
			"nvidia/cu13/bin/ptxas": "a program", "nvidia/cu13/include/x.h": "a header", "nvidia/cu13/lib/libx.a": "static", "nvidia_cuda_nvcc-13.0.88.dist-info/licenses/License.txt": "terms"}),
		wheelIn(t, folder, "nvidia-cudnn-cu13", "9.15", map[string]string{"nvidia/cudnn/lib/libcudnn.so.9": strings.Repeat("a library\n", 1000)}),
	}}
	return Pin{Device: CUDA, CUDA: 13, Package: "package", Version: "1.2", Member: "jax_plugins/xla_cuda13/xla_cuda_plugin.so"}, folder
}

func wheelIn(t *testing.T, folder, name, version string, files map[string]string) Package {
	t.Helper()
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	var size int64
	for path, content := range files {
		f, err := w.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		size += int64(len(content))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, strings.ReplaceAll(name, "-", "_")+"-"+version+"-py3-none-any.whl")
	if err := os.WriteFile(path, z.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return Package{name, version, sum(z.Bytes()), int64(z.Len()), size}
}

func already(all []Installed) (n int) {
	for _, i := range all {
		if i.Already {
			n++
		}
	}
	return n
}

func TestSetupNVIDIA_UnpacksThePipLayoutOnce(t *testing.T) {
	p, folder := packed(t)
	all, err := SetupNVIDIA(context.Background(), p, folder, io.Discard)
	if err != nil || len(all) != 2 || already(all) != 0 {
		t.Fatalf("%+v, error %v", all, err)
	}
	dir, _ := p.folder()
	st, err := os.Stat(filepath.Join(dir, "nvidia/cu13/bin/ptxas"))
	if err != nil || st.Mode()&0o111 != 0o111 {
		t.Errorf("ptxas is not a program: %v, error %v", st, err)
	}
	for path, there := range map[string]bool{"nvidia/cudnn/lib/libcudnn.so.9": true, "nvidia/cu13/include": false, "nvidia/cu13/lib/libx.a": false,
		"nvidia_cuda_nvcc-13.0.88.dist-info/licenses/License.txt": true} {
		if _, err := os.Stat(filepath.Join(dir, path)); (err == nil) != there {
			t.Errorf("%s: there %v, want %v", path, err == nil, there)
		}
	}
	if all, err = SetupNVIDIA(context.Background(), p, "no such folder", io.Discard); err != nil || already(all) != 2 {
		t.Errorf("installed packages were installed again: %+v, error %v", all, err)
	}
}

func TestSetupNVIDIA_NamesTheWheelsThatAreMissing(t *testing.T) {
	p, folder := packed(t)
	if err := os.Remove(filepath.Join(folder, "nvidia_cudnn_cu13-9.15-py3-none-any.whl")); err != nil {
		t.Fatal(err)
	}
	_, err := SetupNVIDIA(context.Background(), p, folder, io.Discard)
	refused(t, err, backend.NotFound, folder, "pip download --no-deps --dest FOLDER nvidia-cudnn-cu13==9.15", "--no-nvidia")
	dir, _ := p.folder()
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was unpacked")
	}
}

func TestSetupNVIDIA_RefusesAnotherWheel(t *testing.T) {
	p, folder := packed(t)
	wheelIn(t, folder, "nvidia-cudnn-cu13", "9.15", map[string]string{"nvidia/cudnn/lib/libcudnn.so.9": "another"})
	_, err := SetupNVIDIA(context.Background(), p, folder, io.Discard)
	refused(t, err, backend.Invalid, "nvidia_cudnn_cu13-9.15", "SHA-256")
}

func TestSetupNVIDIA_RefusesAWheelThatLeadsOutOfTheFolder(t *testing.T) {
	p, folder := packed(t)
	nvidia[13] = []Package{wheelIn(t, folder, "nvidia-x", "1", map[string]string{"../../out": "x"})}
	_, err := SetupNVIDIA(context.Background(), p, folder, io.Discard)
	refused(t, err, backend.Invalid, "leads out")
}

func TestSetupNVIDIA_RefusesAFullDiskBeforeItBegins(t *testing.T) {
	p, folder := packed(t)
	space = func(string) (int64, bool) { return 100, true }
	defer func() { space = freeSpace }()
	_, err := SetupNVIDIA(context.Background(), p, folder, io.Discard)
	refused(t, err, backend.Exhausted, "free", "--no-nvidia")
}

// stopping cancels its context when a line is written to it.
type stopping struct {
	at   string
	stop func()
}

func (s stopping) Write(b []byte) (int, error) {
	if strings.Contains(string(b), s.at) {
		s.stop()
	}
	return len(b), nil
}

func TestSetupNVIDIA_GoesOnWhereItWasInterrupted(t *testing.T) {
	p, folder := packed(t)
	ctx, stop := context.WithCancel(context.Background())
	if _, err := SetupNVIDIA(ctx, p, folder, stopping{"2 of 2", stop}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the context's", err)
	}
	dir, _ := p.folder()
	left, _ := filepath.Glob(filepath.Join(dir, "nvidia/cudnn/lib/*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, "nvidia/cudnn/lib/.*"))
	if len(left)+len(hidden) > 0 {
		t.Errorf("a partial library remains: %v %v", left, hidden)
	}
	all, err := SetupNVIDIA(context.Background(), p, folder, io.Discard)
	if err != nil || already(all) != 1 || !all[0].Already {
		t.Errorf("%+v, error %v; want only the second package installed", all, err)
	}
}

// Loading a truncated library ends the process.
func TestWhole_FindsDamageAndSetupRepairsIt(t *testing.T) {
	p, folder := packed(t)
	if err := p.whole(); err != nil {
		t.Errorf("packages that were never installed are required: %v", err)
	}
	if _, err := SetupNVIDIA(context.Background(), p, folder, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := p.whole(); err != nil {
		t.Error(err)
	}
	dir, _ := p.folder()
	if err := os.Truncate(filepath.Join(dir, "nvidia/cudnn/lib/libcudnn.so.9"), 100); err != nil {
		t.Fatal(err)
	}
	refused(t, p.whole(), backend.Invalid, "nvidia-cudnn-cu13", "has 100 bytes, want 10000", "ptycho plugins setup xla --device cuda --cuda 13")
	if _, err := SetupNVIDIA(context.Background(), p, folder, io.Discard); err != nil || p.whole() != nil {
		t.Errorf("setup did not repair it: %v, %v", err, p.whole())
	}
}

// pip is a script in place of Python's pip that copies wheels from a folder.
const pip = `#!/bin/sh
[ "$3" = --version ] && exit 0
while [ $# -gt 1 ]; do [ "$1" = --dest ] && dest=$2; shift; done
echo "$TMPDIR" > "$WHEELS/tmpdir"
name=$(echo "${1%%==*}" | tr - _)-${1##*==}
cp "$WHEELS/$name"-*.whl "$dest"
`

func TestSetupNVIDIA_FetchesWithPipAndLeavesNothingBehind(t *testing.T) {
	p, folder := packed(t)
	programs := t.TempDir()
	if err := os.WriteFile(filepath.Join(programs, "python3"), []byte(pip), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", programs+":/usr/bin:/bin")
	t.Setenv("WHEELS", folder)
	var log strings.Builder
	all, err := SetupNVIDIA(context.Background(), p, "", &log)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, error %v: %s", all, err, log.String())
	}
	for _, want := range []string{"2 of NVIDIA's 2 packages for CUDA 13: ", "to download", "--no-nvidia", "2 of 2: nvidia-cudnn-cu13 9.15"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
	dir, _ := p.folder()
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "ptycho-scratch-*"))
	if len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
	if used, _ := os.ReadFile(filepath.Join(folder, "tmpdir")); !strings.HasPrefix(string(used), filepath.Dir(dir)) {
		t.Errorf("pip had TMPDIR %q, want setup's own folder", used)
	}
}

func TestInstalled_TakesTheNewestThatTheDriverRuns(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	first, err := For(CUDA)
	if err != nil {
		t.Skip(err)
	}
	install := func(version int) {
		p, err := ForCUDA(version)
		if err != nil {
			t.Fatal(err)
		}
		path, _ := p.Path()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(cuda, want int) {
		t.Helper()
		if p, _ := installed(first, "none", cuda); p.CUDA != want {
			t.Errorf("a driver for CUDA %d is given CUDA %d, want %d", cuda, p.CUDA, want)
		}
	}
	expect(13, 13) // none is installed: the newest is reported as missing
	install(12)
	expect(13, 12)
	install(13)
	expect(13, 13)
	expect(12, 12)
	expect(0, 13)
	expect(11, 13)
}

// The library looks for NVIDIA's packages two folders above its own.
func TestPath_LiesWhereTheLibraryLooksForNVIDIA(t *testing.T) {
	for _, v := range []int{12, 13} {
		p, err := ForCUDA(v)
		if err != nil {
			t.Skip(err)
		}
		path, _ := p.Path()
		dir, _ := p.folder()
		if got := filepath.Join(filepath.Dir(path), "..", "..", "nvidia"); got != filepath.Join(dir, "nvidia") {
			t.Errorf("CUDA %d looks in %s, the packages are in %s", v, got, dir)
		}
	}
}
