package output

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/ptychogo/ptycho/internal/disk"
)

// list is a list of files that ptycho wrote: one relative, slash-separated name per line; names of folders end with a slash. A
// name is added before its file exists, so that ptycho always recognises its own files.
type list struct {
	root *os.Root
	name string // of the list's file

	mu    sync.Mutex
	file  *os.File
	size  int64
	names map[string]bool
}

// readList reads a list. A missing list is empty. It ignores an incomplete last line, because its file was never written.
func readList(root *os.Root, name string) (names map[string]bool, size int64, err error) {
	names = map[string]bool{}
	data, err := readPlain(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return names, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSuffix(line, "\n"); local(line) {
			names[line] = true
		}
	}
	return names, int64(len(data)), nil
}

// readPlain reads a file in .ptycho. It returns an error for files that would block, such as a FIFO.
func readPlain(root *os.Root, name string) ([]byte, error) {
	if st, err := root.Lstat(name); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, errors.New(name + " in it is not a regular file: remove it")
	}
	return root.ReadFile(name)
}

// local reports whether a name is in the output folder and not in .ptycho. Lists and journals come from disk, and their other
// names are ignored.
func local(name string) bool {
	clean := strings.TrimSuffix(name, "/")
	return clean != "" && clean != "." && clean == path.Clean(clean) && filepath.IsLocal(filepath.FromSlash(clean)) && clean != stateDir && !strings.HasPrefix(clean, stateDir+"/")
}

// openList opens a list for additions.
func openList(root *os.Root, name string) (*list, error) {
	l := &list{root: root, name: name}
	var err error
	if l.names, l.size, err = readList(root, name); err != nil {
		return nil, err
	}
	return l, l.open()
}

func (l *list) open() error {
	if _, err := l.root.Lstat(l.name); errors.Is(err, fs.ErrNotExist) {
		if err := disk.WriteIn(l.root, l.name, nil); err != nil {
			return err
		}
	}
	f, err := l.root.OpenFile(l.name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := f.Truncate(l.size); err != nil { // without an incomplete last line
		f.Close()
		return err
	}
	l.file = f
	return nil
}

// Add adds names, and the missing folders above them, before their files appear. It ignores names that are already listed.
func (l *list) Add(names ...string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var fresh []string
	add := func(name string) {
		if !l.names[name] && !slices.Contains(fresh, name) {
			fresh = append(fresh, name)
		}
	}
	for _, name := range names {
		if !local(name) || strings.ContainsAny(name, "\r\n") {
			return fmt.Errorf("%q is not a valid name of a file in %s", name, l.root.Name())
		}
		for _, folder := range foldersOf(name) {
			if _, err := l.root.Lstat(strings.TrimSuffix(folder, "/")); errors.Is(err, fs.ErrNotExist) {
				add(folder)
			}
		}
		if !strings.HasSuffix(name, "/") {
			add(name)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	line := []byte(strings.Join(fresh, "\n") + "\n")
	_, err := l.file.WriteAt(line, l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(l.root.Name(), l.name), errors.Join(err, l.file.Truncate(l.size)))
	}
	l.size += int64(len(line))
	for _, name := range fresh {
		l.names[name] = true
	}
	return nil
}

// foldersOf returns the folders above a name, outermost first, and the name itself if it is that of a folder.
func foldersOf(name string) []string {
	var folders []string
	for i, r := range name {
		if r == '/' {
			folders = append(folders, name[:i+1])
		}
	}
	return folders
}

// Has reports whether a name is listed.
func (l *list) Has(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names[name]
}

// tidy removes empty listed folders, and then removes names that do not exist from the list, because others may use these
// names. If the list cannot be rewritten it stays unchanged, which is harmless.
func (l *list) tidy() {
	l.mu.Lock()
	defer l.mu.Unlock()
	removeFolders(l.root, l.names)
	left := map[string]bool{}
	for name := range l.names {
		if _, err := l.root.Lstat(strings.TrimSuffix(name, "/")); err == nil {
			left[name] = true
		}
	}
	if len(left) == len(l.names) {
		return
	}
	var text bytes.Buffer
	for _, name := range sorted(left) {
		text.WriteString(name + "\n")
	}
	if disk.WriteIn(l.root, l.name, text.Bytes()) != nil {
		return
	}
	f, err := l.root.OpenFile(l.name, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	l.file.Close()
	l.file, l.size, l.names = f, int64(text.Len()), left
}

// clear removes all listed files and the list.
func (l *list) clear() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.names {
		if strings.HasSuffix(name, "/") {
			continue
		}
		if err := l.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	removeFolders(l.root, l.names)
	return l.root.Remove(l.name)
}

func (l *list) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// removeFolders removes the empty folders among the listed folders, innermost first.
func removeFolders(root *os.Root, names map[string]bool) {
	for _, name := range slices.Backward(sorted(names)) {
		if folder, ok := strings.CutSuffix(name, "/"); ok {
			removeFolder(root, folder)
		}
	}
}

// removeFolder removes a folder if it is empty. It does not remove a link of the same name.
func removeFolder(root *os.Root, name string) {
	if st, err := root.Lstat(name); err == nil && st.IsDir() {
		_ = root.Remove(name) // fails if the folder is not empty
	}
}
