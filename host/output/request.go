package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/words"
)

// Request lists the files that a command wants to write and those that it reads.
type Request struct {
	Target    string
	Overwrite bool
	// Writes are patterns (path.Match) of the files that the command writes. Patterns that end with a slash are folders.
	Writes []string
	// Parts are separate output folders inside the output folder, written one after the other. The outer folder is then not
	// staged, and Finish ends the work in it.
	Parts []string
	// Inputs are the files that the command reads. An empty path is ignored.
	Inputs []Input
	Notice func(format string, args ...any) // may be nil
}

// Input is a file that a command reads. For a folder, name the files in it that are read.
type Input struct {
	Name string // name for the user, such as "--data"
	Path string
}

// Check returns the error that Create would return, which has the exit code for usage, and writes nothing.
func Check(r Request) error {
	r, err := r.absolute()
	if err == nil {
		_, err = r.check()
	}
	return host.Fail(host.ExitUsage, err)
}

func (r Request) absolute() (Request, error) {
	absolute, err := filepath.Abs(r.Target)
	if err != nil {
		return r, fmt.Errorf("output folder %s: %w", folderName(r.Target), err)
	}
	r.Target = absolute
	return r, nil
}

// lostAndFound is a folder in every ext4 volume, which counts as empty.
const lostAndFound = "lost+found"

// check returns what happens to the entries of the folder, or an error if the folder cannot be used for the result.
func (r Request) check() (f fate, err error) {
	st, err := os.Stat(r.Target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(r.Target); err == nil {
			return f, fmt.Errorf("output folder %s is a symbolic link to a missing folder: create the folder, or give another --output-dir", folderName(r.Target))
		}
		return f, nil
	case err != nil:
		return f, fmt.Errorf("output folder %s cannot be used: %w", folderName(r.Target), cause(err))
	case !st.IsDir():
		return f, fmt.Errorf("output folder %s is a file: give another --output-dir", folderName(r.Target))
	}
	root, err := os.OpenRoot(r.Target)
	if err != nil {
		return f, fmt.Errorf("output folder %s cannot be used: %w", folderName(r.Target), cause(err))
	}
	defer root.Close()
	c, err := examine(root)
	if err != nil {
		return f, fmt.Errorf("output folder %s cannot be used: %w", folderName(r.Target), cause(err))
	}
	if _, err := root.Lstat(unfinishedFile); err == nil && len(r.Parts) > 0 { // an interrupted command is restarted
		c.entries = slices.DeleteFunc(c.entries, func(name string) bool { return c.ours[name] || slices.Contains(r.Parts, name) })
	}
	if len(c.entries) > 0 && !r.Overwrite {
		return f, r.notEmpty(root)
	}
	if name := r.collision(root, c); name != "" {
		return f, fmt.Errorf("output folder %s: ptycho did not write %s, and the result would replace it: move it away, or give another --output-dir", folderName(r.Target), shown(name))
	}
	if err := r.inputs(c); err != nil {
		return f, err
	}
	for _, name := range c.entries {
		if !c.ours[name] && !c.ours[name+"/"] && !slices.Contains(r.Parts, name) && !slices.ContainsFunc(sorted(c.ours), func(o string) bool { return strings.HasPrefix(o, name+"/") }) {
			f.kept = append(f.kept, name)
		}
	}
	f.removed = r.removed(root, c)
	return f, nil
}

func (r Request) notEmpty(root *os.Root) error {
	help := "give another --output-dir, or --overwrite to replace the files in it that ptycho wrote"
	if saved, _ := fs.Glob(root.FS(), "checkpoints/step-*.npz"); len(saved) > 0 {
		help = fmt.Sprintf("continue the run in it with ptycho train --resume %s, give another --output-dir, or --overwrite to replace the files that ptycho wrote", folderName(r.Target))
	}
	return fmt.Errorf("output folder %s is not empty: %s", folderName(r.Target), help)
}

