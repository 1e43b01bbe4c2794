package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestImports_ObeyLayers checks that every import of every file in the repository obeys the rules.
func TestImports_ObeyLayers(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	files, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(f File) bool { return f.Path == "internal/archtest/rules.go" }) {
		t.Fatalf("%d files below %s, this package not among them: the walk is broken", len(files), root)
	}
	for _, v := range append(Check(files), CheckPackages(files)...) {
		t.Error(v)
	}
}

func TestModule_MatchesGoMod(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "module " + Module; !slices.Contains(strings.Split(string(b), "\n"), want) {
		t.Errorf("the line %q is missing in go.mod: the rules about our own packages would not apply", want)
	}
}

// Long: one table with a line for each rule and its exception.
func TestRules_FindBreaches(t *testing.T) {
	const m = Module + "/"
	for name, c := range map[string]struct {
		path, imports string
		broken        bool
	}{
		"core on the standard library":         {"core/scan/scan.go", "go/ast", false},
		"core on gonum":                        {"core/metrics/frc.go", "gonum.org/v1/gonum/dsp/fourier", false},
		"core on core":                         {"core/scan/scan.go", m + "core/tensor", false},
		"core on grpc":                         {"core/backend/error.go", "google.golang.org/grpc/status", true},
		"core on hclog":                        {"core/scan/scan.go", "github.com/hashicorp/go-hclog", true},
		"core on cli":                          {"core/config/flags.go", "github.com/urfave/cli/v2", true},
		"core on host":                         {"core/scan/scan.go", m + "host/train", true},
		"core's tests on sdk":                  {"core/scan/scan_test.go", m + "sdk/feed", true},
		"core's tests on their fixtures":       {"core/metrics/data_test.go", m + "internal/fixture", false},
		"core on the tests' fixtures":          {"core/metrics/frc.go", m + "internal/fixture", true},
		"core on what all may use":             {"core/npz/npz.go", m + "internal/words", false},
		"a backend on what all may use":        {"plugins/xla/backend/compile.go", m + "internal/words", false},
		"the files of all layers on core":      {"internal/disk/durable.go", m + "core/format", true},
		"the files of all layers on x/sys":     {"internal/disk/lock_unix.go", "golang.org/x/sys/unix", false},
		"core/npz on npyio":                    {"core/npz/npy.go", "github.com/sbinet/npyio/npy", true},
		"core/npz on yaml":                     {"core/npz/npy.go", "gopkg.in/yaml.v3", true},
		"core/config on yaml":                  {"core/config/file.go", "gopkg.in/yaml.v3", false},
		"core's tests on npyio":                {"core/reference/vectors_test.go", "github.com/sbinet/npyio/npz", false},
		"the machine on x/sys":                 {"internal/machine/instructions_amd64.go", "golang.org/x/sys/cpu", false},
		"core/scan on x/sys":                   {"core/scan/scan.go", "golang.org/x/sys/cpu", true},
		"core/scan on npyio":                   {"core/scan/scan.go", "github.com/sbinet/npyio/npz", true},
		"a module with gonum's name in front":  {"core/scan/scan.go", "gonum.org/v1/gonumplot", true},
		"sdk on core":                          {"sdk/serve.go", m + "core/backend", false},
		"sdk on go-plugin":                     {"sdk/serve.go", "github.com/hashicorp/go-plugin", false},
		"sdk on host":                          {"sdk/serve.go", m + "host/plugin", true},
		"sdk on a plugin":                      {"sdk/serve.go", m + "plugins/gorgonia/backend", true},
		"host on sdk":                          {"host/plugin/process.go", m + "sdk/wire", false},
		"host on a plugin":                     {"host/plugin/process.go", m + "plugins/gorgonia/backend", true},
		"host on a command":                    {"host/plugin/process.go", m + "cmd/ptycho", true},
		"host on cli":                          {"host/track/track.go", "github.com/urfave/cli/v2", true},
		"conformance on core":                  {"conformance/suite.go", m + "core/reference", false},
		"conformance on host":                  {"conformance/suite.go", m + "host/plugin", true},
		"conformance/command on host":          {"conformance/command/command.go", m + "host/plugin", false},
		"conformance on sdk":                   {"conformance/suite.go", m + "sdk", true},
		"conformance's broken backends on it":  {"conformance/broken_test.go", m + "conformance", false},
		"a backend on its engine":              {"plugins/gorgonia/backend/compile.go", "gorgonia.org/gorgonia", false},
		"a backend on the feed":                {"plugins/gorgonia/backend/bind.go", m + "sdk/feed", false},
		"a backend on sdk":                     {"plugins/gorgonia/backend/bind.go", m + "sdk", true},
		"a backend's kernels on sdk":           {"plugins/gorgonia/kernel/conv.go", m + "sdk/wire", true},
		"a backend on another's engine":        {"plugins/xla/backend/compile.go", "gorgonia.org/tensor", true},
		"a backend on another backend":         {"plugins/xla/backend/compile.go", m + "plugins/gorgonia/backend", true},
		"a backend on its sibling":             {"plugins/xla/backend/compile.go", m + "plugins/xla/pjrt", false},
		"a backend's test on conformance":      {"plugins/gorgonia/backend/conformance_test.go", m + "conformance", false},
		"a backend on conformance":             {"plugins/gorgonia/backend/compile.go", m + "conformance", true},
		"a plugin's main on sdk":               {"plugins/xla/main.go", m + "sdk", false},
		"a plugin's main on host":              {"plugins/xla/main.go", m + "host/plugin", true},
		"an example on sdk":                    {"examples/backend/main.go", m + "sdk", false},
		"an example on host":                   {"examples/backend/main.go", m + "host/plugin", true},
		"the command on all layers":            {"cmd/ptycho/train.go", m + "host/train", false},
		"the command on the bundled plugin":    {"cmd/ptycho/plugin.go", m + "plugins/gorgonia/backend", false},
		"the command on cli":                   {"cmd/ptycho/main.go", "github.com/urfave/cli/v2", false},
		"the command on go-plugin":             {"cmd/ptycho/main.go", "github.com/hashicorp/go-plugin", true},
		"a benchmark outside on an engine":     {"bench/step.go", "gorgonia.org/gorgonia", true},
		"a folder whose name starts like core": {"corelike/x.go", "google.golang.org/protobuf/proto", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := Check([]File{{Path: c.path, Package: "p", Imports: []string{c.imports}}})
			if (len(got) > 0) != c.broken {
				t.Errorf("%s imports %s: violations %v, want some: %v", c.path, c.imports, got, c.broken)
			}
			for _, v := range got {
				if s := v.String(); !strings.Contains(s, c.path) || !strings.Contains(s, c.imports) || v.Rule == "" {
					t.Errorf("%q does not name the file, the import and the rule", s)
				}
			}
		})
	}
}

