package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	main "github.com/ptychogo/ptycho/cmd/ptycho"
)

// commands returns the commands of a document, in order: the lines of its shell blocks without comments, and its whole Python
// blocks, which begin with "import".
func commands(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	language := ""
	for line := range strings.Lines(string(text)) {
		if fence, ok := strings.CutPrefix(strings.TrimSpace(line), "```"); ok {
			if language = fence; fence == "python" {
				out = append(out, "")
			}
			continue
		}
		switch language {
		case "python":
			out[len(out)-1] += line
		case "sh":
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				out = append(out, line)
			}
		}
	}
	return out
}

// runPython runs a block of a document if a Python with the modules that it imports is installed.
func runPython(t *testing.T, block string) {
	t.Helper()
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	imports, _, _ := strings.Cut(block, "\n")
	if exec.Command(python, "-c", imports).Run() != nil {
		t.Logf("%s does not %s, so this is not run: %s", python, imports, block)
		return
	}
	if out, err := exec.Command(python, "-c", block).CombinedOutput(); err != nil {
		t.Errorf("%s\n%v: %s", block, err, out)
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDocuments_CommandsWork runs the commands of each document in order, in a folder with small scans of the documents' names.
func TestDocuments_CommandsWork(t *testing.T) {
	long(t)
	for document, least := range map[string]int{"README.md": 5, "docs/tutorial.md": 8, "docs/workflow.md": 10, "docs/solve.md": 3, "docs/python.md": 3, "docs/formats.md": 2, "docs/findings.md": 2} {
		t.Run(document, func(t *testing.T) {
			lines := commands(t, document)
			copies := map[string][]byte{"scan.npz": content(t, smallScan(t))}
			copies["truth.npz"] = copies["scan.npz"]
			if document == "docs/formats.md" { // converts a beamline's file
				copies["scan.cxi"] = content(t, cxi)
				copies["stack.npy"], copies["plain.raw"], copies["motors.csv"] = content(t, data+"stack.npy"), content(t, data+"plain.raw"), content(t, data+"motors.csv")
			}
			t.Chdir(t.TempDir())
			t.Setenv("PTYCHO_MODEL__N_FILTERS_SCALE", "1")
			epochs := "2" // the scan is too small to learn from, which more than six epochs would report
			if document == "docs/workflow.md" {
				epochs = "6" // as a command of the document says
			}
			t.Setenv("PTYCHO_TRAINING__MAX_EPOCHS", epochs)
			t.Setenv("PTYCHO_TRAINING__CHECK_GEOMETRY", "false")
			t.Setenv("PTYCHO_SCAN__TRUST_DATA", "true") // the image of a network that learned nothing is flat
			for name, bytes := range copies {
				if err := os.WriteFile(name, bytes, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			ran := 0
			for _, line := range lines {
				args := strings.Fields(line)
				switch {
				case strings.HasPrefix(line, "ptycho simulate"):
					must(t, append(args[1:], "--n", "16", "--object-size", "48", "--n-images", "96")...)
				case args[0] == "ptycho":
					if at := slices.Index(args, "--output-dir"); at > 0 && (args[1] == "solve" || args[1] == "infer") {
						args = append(args, "--overwrite") // a document may show two ways to the same folder
					}
					if args[1] == "convert" {
						args = append(args, "--overwrite")
					}
					must(t, args[1:]...)
				case strings.HasPrefix(line, "go run ./cmd/ptycho "):
					demonstrate(t, args[3:])
				case args[0] == "import":
					runPython(t, line)
					continue
				case args[0] == "make", args[0] == "git":
					continue // make runs this test; git clones
				default:
					t.Errorf("no test knows how to run %q", line)
					continue
				}
				ran++
			}
			if ran < least {
				t.Errorf("%d commands, want %d", ran, least)
			}
		})
	}
}

// TestDocuments_LinksExist follows the links to files of the repository.
func TestDocuments_LinksExist(t *testing.T) {
	root := filepath.Join("..", "..")
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "conformance/golden/*.md"} {
		some, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, some...)
	}
	link, followed := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`), 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			followed++
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s leads to %s, which is not there", page, m[1])
			}
		}
	}
	if followed < 40 {
		t.Errorf("%d links were followed, want 40", followed)
	}
}

// demonstrate runs the demo on a small scan: the usual one takes two minutes. After one epoch the image is flat, which ends with code 15.
func demonstrate(t *testing.T, args []string) {
	usual := *main.DemoScan
	defer func() { *main.DemoScan = usual }()
	main.DemoScan.N, main.DemoScan.Height, main.DemoScan.Patterns = 32, 96, 128
	if _, stderr, code := run(t, append(args, "--max-epochs", "1")...); code != 0 && code != 15 {
		t.Errorf("%s: exit %d: %s", strings.Join(args, " "), code, stderr)
	}
}
