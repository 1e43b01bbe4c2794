package conformance_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// mutated lists the files whose code is changed at random, with what a message about each must contain.
var mutated = []struct{ file, says string }{
	{kernelFiles + "complex.go", "abs2|real|imag|polar|complex|phase|conj|angle"},
	{kernelFiles + "conv.go", "conv"},
	{kernelFiles + "conv_gradweight.go", "conv"},
	{kernelFiles + "conv_layout.go", "conv"},
	{kernelFiles + "elementwise.go", "operation/"},
	{kernelFiles + "env.go", "operation/|bits/"},
	{kernelFiles + "farfield.go", "fft2|illuminate|merge_weight|back_project|far_field|diffract|intensity|probe"},
	{kernelFiles + "fourier.go", "fft2|far_field|diffract|back_project"},
	{kernelFiles + "group.go", "assemble|extract|translate|merge"},
	{kernelFiles + "interpolate.go", "assemble|extract|translate|merge|resample|upsample"},
	{kernelFiles + "losses.go", "loss|nll|mae|mean_sum|deviance"},
	{kernelFiles + "network.go", "pool|mean|dense|planes|norm|upsample|scale"},
	{kernelFiles + "structure.go", "slice|mask|gather|crop|concat|pad|reshape"},
	{engine + "executor.go", "operation/|network/|again/|evaluate"},
	{engine + "host.go", "step|gradient|moving average|micro-batches|train|clip|weights"},
	{engine + "inspect.go", "[Gg]radient|Forward"},
	{engine + "lower.go", "operation/|gradient|capabilities|refuses/"},
	{engine + "machine.go", "weight|loss|gradient|batch|evaluat|index"},
	{engine + "plan.go", "operation/|network/|again/|evaluate"},
	{engine + "predict.go", "[Ee]valuat|[Rr]econstruct|moving average|sum"},
	{engine + "session.go", "params|program|stop|session|device|open"},
	{engine + "state.go", "state|slot|step count"},
	{engine + "train.go", "step|gradient|moving average|micro-batches|train|clip"},
	{"core/optim/optim.go", "train/|step|clip|moment"},
	{"core/optim/coefficients.go", "train/|step|adam"},
	{"core/physics/shift.go", "translate|assemble|extract|merge"},
	{"core/physics/group.go", "translate|assemble|extract|merge"},
	{feeding + "convert.go", "file|type|uint"},
	{feeding + "feed.go", "bind|dataset|file|shape|array|input|batch"},
	{feeding + "gather.go", "evaluat|row|index|extra|batch|pattern"},
	{feeding + "layout.go", "file|strides|offset|layout"},
	{feeding + "loss.go", "sum|loss|weight|scalar"},
	{feeding + "prefetch.go", "batch|extra|input|feed|workers"},
	{feeding + "session.go", "dataset|stop|Stop|cancel|emit"},
	{feeding + "workers.go", "workers|feed|batch"},
	{"sdk/wire/arrays.go", "array|state|tensor|value|dataset"},
	{"sdk/wire/dataset.go", "dataset|file|array|index|bind"},
	{"sdk/wire/errors.go", "kind|error"},
	{"sdk/wire/events.go", "event|progress"},
	{"sdk/wire/plans.go", "plan|step|rate|clip|optimiser|batch|weight|train|evaluat"},
	{"sdk/wire/server.go", "info|device|open|session|capabilit"},
	{"sdk/wire/server_session.go", "session|state|step|stop|cancel|emit|evaluat|reconstruct|gradient"},
}

// candidates lists generated mutants in a fixed random order, no two of a function next to each other, without those that a mutant made
// by hand already has. Some do not compile.
func candidates(t *testing.T) []Mutant {
	t.Helper()
	var byFile [][]Mutant
	rng := rand.New(rand.NewPCG(1, 2))
	for _, of := range mutated {
		path := filepath.Join("..", of.file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		list, err := mutations(of.file, string(text))
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			list[i].Says = of.says
		}
		rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		byFile = append(byFile, list)
	}
	var out []Mutant
	for more := true; more; { // a mutant of each file in turn
		more = false
		for i, list := range byFile {
			if len(list) > 0 {
				out, byFile[i], more = append(out, list[0]), list[1:], true
			}
		}
	}
	return out
}