// contents are the contents of a folder.
type contents struct {
	ours    map[string]bool // listed files and folders
	entries []string        // of the folder itself, without entries that count as empty
}

// examine reads the contents of a folder. Leftovers of a killed command do not count, because the next command removes them.
func examine(root *os.Root) (contents, error) {
	c := contents{}
	err := checkStateDir(root)
	if err != nil {
		return c, err
	}
	if c.ours, _, err = readList(root, listFile); err != nil {
		return c, err
	}
	passing, _, err := readList(root, passingFile)
	if err != nil {
		return c, err
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return c, err
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case name == stateDir, name == lostAndFound && e.IsDir(), passing[name], c.ours[name+"/"] && c.hollow(root, name):
		default:
			c.entries = append(c.entries, name)
		}
	}
	for name := range passing {
		c.ours[name] = true
	}
	if j, err := readJournal(root); err == nil && j != nil { // the next command moves its files in
		for _, name := range j.Move {
			c.ours[name] = true
		}
		c.entries = append(c.entries, journalFile)
	}
	return c, nil
}

// hollow reports whether a folder contains only listed folders.
func (c contents) hollow(root *os.Root, name string) bool {
	hollow := true
	_ = fs.WalkDir(root.FS(), name, func(at string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() || !c.ours[at+"/"] {
			hollow = false
			return fs.SkipAll
		}
		return nil
	})
	return hollow
}

// collision returns a file that ptycho did not write and that the command would replace or that has the name of a folder.
func (r Request) collision(root *os.Root, c contents) string {
	for _, pattern := range r.Writes {
		for _, folder := range foldersOf(pattern) {
			folder = strings.TrimSuffix(folder, "/")
			if st, err := root.Lstat(folder); err == nil && !st.IsDir() && !c.ours[folder] {
				return folder
			}
		}
		if strings.HasSuffix(pattern, "/") {
			continue
		}
		for _, name := range matching(root, pattern) {
			if !c.ours[name] {
				return name
			}
		}
	}
	return ""
}

// matching returns the names in a folder that a pattern matches. Links count, wherever they lead: fs.Glob follows them where the pattern is
// a name.
func matching(root *os.Root, pattern string) []string {
	if !strings.ContainsAny(pattern, `*?[\`) {
		if _, err := root.Lstat(pattern); err != nil {
			return nil
		}
		return []string{pattern}
	}
	names, _ := fs.Glob(root.FS(), pattern) //nolint:errcheck // our patterns are well-formed
	return names
}

// inputs returns an error if the command would replace a file that it reads, or its working directory. It follows links.
func (r Request) inputs(c contents) error {
	replaced := sorted(c.ours)
	for _, in := range r.Inputs {
		if in.Path == "" {
			continue
		}
		read, err := os.Stat(in.Path)
		if err != nil {
			continue // the reader of the file reports the error
		}
		for _, name := range replaced {
			if st, err := os.Stat(filepath.Join(r.Target, filepath.FromSlash(name))); err == nil && !st.IsDir() && os.SameFile(st, read) {
				return fmt.Errorf("output folder %s: the result would replace %s, which is read as %s %s: give another --output-dir", folderName(r.Target), shown(name), in.Name, folderName(in.Path))
			}
		}
	}
	work, err := os.Stat(".")
	if err != nil {
		return nil //nolint:nilerr // a working directory that cannot be found cannot be replaced
	}
	for _, name := range replaced {
		for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
			if st, err := os.Stat(filepath.Join(r.Target, filepath.FromSlash(folder))); err == nil && os.SameFile(st, work) {
				return fmt.Errorf("output folder %s: the result would replace %s, which contains the working directory: change the directory, or give another --output-dir", folderName(r.Target), shown(folder))
			}
		}
	}
	return nil
}

func shown(name string) string { return words.Name(name) }

// folderName returns a path for a message. A path may contain newlines and escape sequences, and should not be cut short.
func folderName(path string) string { return words.Line(path, words.LineLength) }
