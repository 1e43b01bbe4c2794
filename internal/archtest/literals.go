package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// explained lists the folders in which every number in the code needs a reason: those between the settings and a trained
// model or an image.
var explained = []string{"core/config", "host/bench", "host/dataset", "host/evaluate", "host/infer", "host/inspect", "host/model",
	"host/ptychopinn", "host/solve", "host/train"}

// plain lists the numbers that need no reason: zero, one, a half, a double, and a sign.
var plain = []float64{0, 0.5, 1, 2}

// A Literal is a number without a reason.
type Literal struct {
	Line int
	Text string
}

// Literals finds the numbers in Go source that are not plain. It ignores declarations of constants and variables (such as
// rows of tables), bases and sizes for strconv, distances of shifts, octal file modes, and lines with a comment.
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
			return n.Tok == token.TYPE // const and var may contain any number, and so may imports
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
