package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

func schema(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// document decodes a value as a reader of the JSON would.
func document(t *testing.T, text []byte) map[string]any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

func checked(t *testing.T, b backend.Backend, o conformance.Options) *conformance.Report {
	t.Helper()
	r, err := conformance.Check(context.Background(), inProcess("subject", b, 0), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var speaking *conformance.Report // of levelZero

// levelZero returns the report of the oracle on level 0, computed once. Do not change it.
func levelZero(t *testing.T) *conformance.Report {
	t.Helper()
	if speaking == nil {
		speaking = checked(t, oracle.New(), conformance.Options{Level: conformance.Speaks})
	}
	return speaking
}

func inJSON(t *testing.T, r *conformance.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.JSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mute rejects every open, so that cases fail.
type mute struct{ backend.Backend }

func (mute) Open(context.Context, backend.OpenOptions) (backend.Session, error) {
	return nil, backend.Errorf(backend.Internal, "open", "no")
}

// threeEndings returns a report with a passed, a failed, a skipped and an excluded case.
func threeEndings(t *testing.T) *conformance.Report {
	t.Helper()
	r := checked(t, modest{mute{gorgonia.New()}}, conformance.Options{Level: conformance.Computes, Run: regexp.MustCompile("^(info|evaluate|operation/(fft2|assemble))$")})
	for _, s := range []conformance.Status{conformance.Passed, conformance.Failed, conformance.Skipped, conformance.Excluded} {
		if r.Sum(s) != 1 {
			t.Fatalf("%d cases %s, want 1: %+v", r.Sum(s), s, r.Results)
		}
	}
	return r
}

func TestReport_FollowsSchema(t *testing.T) {
	s := schema(t, "report.schema.json")
	for name, r := range map[string]*conformance.Report{
		"one of each ending": threeEndings(t),
		"oracle, level 0":    levelZero(t),
		"oracle, compared":   checked(t, oracle.New(), conformance.Options{Level: conformance.Learns, Run: regexp.MustCompile("^(operation/conv2d|train/sgd/1)$")}),
		"no case at all":     checked(t, oracle.New(), conformance.Options{Run: regexp.MustCompile("^$")}),
	} {
		if err := s.Validate(document(t, inJSON(t, r))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchema_CoversEveryField removes, and adds, one field at a time in every object.
func TestSchema_CoversEveryField(t *testing.T) {
	parity, err := json.Marshal(conformance.ParityReport{Backends: []string{"a", "b"}, DType: "float32", Within: true,
		Cells: []conformance.Cell{{Quantity: "patches", A: "a", B: "b", Difference: 1e-7, Limit: 1e-5, Within: true}}})
	if err != nil {
		t.Fatal(err)
	}
	compared := checked(t, oracle.New(), conformance.Options{Level: conformance.Computes, Run: regexp.MustCompile("^operation/relu$")})
	for file, text := range map[string][]byte{"report.schema.json": inJSON(t, compared), "parity.schema.json": parity} {
		s, doc := schema(t, file), document(t, text)
		if err := s.Validate(doc); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		eachObject(doc, file, func(path string, o map[string]any) {
			for name, v := range maps.Clone(o) {
				delete(o, name)
				if s.Validate(doc) == nil {
					t.Errorf("%s.%s may be missing", path, name)
				}
				o[name] = v
			}
			o["another"] = true
			if s.Validate(doc) == nil {
				t.Errorf("%s may have any other field", path)
			}
			delete(o, "another")
		})
	}
}

func eachObject(v any, path string, visit func(path string, o map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(path, v)
		for name, child := range v {
			eachObject(child, path+"."+name, visit)
		}
	case []any:
		for _, child := range v {
			eachObject(child, path+"[]", visit)
		}
	}
}

// TestSchema_RejectsHiddenSkips changes a true report in each way that would hide a case that did not pass.
func TestSchema_RejectsHiddenSkips(t *testing.T) {
	s, honest := schema(t, "report.schema.json"), string(inJSON(t, threeEndings(t)))
	full := string(inJSON(t, levelZero(t)))
	for name, c := range map[string]struct{ text, old, new string }{
		"only the status is changed":           {honest, `"status": "skipped"`, `"status": "passed"`},
		"only a failure is changed":            {honest, `"status": "failed"`, `"status": "passed"`},
		"another word for skipped":             {honest, `"status": "skipped"`, `"status": "ok"`},
		"a partial run reaches a level":        {honest, `"reached": -1`, `"reached": 0`},
		"a level without a case is reached":    {full, `"reached": 0`, `"reached": 1`},
		"a level with a skipped case":          {full, `"skipped": 0`, `"skipped": 1`},
		"a level with a failed case":           {full, `"failed": 0`, `"failed": 1`},
		"a reached level of an incomplete run": {full, `"complete": true`, `"complete": false`},
	} {
		changed := strings.Replace(c.text, c.old, c.new, 1)
		if changed == c.text {
			t.Errorf("%s: %s is missing in the report", name, c.old)
		}
		if s.Validate(document(t, []byte(changed))) == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}
