// Package nvrtc compiles CUDA C to PTX with NVIDIA's run-time compiler, which needs neither a GPU nor a toolkit.
package nvrtc

import (
	"fmt"
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

// Compile compiles the source of the given name for virtual GPUs of an architecture such as compute_70. headers are the files
// that it may include.
func (c *Compiler) Compile(name, source string, headers map[string]string, options ...string) ([]byte, error) {
	var program uintptr
	var kept [][]byte
	text := func(s string) *byte {
		b := append([]byte(s), 0)
		kept = append(kept, b)
		return &b[0]
	}
	names, texts := []*byte{}, []*byte{}
	for n, t := range headers {
		names, texts = append(names, text(n)), append(texts, text(t))
	}
	arguments := []*byte{}
	for _, o := range options {
		arguments = append(arguments, text(o))
	}
	if len(names) == 0 || len(arguments) == 0 {
		return nil, fmt.Errorf("compiling %s needs headers and options", name)
	}
	if err := c.call("nvrtcCreateProgram", uintptr(unsafe.Pointer(&program)), uintptr(unsafe.Pointer(text(source))), uintptr(unsafe.Pointer(text(name))),
		uintptr(len(names)), uintptr(unsafe.Pointer(&texts[0])), uintptr(unsafe.Pointer(&names[0]))); err != nil {
		return nil, err
	}
	failed := c.call("nvrtcCompileProgram", program, uintptr(len(arguments)), uintptr(unsafe.Pointer(&arguments[0])))
	_ = kept
	if failed != nil {
		log, _ := c.read("nvrtcGetProgramLog", program) // the code is the error
		return nil, fmt.Errorf("%w: %s", failed, log)
	}
	return c.read("nvrtcGetPTX", program)
}

// read returns a text of the program: its log or its PTX.
func (c *Compiler) read(what string, program uintptr) ([]byte, error) {
	var size uint64
	if err := c.call(what+"Size", program, uintptr(unsafe.Pointer(&size))); err != nil || size == 0 {
		return nil, err
	}
	out := make([]byte, size)
	if err := c.call(what, program, uintptr(unsafe.Pointer(&out[0]))); err != nil {
		return nil, err
	}
	return out[:size-1], nil // without the zero byte
}
