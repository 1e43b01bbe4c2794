package program

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func nan() float64 { return math.NaN() }

func TestDecode_InvertsEncode(t *testing.T) {
	programs := []*Program{small()}
	for seed := range uint64(30) {
		programs = append(programs, Random(seed))
	}
	for _, p := range programs {
		b, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		if !reflect.DeepEqual(got, p) {
			t.Errorf("%s was decoded as\n%s", p.Name, got.Text())
		}
	}
}

func TestDecode_RejectsHostileText(t *testing.T) {
	valid, err := small().Encode()
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) string {
		if !strings.Contains(string(valid), old) {
			t.Fatalf("the wire form has no %s", old)
		}
		return strings.Replace(string(valid), old, new, 1)
	}
	for name, text := range map[string]string{
		"nothing":                       "",
		"null":                          "null",
		"an empty object":               "{}",
		"an array":                      "[]",
		"cut short":                     string(valid[:len(valid)/2]),
		"a second value":                string(valid) + "{}",
		"a shape of text":               swap(`"shape":[3,4,4]`, `"shape":["3",4,4]`),
		"a huge extent":                 swap(`"shape":[3,4,4]`, `"shape":[300000000,4,4]`),
		"an extent that overflows":      swap(`"shape":[3,4,4]`, `"shape":[99999999999999999999,4,4]`),
		"a product that overflows":      swap(`"shape":[4,4]`, `"shape":[16000000,16000000,16000000]`),
		"a batch of many groups":        swap(`"shape":[-1,2,4,4]`, `"shape":[-9223372036854775808,2,4,4]`),
		"a deep nest":                   strings.Repeat(`{"ops":[`, 20000),
		"a number out of range":         swap(`"shift":0.5`, `"shift":1e999`),
		"an attribute above its range":  swap(`"shift":0.5`, `"shift":1e300`),
		"a million reads of one value":  swap(`"in":["objects"]`, `"in":["objects"`+strings.Repeat(`,"objects"`, 100_000)+`]`),
		"a negative group":              swap(`"group":2`, `"group":-2`),
		"a pattern of a negative width": swap(`"n":4`, `"n":-4`),
	} {
		if p, err := Decode([]byte(text)); err == nil {
			t.Errorf("%s: was accepted as\n%s", name, p.Text())
		} else if !strings.HasPrefix(err.Error(), "program") {
			t.Errorf("%s: the error %v does not name the program", name, err)
		}
	}
}

// FuzzDecode checks that every program which Decode accepts can be described, listed and encoded again.
func FuzzDecode(f *testing.F) {
	b, _ := small().Encode() // random programs are too long for fast minimisation
	f.Add(b)
	f.Add([]byte(`{"n":2,"group":1,"ops":[{"op":"reshape","out":"y","in":["x"],"shape":[0]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(b)
		if err != nil {
			return
		}
		types, err := p.Types()
		if err != nil {
			t.Fatalf("a decoded program is invalid: %v", err)
		}
		for name, v := range types {
			for _, d := range v.Shape.At(3) {
				if d < 1 {
					t.Fatalf("%s has the shape %v", name, v.Shape)
				}
			}
		}
		if p.Text() == "" || p.Parameters() < 0 {
			t.Fatalf("%d parameters in\n%s", p.Parameters(), p.Text())
		}
		again, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("its own wire form is rejected: %v", err)
		}
	})
}

// TestText_MatchesFile compares the text form of a program with a file. PTYCHO_UPDATE=1 rewrites the file.
func TestText_MatchesFile(t *testing.T) {
	got, path := small().Text(), filepath.Join("testdata", "small.txt")
	if os.Getenv("PTYCHO_UPDATE") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}
}

func TestText_ShowsInvalid(t *testing.T) {
	p := small()
	p.Ops[1].Kind = "cube"
	if s := p.Text(); !strings.Contains(s, "invalid: program small: operation 1 (square): cube: unknown operation") {
		t.Errorf("the text does not show the error:\n%s", s)
	}
}