func TestCheckPackages_FindsNeedlessOnes(t *testing.T) {
	file := func(path, name, comment string, imports ...string) File {
		for i := range imports {
			imports[i] = Module + "/" + imports[i]
		}
		return File{Path: path, Package: name, Comment: comment, Imports: imports}
	}
	files := []File{
		file("core/two/x.go", "two", ""), file("core/one/x.go", "one", "", "core/two"), file("core/tested/x.go", "tested", ""),
		file("core/reasoned/x.go", "reasoned", "Package reasoned holds one thing. It is a package of its own\nbecause a reason was found.", "core/two", "core/one"),
		file("core/reasoned/x_test.go", "reasoned", "", "core/tested"), file("core/one/x_test.go", "one", "", "core/tested"),
		file("host/commanded/x.go", "commanded", "", "core/reasoned"), file("cmd/program/main.go", "main", "", "host/commanded"),
	}
	var found []string
	for _, v := range CheckPackages(files) {
		found = append(found, v.File)
	}
	if want := []string{"core/one", "core/tested"}; !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

func TestCheck_NamesAndLengths(t *testing.T) {
	for name, c := range map[string]struct {
		file   File
		broken bool
	}{
		"an honest name":          {File{Path: "core/scan/scan.go", Package: "scan"}, false},
		"package util":            {File{Path: "core/x/x.go", Package: "util"}, true},
		"folder helpers":          {File{Path: "host/helpers/x.go", Package: "plugin"}, true},
		"external test of types":  {File{Path: "core/x/x_test.go", Package: "types_test"}, true},
		"400 lines":               {File{Path: "core/scan/scan.go", Package: "scan", Lines: 400}, false},
		"401 lines":               {File{Path: "core/scan/scan.go", Package: "scan", Lines: 401}, true},
		"a long test":             {File{Path: "core/scan/scan_test.go", Package: "scan", Lines: 401}, true},
		"a long file with reason": {File{Path: "core/scan/scan.go", Package: "scan", Lines: 401, Long: true}, false},
		"a long function":         {File{Path: "core/scan/scan.go", Package: "scan", Functions: []Function{{"Select", 61}}}, true},
		"generated":               {File{Path: "sdk/wire/internal/pb/p.pb.go", Package: "pb", Lines: 9000, Generated: true}, false},
	} {
		if got := Check([]File{c.file}); (len(got) > 0) != c.broken {
			t.Errorf("%s: violations %v, want some: %v", name, got, c.broken)
		}
	}
}

func TestParse_FindsLengthWithoutReason(t *testing.T) {
	body := "func %s() {\n" + strings.Repeat("\t_ = 1\n", maxFunctionLines-1) + "}\n"
	source := "// Long: in order.\n\npackage p\n\n" + strings.ReplaceAll("// a has a reason.\n//\n// Long: a table.\n"+body, "%s", "a") + "\n" + strings.ReplaceAll(body, "%s", "b") +
		"\nfunc c() {\n" + strings.Repeat("\t_ = 1\n", maxFunctionLines-2) + "}\n"
	f, err := parseSource("core/p/p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	if !f.Long || len(f.Functions) != 1 || f.Functions[0] != (Function{"b", maxFunctionLines + 1}) {
		t.Errorf("the file is %+v", f)
	}
}

func TestParse_ReadsProperties(t *testing.T) {
	f, err := parseSource("sdk/x.go", []byte("// Code generated by a tool. DO NOT EDIT.\n\npackage sdk\n\nimport (\n\tx \"a.b/c\"\n\t_ \"io\"\n)\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !f.Generated || f.Package != "sdk" || f.Lines != 8 || !slices.Equal(f.Imports, []string{"a.b/c", "io"}) {
		t.Errorf("parsed %+v", f)
	}
}

func TestLoad_IgnoresForeignFolders(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"core/a.go", "core/testdata/b.go", ".hidden/c.go", "_old/d.go", "vendor/e.go", "nested/f.go", "nested/go.mod"} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("package p\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].Path != "core/a.go" {
		t.Errorf("loaded %+v, want only core/a.go", files)
	}
}
