package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// explained are the folders in whose code no number stands without its reason: the way from the settings to a trained
// model and to an image.
var explained = []string{"core/config", "host/bench", "host/dataset", "host/evaluation", "host/gauge", "host/inference", "host/inspection", "host/model",
	"host/result", "host/simulation", "host/solution", "host/training"}

// plain are the numbers that need no reason: none, one, a half or a double, and a sign.
var plain = []float64{0, 0.5, 1, 2}

// A Literal is a number that nothing explains.
type Literal struct {
	Line int
	Text string
}

// Literals finds the numbers in Go source that are not plain, not part of a constant's or variable's declaration (a row
// of a table is one), not the base or size of a conversion by strconv, not a distance to shift by, not an octal file
// mode, and not on a line with a comment.
func Literals(name string, source []byte) ([]Literal, error) {
	files := token.NewFileSet()
	syntax, err := parser.ParseFile(files, name, source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("archtest: literals: %w", err)
	}
	commented := map[int]bool{}
	for _, group := range syntax.Comments {
		for _, c := range group.List {
			for line := files.Position(c.Pos()).Line; line <= files.Position(c.End()).Line; line++ {
				commented[line] = true
			}
		}
	}
	var found []Literal
	ast.Inspect(syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok == token.TYPE // of const and var, and of imports, nothing is asked
		case *ast.CallExpr:
			return !fromPackage(n.Fun, "strconv")
		case *ast.BinaryExpr:
			return n.Op != token.SHL && n.Op != token.SHR
		case *ast.BasicLit:
			line := files.Position(n.Pos()).Line
			if (n.Kind == token.INT || n.Kind == token.FLOAT) && !isPlain(n.Value) && !commented[line] {
				found = append(found, Literal{line, n.Value})
			}
		}
		return true
	})
	return found, nil
}

func fromPackage(f ast.Expr, name string) bool {
	selector, ok := f.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := selector.X.(*ast.Ident)
	return ok && x.Name == name
}

func isPlain(text string) bool {
	if strings.HasPrefix(text, "0o") {
		return true
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil {
		return false
	}
	for _, p := range plain {
		if v == p {
			return true
		}
	}
	return false
}
