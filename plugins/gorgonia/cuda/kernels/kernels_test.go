package kernels

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/program"
)

func TestPTX_IsMadeOfTheSources(t *testing.T) {
	for _, m := range modules {
		ptx, err := read(m.file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(ptx, []byte(head())) {
			t.Errorf("%s was made of other sources than those here: run make ptx", m.file)
		}
	}
}

var declared = regexp.MustCompile(`(?m)^(?:BLOCK_)?KERNEL\((\w+)\)`)

// TestPTX_HasEveryKernel compares the kernels of the sources with those of the PTX.
func TestPTX_HasEveryKernel(t *testing.T) {
	want := map[string][]string{whole: {"conv", "conv_few", "conv_weight", "conv_weight_few", "fourier"}}
	for name, text := range Sources() {
		source := whole
		if name == "conv_tf32.cu" {
			source = name
		}
		for _, m := range declared.FindAllStringSubmatch(text, -1) {
			if strings.HasSuffix(name, ".cu") {
				want[source] = append(want[source], m[1])
			}
		}
	}
	for _, m := range modules {
		ptx, err := read(m.file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range want[m.source] {
			if !bytes.Contains(ptx, []byte(".entry "+name+"(")) {
				t.Errorf("%s lacks the kernel %s", m.file, name)
			}
		}
	}
	if len(want[whole]) < 30 {
		t.Errorf("only %d kernels were found in the sources", len(want[whole]))
	}
	if got := want["conv_tf32.cu"]; !slices.Equal(got, KernelsOfTF32()) {
		t.Errorf("the kernels of TF32 are %v, but %v are listed", got, KernelsOfTF32())
	}
}

// TestRules_CoverEveryOperation has no rule to find for reshape, which moves nothing.
func TestRules_CoverEveryOperation(t *testing.T) {
	for _, k := range program.Kinds() {
		if _, ok := rules[k]; !ok && k != program.Reshape {
			t.Errorf("the operation %s does not have a CUDA kernel", k)
		}
	}
}

func TestFactors_MultiplyToTheLength(t *testing.T) {
	for n := 1; n <= 4096; n++ {
		product := 1
		for _, r := range factors(n) {
			product *= r
		}
		if product != n {
			t.Fatalf("the factors of %d multiply to %d", n, product)
		}
	}
}
