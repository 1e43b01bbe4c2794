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

	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/nvrtc"
)

//go:embed *.cu *.h
var sources embed.FS

//go:embed f32.ptx.gz f64.ptx.gz
var compiled embed.FS

// Compiler is the version of NVRTC that makes the PTX. Its PTX ISA 8.0 is understood by the drivers of CUDA 12.0 and later.
const Compiler = "12.0"

// architecture is the oldest GPU that the kernels support.
const architecture = "compute_70"

// file returns the name of the PTX for elements of size bytes.
func file(size int) string { return fmt.Sprintf("f%d.ptx.gz", 8*size) }

// PTX returns the kernels for elements of size bytes, with a zero byte at the end.
func PTX(size int) ([]byte, error) {
	packed, err := compiled.ReadFile(file(size))
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

// module is the source that includes all others.
const module = "all.cu"

func options(architecture string, size int) []string {
	define := map[int]string{4: "-DSINGLE", 8: "-DDOUBLE"}[size]
	return []string{"--gpu-architecture=" + architecture, "--std=c++11", "-default-device", define}
}

// Assemble compiles the sources for elements of size bytes to the machine code of an architecture, 10 times the compute capability.
func Assemble(c *nvrtc.Compiler, architecture, size int) ([]byte, error) {
	all := Sources()
	return c.Assemble(module, all[module], all, options(fmt.Sprintf("sm_%d", architecture), size)...)
}

// Compile compiles the sources for both precisions. It returns the files to embed.
func Compile(c *nvrtc.Compiler) (map[string][]byte, error) {
	if v := fmt.Sprintf("%d.%d", c.Major, c.Minor); v != Compiler {
		return nil, fmt.Errorf("NVRTC is version %s, but the committed PTX is made with %s", v, Compiler)
	}
	out := map[string][]byte{}
	all := Sources()
	for _, size := range []int{4, 8} {
		text, err := c.Compile(module, all[module], all, options(architecture, size)...)
		if err != nil {
			return nil, err
		}
		var packed bytes.Buffer
		w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		io.WriteString(w, head()+numbered.ReplaceAllString(strings.TrimLeft(string(text), "\n"), "")) // a buffer never fails
		w.Close()
		out[file(size)] = packed.Bytes()
	}
	return out, nil
}
