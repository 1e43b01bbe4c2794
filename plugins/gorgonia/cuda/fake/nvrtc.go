package fake

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
)

// Compiler is an NVRTC for tests.
type Compiler struct {
	Path  string
	calls string
}

var entry = regexp.MustCompile(`\.entry (\w+)\(`)

// machineCode returns what the fake driver takes for the machine code of the kernels: an ELF header and the names of their sections.
func machineCode(t testing.TB, size int) []byte {
	t.Helper()
	ptx, err := kernels.PTX(size)
	if err != nil {
		t.Fatal(err)
	}
	var names []byte
	for _, m := range entry.FindAllSubmatch(ptx, -1) {
		names = append(append(append(names, ".text."...), m[1]...), 0)
	}
	head := make([]byte, 64)
	copy(head, elf.ELFMAG)
	head[elf.EI_CLASS], head[elf.EI_DATA], head[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	for at, v := range map[int]uint16{16: uint16(elf.ET_EXEC), 18: uint16(elf.EM_CUDA), 20: 1, 52: 64, 54: 56, 58: 64} {
		binary.LittleEndian.PutUint16(head[at:], v)
	}
	binary.LittleEndian.PutUint64(head[32:], uint64(len(head)+len(names))) // where program headers would begin
	return append(head, names...)
}

// NVRTC compiles an NVRTC with options of gcc, which must define MAJOR and MINOR.
func NVRTC(t testing.TB, options ...string) *Compiler {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("the fake NVRTC needs gcc: " + err.Error())
	}
	folder := t.TempDir()
	c := &Compiler{Path: filepath.Join(folder, "libnvrtc.so.12"), calls: filepath.Join(folder, "calls")}
	source, _ := sources.ReadFile("src/nvrtc.c") // embedded: it cannot fail
	image := filepath.Join(folder, "image")
	for name, text := range map[string][]byte{"nvrtc.c": source, "image_f32": machineCode(t, 4), "image_f64": machineCode(t, 8)} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{"-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O0", `-DIMAGE="` + image + `"`, `-DCALLS="` + c.calls + `"`}, options...)
	build := exec.Command("gcc", append(args, "nvrtc.c", "-o", c.Path)...)
	build.Dir = folder
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return c
}

// Calls lists the architectures for which it compiled.
func (c *Compiler) Calls() []string {
	text, _ := os.ReadFile(c.calls) // missing before the first call
	return strings.Fields(string(text))
}
