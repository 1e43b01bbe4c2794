package library

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/fixture"
)

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// wheel writes a wheel with one library and returns its pin. Libraries are installed in a folder of the test.
func wheel(t *testing.T) (Pin, string) {
	t.Helper()
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	content := bytes.Repeat([]byte("a library\n"), 1000)
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	f, err := w.Create("folder/xla_cpu.so")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "file.whl")
	if err := os.WriteFile(path, z.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return Pin{Device: CPU, Package: "package", Version: "1.2", Wheel: sum(z.Bytes()), Member: "folder/xla_cpu.so", Size: int64(len(content)), SHA256: sum(content)}, path
}

func setup(t *testing.T, p Pin, wheel string) Result {
	t.Helper()
	r, err := Setup(context.Background(), p, wheel, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var refused = fixture.Refused

func TestSetup_InstallsOnce(t *testing.T) {
	p, wheel := wheel(t)
	if r := setup(t, p, wheel); r.Already || filepath.Base(r.Path) != "xla_cpu.so" || p.verify(r.Path) != nil {
		t.Errorf("%+v, verified: %v", r, p.verify(r.Path))
	}
	if r := setup(t, p, "no such wheel"); !r.Already {
		t.Error("a complete library was installed again")
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("XDG_DATA_HOME"), "ptycho", "xla", "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("%v remain, want only the library's folder", left)
	}
}

func TestSetup_RefusesAnotherWheel(t *testing.T) {
	p, wheel := wheel(t)
	p.Wheel = strings.Repeat("0", 64)
	_, err := Setup(context.Background(), p, wheel, io.Discard)
	refused(t, err, backend.Invalid, wheel, "SHA-256", p.Wheel)
}

func TestSetup_RefusesAMemberThatIsNotPinned(t *testing.T) {
	for name, change := range map[string]func(*Pin){
		"another digest":  func(p *Pin) { p.SHA256 = strings.Repeat("1", 64) },
		"another size":    func(p *Pin) { p.Size-- },
		"missing library": func(p *Pin) { p.Member = "folder/other_cpu.so" },
	} {
		t.Run(name, func(t *testing.T) {
			p, wheel := wheel(t)
			change(&p)
			_, err := Setup(context.Background(), p, wheel, io.Discard)
			refused(t, err, backend.Invalid, wheel)
			dir, _ := p.folder()
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s was left behind", dir)
			}
		})
	}
}

func TestSetup_StopsWithItsContext(t *testing.T) {
	p, wheel := wheel(t)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Setup(ctx, p, wheel, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	left, _ := filepath.Glob(filepath.Join(os.Getenv("XDG_DATA_HOME"), "ptycho", "xla", "ptycho-scratch-*"))
	if len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
}

func TestSetup_ReplacesADamagedLibrary(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"cut short":   func(b []byte) []byte { return b[:len(b)/2] },
		"overwritten": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"empty":       func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			p, wheel := wheel(t)
			r := setup(t, p, wheel)
			b, err := os.ReadFile(r.Path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(r.Path, damage(b), 0o644); err != nil {
				t.Fatal(err)
			}
			later := time.Now().Add(time.Hour)
			if err := os.Chtimes(r.Path, later, later); err != nil {
				t.Fatal(err)
			}
			refused(t, p.verify(r.Path), backend.Invalid, r.Path, "damaged", "ptycho plugins setup xla")
			if r := setup(t, p, wheel); r.Already || p.verify(r.Path) != nil {
				t.Error("setup did not replace it")
			}
		})
	}
}

// The digest of 260 MB takes a second. It is remembered only as long as the file is the same.
func TestVerify_RemembersTheDigestOfTheSameFile(t *testing.T) {
	p, wheel := wheel(t)
	r := setup(t, p, wheel)
	st, err := os.Stat(r.Path)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := readRecord(filepath.Join(filepath.Dir(r.Path), recordName))
	if err != nil || rec.Seen != stampOf(r.Path, st) || rec.Version != "1.2" || rec.SHA256 != p.SHA256 {
		t.Fatalf("record %+v, error %v", rec, err)
	}
	other := p
	other.SHA256 = strings.Repeat("2", 64)
	refused(t, other.verify(r.Path), backend.Invalid, "SHA-256")
}

func TestFind_NamesTheCommandThatInstalls(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv(Variable(CPU), "")
	if _, err := For(CPU); err != nil {
		t.Skip(err)
	}
	_, err := Find(CPU, 0, nil)
	refused(t, err, backend.NotFound, "xla-cpu-pjrt", "ptycho plugins setup xla")
}

func TestFind_ChecksAChosenLibraryBeforeLoading(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	junk := filepath.Join(dir, "junk_cpu.so")
	if err := os.WriteFile(junk, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, "foreign_cpu.so")
	if err := os.WriteFile(foreign, header(0xF3), 0o644); err != nil { // RISC-V
		t.Fatal(err)
	}
	x86 := filepath.Join(dir, "own_cpu.so")
	if err := os.WriteFile(x86, header(0x3E), 0o644); err != nil { // x86-64
		t.Fatal(err)
	}
	arm := filepath.Join(dir, "arm_cpu.so")
	if err := os.WriteFile(arm, header(0xB7), 0o644); err != nil {
		t.Fatal(err)
	}
	never := func(string) error { t.Error("it was loaded"); return nil }
	for path, c := range map[string]struct {
		kind  backend.Kind
		words string
	}{
		filepath.Join(dir, "none.so"): {backend.NotFound, "does not exist"},
		dir:                           {backend.Invalid, "not a regular file"},
		"relative.so":                 {backend.Invalid, "absolute"},
		junk:                          {backend.Invalid, "not a shared library"},
		foreign:                       {backend.Invalid, "a library for EM_RISCV"},
	} {
		t.Setenv(Variable(CPU), path)
		_, err := Find(CPU, 0, never)
		refused(t, err, c.kind, Variable(CPU), path, c.words)
	}
	native := x86
	if checkMachine(x86) != nil {
		native = arm
	}
	if checkMachine(native) != nil {
		t.Skip("this machine is neither x86-64 nor Arm")
	}
	t.Setenv(Variable(CPU), native)
	_, err := Find(CPU, 0, func(string) error { return errors.New("signal: bus error") })
	refused(t, err, backend.Invalid, "bus error")
	tries := 0
	for range 2 {
		if f, err := Find(CPU, 0, func(string) error { tries++; return nil }); err != nil || f.Path != native {
			t.Errorf("%+v, %v", f, err)
		}
	}
	if tries != 1 {
		t.Errorf("the same library was tried %d times", tries)
	}
}

// header returns the start of a 64-bit ELF library for a machine, without sections.
func header(machine byte) []byte {
	b := make([]byte, 64)
	copy(b, "\x7fELF\x02\x01\x01")
	b[16], b[18], b[20], b[52], b[54], b[58] = 3, machine, 1, 64, 56, 64
	return b
}

func TestCheckName_RefusesAnotherDevice(t *testing.T) {
	refused(t, checkName(CPU, "/opt/cuda/xla_cpu.so"), backend.Invalid, "cuda")
	refused(t, checkName(CUDA, "/opt/plugin.so"), backend.Invalid, "cuda")
	if err := errors.Join(checkName(CPU, "/opt/xla_cpu.so"), checkName(CUDA, "/opt/xla_cuda.so")); err != nil {
		t.Error(err)
	}
}
