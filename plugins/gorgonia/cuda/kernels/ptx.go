package kernels

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

//go:embed *.cu *.h
var sources embed.FS

//go:embed *.ptx.gz
var compiled embed.FS

// Version is the version of NVRTC that makes the PTX. Its PTX ISA 8.0 is understood by the drivers of CUDA 12.0 and later.
const Version = "12.0"

// architecture is the oldest GPU that the kernels support, and that of TF32.
const (
	architecture     = "compute_70"
	architectureTF32 = "compute_80"
)

// module is a file of PTX.
type module struct{ file, source, architecture, define string }

// whole is the source that includes all others but that of TF32.
const whole = "all.cu"

// modules lists all files.
var modules = []module{
	{"f32.ptx.gz", whole, architecture, single},
	{"f64.ptx.gz", whole, architecture, double},
	{"tf32.ptx.gz", "conv_tf32.cu", architectureTF32, single},
}

// Options that choose the precision.
const (
	single = "-DSINGLE"
	double = "-DDOUBLE"
)

// PTX returns the kernels for elements of size bytes, with a zero byte at the end.
func PTX(size int) ([]byte, error) { return read(fmt.Sprintf("f%d.ptx.gz", 8*size)) }

// PTXOfTF32 returns the further kernels of sessions that allow TF32, with a zero byte at the end.
func PTXOfTF32() ([]byte, error) { return read("tf32.ptx.gz") }

// KernelsOfTF32 lists them.
func KernelsOfTF32() []string { return []string{"conv_tf32", "conv_weight_tf32"} }

// read expands a file.
func read(file string) ([]byte, error) {
	packed, err := compiled.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	return append(text, 0), err
}

// Sources returns the text of every source by its name.
func Sources() map[string]string {
	out := map[string]string{}
	entries, _ := sources.ReadDir(".") // embedded: it cannot fail
	for _, e := range entries {
		text, _ := sources.ReadFile(e.Name())
		out[e.Name()] = string(text)
	}
	return out
}

// Digest identifies the sources. The PTX begins with it.
func Digest() string {
	h := sha256.New()
	all := Sources()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(h, "%s %d\n%s", name, len(all[name]), all[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// head is the first line of the PTX.
func head() string { return "// source sha256 " + Digest() + "\n" }

// numbered matches comments that number the calls of functions in an order that differs between runs of NVRTC.
var numbered = regexp.MustCompile(`(?m) // callseq \d+(, \d+)?$`)

func options(architecture, define string) []string {
	return []string{"--gpu-architecture=" + architecture, "--std=c++11", "-default-device", define}
}

// Compiler compiles CUDA C to PTX or machine code, as NVRTC does.
type Compiler interface {
	Compile(name, source string, headers map[string]string, options ...string) ([]byte, error)
	Assemble(name, source string, headers map[string]string, options ...string) ([]byte, error)
}

// Assemble compiles the sources for elements of size bytes to the machine code of an architecture, 10 times the compute capability.
func Assemble(c Compiler, architecture, size int) ([]byte, error) {
	all, define := Sources(), single
	if size == 8 {
		define = double
	}
	return c.Assemble(whole, all[whole], all, options(fmt.Sprintf("sm_%d", architecture), define)...)
}

// Compile compiles the sources with NVRTC of Version. It returns the files to embed.
func Compile(c Compiler) (map[string][]byte, error) {
	out := map[string][]byte{}
	all := Sources()
	for _, m := range modules {
		text, err := c.Compile(m.source, all[m.source], all, options(m.architecture, m.define)...)
		if err != nil {
			return nil, err
		}
		var packed bytes.Buffer
		w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		io.WriteString(w, head()+numbered.ReplaceAllString(strings.TrimLeft(string(text), "\n"), "")) // a buffer never fails
		w.Close()
		out[m.file] = packed.Bytes()
	}
	return out, nil
}
