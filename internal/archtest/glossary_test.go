package archtest

import (
	"go/ast"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/ptychogo/ptycho/core/config"
)

// english are the words of settings and protocol that mean what they mean in any English text or program.
const english = `bar core disable done dry extra force id json limit message no number progress
quiet reason result second shape shutdown time total type usable value version what`

// term is a line of docs/glossary.md.
type term struct {
	name                   string
	settings, golang, wire []string // the spellings in its last three columns
}

var span = regexp.MustCompile("`([^`]+)`")

func glossary(t *testing.T) (terms []term) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "glossary.md"))
	if err != nil {
		t.Fatal(err)
	}
	spellings := func(cell string) (out []string) {
		for _, m := range span.FindAllStringSubmatch(cell, -1) {
			out = append(out, m[1])
		}
		return out
	}
	for line := range strings.Lines(strings.ReplaceAll(string(text), `\|`, "/")) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 2 || strings.HasPrefix(cells[1], "--") || cells[1] == " term " {
			continue
		}
		if len(cells) != 7 {
			t.Errorf("%d columns, want 5: %s", len(cells)-2, line)
			continue
		}
		terms = append(terms, term{strings.TrimSpace(cells[1]), spellings(cells[3]), spellings(cells[4]), spellings(cells[5])})
	}
	if len(terms) < 50 {
		t.Fatalf("%d terms: the reading is broken", len(terms))
	}
	return terms
}

// words splits a name where its case or its punctuation changes, and leaves the plural out.
func words(name string) (out []string) {
	var b strings.Builder
	lower := false
	for _, r := range name {
		if unicode.IsUpper(r) && lower || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			b.WriteByte(' ')
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
		lower = unicode.IsLower(r)
	}
	for _, w := range strings.Fields(b.String()) {
		if len(w) > 3 && !strings.HasSuffix(w, "ss") {
			w = strings.TrimSuffix(w, "s")
		}
		out = append(out, w)
	}
	return out
}

// protocolNames are the messages, calls and enumerations of the protocol, and the fields as Message.field.
func protocolNames(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "sdk", "proto", "ptycho", "plugin", "v1", "plugin.proto"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`^(?:message|enum|service) (\w+)`)
	call := regexp.MustCompile(`^  rpc (\w+)`)
	field := regexp.MustCompile(`^ +[\w.<>, ]+ (\w+) = \d+;`)
	names, of := map[string]bool{}, ""
	for line := range strings.Lines(string(text)) {
		if m := block.FindStringSubmatch(line); m != nil {
			of = m[1]
			names[of] = true
		} else if m := call.FindStringSubmatch(line); m != nil {
			names[m[1]] = true
		} else if m := field.FindStringSubmatch(line); m != nil {
			names[of+"."+m[1]] = true
		}
	}
	if len(names) < 200 {
		t.Fatalf("%d names in the protocol: the reading is broken", len(names))
	}
	return names
}

// exported are the exported names of the module's packages, as package.Name and package.Type.Member.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	root := filepath.Join("..", "..")
	files, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range files {
		if f.Test() || !belowAny(f.Dir(), []string{"core", "sdk", "host", "conformance"}) {
			continue
		}
		in := path.Base(f.Dir()) + "."
		for _, d := range parsed(t, filepath.Join(root, f.Path)).Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[in+receiver(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[in+n.Name] = true
						}
					case *ast.TypeSpec:
						names[in+s.Name.Name] = true
						for _, m := range members(s.Type) {
							names[in+s.Name.Name+"."+m] = true
						}
					}
				}
			}
		}
	}
	return names
}

// receiver is the type of a method with a dot, "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	of := d.Recv.List[0].Type
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	if id, ok := of.(*ast.Ident); ok {
		return id.Name + "."
	}
	return "?."
}

// members are the fields of a structure or the methods of an interface.
func members(of ast.Expr) (out []string) {
	var list *ast.FieldList
	switch of := of.(type) {
	case *ast.StructType:
		list = of.Fields
	case *ast.InterfaceType:
		list = of.Methods
	default:
		return nil
	}
	for _, f := range list.List {
		for _, n := range f.Names {
			out = append(out, n.Name)
		}
	}
	return out
}

// TestTheGlossaryNamesOnlyWhatExists looks every spelling up where it is declared.
func TestTheGlossaryNamesOnlyWhatExists(t *testing.T) {
	commands, err := os.ReadFile(filepath.Join("..", "..", "docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	golang, protocol := exported(t), protocolNames(t)
	for _, term := range glossary(t) {
		for _, s := range term.settings {
			if _, ok := config.Lookup(s); !ok && !strings.Contains(string(commands), "`"+s+"`") {
				t.Errorf("%s: there is no setting and no flag %s", term.name, s)
			}
		}
		for _, s := range term.golang {
			if !golang[s] || !unicode.IsUpper([]rune(s[strings.LastIndex(s, ".")+1:])[0]) {
				t.Errorf("%s: there is no exported %s", term.name, s)
			}
		}
		for _, s := range term.wire {
			if !protocol[s] {
				t.Errorf("%s: the protocol has no %s", term.name, s)
			}
		}
	}
}

// TestNoWordOfSettingsOrProtocolIsUnexplained asks that each stands in the glossary, or means what it does in English.
func TestNoWordOfSettingsOrProtocolIsUnexplained(t *testing.T) {
	known := map[string]bool{}
	for _, term := range glossary(t) {
		for _, s := range slices.Concat([]string{term.name}, term.settings, term.golang, term.wire) {
			for _, w := range words(s) {
				known[w] = true
			}
		}
	}
	for w := range strings.FieldsSeq(english) {
		if known[w] {
			t.Errorf("%q is in the glossary: the list of English words need not have it", w)
		}
		known[w] = true
	}
	names := slices.Sorted(maps.Keys(protocolNames(t)))
	for _, s := range config.Settings(config.Train | config.Infer) {
		names = append(names, s.Key())
		names = append(names, s.Spellings()...)
		names = append(names, s.Negations()...)
	}
	used := map[string]bool{}
	for _, name := range names {
		for _, w := range words(name) {
			if used[w] = true; !known[w] {
				t.Errorf("%s: what is %q? Give it a line in docs/glossary.md, or say that it is plain English", name, w)
				known[w] = true // once is enough
			}
		}
	}
	for w := range strings.FieldsSeq(english) {
		if !used[w] {
			t.Errorf("nothing is named %q: the list of English words need not have it", w)
		}
	}
}
