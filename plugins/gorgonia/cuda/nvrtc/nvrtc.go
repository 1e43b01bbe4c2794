// Package nvrtc compiles CUDA C to PTX or machine code with NVIDIA's run-time compiler, which needs neither a GPU nor a toolkit. Kernels
// compiles the kernels for the architecture of one GPU, in a process of its own, and caches the result: the PTX that the program contains
// serves every GPU, but its compiler knows none above compute capability 9.0.
//
// It is a package of its own because it starts a process and writes files, and the kernels need neither.
package nvrtc

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/dynamic"
)

// Compiler is a loaded libnvrtc.
type Compiler struct {
	library      uintptr
	Major, Minor int
}

// Open loads the compiler by name or path.
func Open(name string) (*Compiler, error) {
	library, err := dynamic.Open(name)
	if err != nil {
		return nil, err
	}
	c := &Compiler{library: library}
	var major, minor int32
	if err := c.call("nvrtcVersion", uintptr(unsafe.Pointer(&major)), uintptr(unsafe.Pointer(&minor))); err != nil {
		return nil, err
	}
	c.Major, c.Minor = int(major), int(minor)
	return c, nil
}

//go:uintptrescapes
func (c *Compiler) call(name string, args ...uintptr) error {
	f, err := dynamic.Symbol(c.library, name)
	if err != nil {
		return err
	}
	if code := int32(dynamic.Call(f, args...)); code != 0 {
		return fmt.Errorf("%s returned code %d", name, code)
	}
	return nil
}

// Compile compiles the source of the given name to PTX, for virtual GPUs of an architecture such as compute_70 among the options.
// headers are the files that it may include.
func (c *Compiler) Compile(name, source string, headers map[string]string, options ...string) ([]byte, error) {
	program, err := c.compile(name, source, headers, options)
	if err != nil {
		return nil, err
	}
	out, err := c.read("nvrtcGetPTX", program)
	return out[:max(len(out)-1, 0)], err // without the zero byte
}

// Assemble compiles the source to the machine code of an architecture such as sm_90.
func (c *Compiler) Assemble(name, source string, headers map[string]string, options ...string) ([]byte, error) {
	program, err := c.compile(name, source, headers, options)
	if err != nil {
		return nil, err
	}
	return c.read("nvrtcGetCUBIN", program)
}

func (c *Compiler) compile(name, source string, headers map[string]string, options []string) (program uintptr, err error) {
	var kept [][]byte
	text := func(s string) *byte {
		b := append([]byte(s), 0)
		kept = append(kept, b)
		return &b[0]
	}
	names, texts := []*byte{}, []*byte{}
	for _, n := range slices.Sorted(maps.Keys(headers)) {
		names, texts = append(names, text(n)), append(texts, text(headers[n]))
	}
	arguments := []*byte{}
	for _, o := range options {
		arguments = append(arguments, text(o))
	}
	if len(names) == 0 || len(arguments) == 0 {
		return 0, fmt.Errorf("compiling %s needs headers and options", name)
	}
	if err := c.call("nvrtcCreateProgram", uintptr(unsafe.Pointer(&program)), uintptr(unsafe.Pointer(text(source))), uintptr(unsafe.Pointer(text(name))),
		uintptr(len(names)), uintptr(unsafe.Pointer(&texts[0])), uintptr(unsafe.Pointer(&names[0]))); err != nil {
		return 0, err
	}
	failed := c.call("nvrtcCompileProgram", program, uintptr(len(arguments)), uintptr(unsafe.Pointer(&arguments[0])))
	_ = kept
	if failed != nil {
		log, _ := c.read("nvrtcGetProgramLog", program) // the code is the error
		return 0, fmt.Errorf("%w: %s", failed, bytes.TrimRight(log, "\x00"))
	}
	return program, nil
}

// most is more than a log or compiled kernels have.
const most = 256 << 20

// read returns the program's log, PTX or machine code. Texts end with a zero byte.
func (c *Compiler) read(what string, program uintptr) ([]byte, error) {
	var size uint64
	if err := c.call(what+"Size", program, uintptr(unsafe.Pointer(&size))); err != nil || size == 0 {
		return nil, err
	}
	if size > most {
		return nil, fmt.Errorf("%sSize returned %d bytes", what, size)
	}
	out := make([]byte, size)
	if err := c.call(what, program, uintptr(unsafe.Pointer(&out[0]))); err != nil {
		return nil, err
	}
	return out, nil
}
