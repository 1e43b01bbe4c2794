package program

import (
	"bytes"
	"testing"
)

func TestRandom_ValidWithEveryOperation(t *testing.T) {
	count, odd := map[OpKind]int{}, 0
	for seed := range uint64(100) {
		p := Random(seed)
		types, err := p.Types()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, op := range p.Ops {
			count[op.Kind]++
			if s := types[op.Out].Shape; len(s) == 4 && s[2] != s[3] {
				odd++
			}
		}
		losses := 0
		for _, s := range p.Scalars {
			if s.Loss {
				losses++
			}
		}
		if losses == 0 || p.Parameters() == 0 {
			t.Errorf("seed %d: %d losses of %d parameters", seed, losses, p.Parameters())
		}
		if len(p.Ops) > 150 || p.Parameters() > 50_000 {
			t.Errorf("seed %d: %d operations and %d parameters are not small", seed, len(p.Ops), p.Parameters())
		}
		if p.Outputs[0].Name != Patches {
			t.Errorf("seed %d has no patches", seed)
		}
	}
	for _, k := range Kinds() {
		if count[k] < 5 {
			t.Errorf("the operation %s occurs %d times in 100 programs, want at least 5", k, count[k])
		}
	}
	if odd < 100 {
		t.Errorf("only %d values are not square", odd)
	}
}

func TestRandom_DependsOnlyOnSeed(t *testing.T) {
	encode := func(p *Program) []byte {
		b, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(encode(Random(11)), encode(Random(11))) {
		t.Error("the same seed gave another program")
	}
	if bytes.Equal(encode(Random(11)), encode(Random(12))) {
		t.Error("another seed gave the same program")
	}
}

func TestRandom_HasRequestedKinds(t *testing.T) {
	for _, k := range Kinds() {
		for seed := range uint64(20) {
			p := Random(seed, k)
			found := false
			for _, op := range p.Ops {
				found = found || op.Kind == k
			}
			if !found {
				t.Errorf("seed %d lacks %s", seed, k)
			}
		}
	}
	if _, err := Random(1, "nonsense").Types(); err != nil {
		t.Errorf("a kind that does not exist: %v", err)
	}
}