// swaps are the operators that are mistaken for one another.
var swaps = map[token.Token]token.Token{token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL,
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR, token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LAND: token.LOR, token.LOR: token.LAND, token.ADD_ASSIGN: token.ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.MUL_ASSIGN: token.ASSIGN}

// mutations returns the single changes of a file: an operator, a number, a condition, a sign or a statement.
func mutations(file, text string) ([]Mutant, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out []Mutant
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		m := mutator{set: set, text: text, file: file, function: f.Name.Name}
		ast.Inspect(f.Body, m.visit)
		out = append(out, m.out...)
	}
	return out, nil
}

type mutator struct {
	set            *token.FileSet
	text           string
	file, function string
	out            []Mutant
}

func (m *mutator) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "Errorf" || s.Sel.Name == "Sprintf") {
			return false // the words of a message
		}
	case *ast.BinaryExpr:
		if to, ok := swaps[n.Op]; ok {
			m.replace(n, m.source(n.X)+" "+to.String()+" "+m.source(n.Y))
		}
	case *ast.BasicLit:
		if n.Kind == token.INT {
			if v, err := strconv.Atoi(n.Value); err == nil {
				m.replace(n, strconv.Itoa(v+1))
			}
		}
	case *ast.UnaryExpr:
		if n.Op == token.SUB || n.Op == token.NOT {
			m.replace(n, m.source(n.X))
		}
	case *ast.AssignStmt:
		if to, ok := swaps[n.Tok]; ok && len(n.Lhs) == 1 {
			m.replace(n, m.source(n.Lhs[0])+" "+to.String()+" "+m.source(n.Rhs[0]))
		} else if n.Tok == token.ASSIGN && len(n.Lhs) == 1 {
			m.replace(n, "_ = "+m.source(n.Rhs[0]))
		}
	case *ast.ExprStmt:
		m.replace(n, "{}")
	case *ast.DeferStmt:
		return false // leaks are found by soak tests
	case *ast.IfStmt:
		if _, ok := n.Cond.(*ast.BinaryExpr); !ok {
			m.replace(n.Cond, "!("+m.source(n.Cond)+")")
		}
	}
	return true
}

func (m *mutator) source(n ast.Node) string {
	return m.text[m.set.Position(n.Pos()).Offset:m.set.Position(n.End()).Offset]
}

// replace adds a mutant, described by its line before and after.
func (m *mutator) replace(n ast.Node, with string) {
	at, old := m.set.Position(n.Pos()).Offset, m.source(n)
	short := func(s string) string {
		const most = 60
		if s = strings.Join(strings.Fields(s), " "); len(s) > most {
			s = strings.ToValidUTF8(s[:most], "") + "…"
		}
		return s
	}
	where := ""
	if p := m.set.Position(n.Pos()); strings.Count(m.text, old) > 1 {
		line, _, _ := strings.Cut(m.text[strings.LastIndex(m.text[:p.Offset], "\n")+1:], "\n")
		where = " in `" + short(line) + "`"
	}
	what := fmt.Sprintf("%s: `%s` becomes `%s`%s", m.function, short(old), short(with), where)
	for _, o := range m.out {
		if o.What == what {
			return
		}
	}
	m.out = append(m.out, Mutant{What: what, File: m.file, Old: old, New: with, At: at})
}

func TestMutations_ChangeOnePlace(t *testing.T) {
	list, err := mutations("x.go", "package x\n\nfunc f(a, b int) int {\n\tif !g(a) {\n\t\ta += b\n\t}\n\treturn a < b*2\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"if !(!g(a)) {", "if g(a) {", "a = b", "return a <= b*2", "return a < b / 2", "return a < b*3"}
	for _, w := range want {
		found := 0
		for _, m := range list {
			if strings.Contains(m.apply("package x\n\nfunc f(a, b int) int {\n\tif !g(a) {\n\t\ta += b\n\t}\n\treturn a < b*2\n}\n"), w) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d of %d mutants contain %q, want one", found, len(list), w)
		}
	}
}
