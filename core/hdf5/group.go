package hdf5

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxLinks bounds the soft and external links that one path goes through.
const maxLinks = 40

// An Object is a *Group or a *Dataset.
type Object interface {
	// Path returns the path that the object was found at.
	Path() string
	// Attributes returns the attributes of the object, in the order of the file.
	Attributes() ([]Attribute, error)
}

// A Group holds links to objects.
type Group struct {
	f      *File
	path   string
	header *object
}

// Path returns the path that the group was found at.
func (g *Group) Path() string { return g.path }

// Links returns the group's entries in order of their names.
func (g *Group) Links() ([]Link, error) {
	links, err := g.f.links(g.header)
	slices.SortStableFunc(links, func(a, b Link) int { return strings.Compare(a.Name, b.Name) })
	return links, err
}

// A PathError says that a path leads nowhere. It matches [fs.ErrNotExist] unless a link is there that is broken.
type PathError struct {
	File, Path, Msg string
	broken          bool // a link is there, but leads nowhere
}

func (e *PathError) Error() string        { return fmt.Sprintf("%s: %s: %s", e.File, e.Path, e.Msg) }
func (e *PathError) Is(target error) bool { return target == fs.ErrNotExist && !e.broken }

// Dataset returns the dataset at a path such as /entry/data/data.
func (f *File) Dataset(path string) (*Dataset, error) {
	o, err := f.Open(path)
	if err != nil {
		return nil, err
	}
	d, ok := o.(*Dataset)
	if !ok {
		return nil, &PathError{File: f.name, Path: path, Msg: "is a group, not a dataset"}
	}
	return d, nil
}

// Group returns the group at a path; / is the root.
func (f *File) Group(path string) (*Group, error) {
	o, err := f.Open(path)
	if err != nil {
		return nil, err
	}
	g, ok := o.(*Group)
	if !ok {
		return nil, &PathError{File: f.name, Path: path, Msg: "is a dataset, not a group"}
	}
	return g, nil
}

// Open returns the object at a path from the root.
func (f *File) Open(path string) (Object, error) {
	links := maxLinks
	return f.walkTo(path, &links)
}

// walkTo follows a path through groups and links.
func (f *File) walkTo(name string, budget *int) (Object, error) {
	now, err := f.atAddress("/", f.root)
	if err != nil {
		return nil, err
	}
	clean := path.Clean("/" + name)
	for _, part := range strings.Split(clean, "/") {
		if part == "" {
			continue
		}
		g, ok := now.(*Group)
		if !ok {
			return nil, &PathError{File: f.name, Path: clean, Msg: now.Path() + " is a dataset"}
		}
		links, err := g.f.links(g.header)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(links, func(l Link) bool { return l.Name == part })
		if i < 0 {
			return nil, &PathError{File: f.name, Path: clean, Msg: fmt.Sprintf("%s has no entry %q", g.path, part)}
		}
		if now, err = g.follow(links[i], budget); err != nil {
			return nil, err
		}
	}
	return now, nil
}

// Follow returns the object that a link of the group leads to.
func (g *Group) Follow(l Link) (Object, error) {
	budget := maxLinks
	return g.follow(l, &budget)
}

func (g *Group) follow(l Link, budget *int) (Object, error) {
	at := path.Join(g.path, l.Name)
	if l.Kind == Hard {
		return g.f.atAddress(at, l.addr)
	}
	if *budget--; *budget < 0 {
		return nil, &PathError{File: g.f.name, Path: at, Msg: "links that lead to each other", broken: true}
	}
	f, target := g.f, l.Path
	if l.Kind == External {
		var err error
		if f, err = g.f.openExternal(l.File); err != nil {
			return nil, &PathError{File: g.f.name, Path: at, Msg: fmt.Sprintf("a link to the file %s: %v", l.File, cause(err)), broken: true}
		}
	} else if !strings.HasPrefix(target, "/") {
		target = path.Join(g.path, target)
	}
	o, err := f.walkTo(target, budget)
	var missing *PathError
	if errors.As(err, &missing) && !missing.broken {
		return nil, &PathError{File: g.f.name, Path: at, Msg: "a link to " + strings.TrimPrefix(l.File+":"+l.Path, ":") + ": " + missing.Msg, broken: true}
	}
	return o, err
}

// cause returns an error of the file system without the path, which the caller names.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// openExternal opens a file in the folder of f or below; a symbolic link must not lead out of it. A file that is not there, or
// elsewhere, is looked for under its last name in the folder of f.
func (f *File) openExternal(name string) (*File, error) {
	if f.folder == "" {
		return nil, errors.New("other files cannot be opened from here")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.external[name]; e != nil {
		return e, nil
	}
	if len(f.external) >= 10000 {
		return nil, errors.New("more than 10000 files")
	}
	e, err := f.openBelow(filepath.FromSlash(name))
	if beside := baseName(name); err != nil && beside != name {
		var again error
		if e, again = f.openBelow(beside); again == nil {
			f.moved, err = append(f.moved, name), nil
		}
	}
	if err != nil {
		return nil, err
	}
	if f.external == nil {
		f.external = map[string]*File{}
	}
	f.external[name] = e
	return e, nil
}

// baseName returns the last part of a path, as Linux or Windows write it.
func baseName(name string) string { return name[strings.LastIndexAny(name, `/\`)+1:] }

// openBelow opens a file of the folder of f or of one below.
func (f *File) openBelow(name string) (*File, error) {
	root, err := os.OpenRoot(f.folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	var p *fs.PathError
	if errors.As(err, &p) { // the caller names the file
		err = p.Err
	}
	if err != nil {
		return nil, err
	}
	r, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	e, err := newFile(filepath.Join(f.folder, name), r, info.Size())
	if err != nil {
		r.Close()
		return nil, err
	}
	e.closer, e.workers = r, f.workers
	e.folder = filepath.Dir(e.name)
	return e, nil
}

// Linked returns the paths of the files that external links and virtual datasets have opened.
func (f *File) Linked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, e := range f.external {
		all = append(append(all, e.name), e.Linked()...)
	}
	return all
}

// Moved returns the names of the files of links that were found in the folder of the file itself, and not where the links say: a
// scan that was copied to another place has such links.
func (f *File) Moved() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.Clone(f.moved)
	for _, e := range f.external {
		all = append(all, e.Moved()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// atAddress decodes the object with the header at an address.
func (f *File) atAddress(path string, addr uint64) (Object, error) {
	o, err := f.object(addr)
	if err != nil {
		return nil, err
	}
	if _, ok := o.find(msgLayout); ok {
		d, err := f.dataset(path, o)
		if err != nil {
			return nil, err
		}
		return d, nil
	}
	return &Group{f: f, path: path, header: o}, nil // a named datatype has no links
}

// maxObjects bounds the entries that Walk visits.
const maxObjects = 1 << 20

// Walk calls visit with each entry of the file below the root, groups before their contents. The object is nil, and err says why,
// where a link leads nowhere or an object is not read. An object that several hard links reach is visited under each, its contents
// once; soft and external links are followed to the object itself, whose contents are not visited.
func (f *File) Walk(visit func(path string, o Object, l Link, err error) error) error {
	root, err := f.Group("/")
	if err != nil {
		return err
	}
	w := &walker{visit: visit, seen: map[uint64]bool{f.root: true}}
	return w.group(root, 0)
}

type walker struct {
	visit   func(string, Object, Link, error) error
	seen    map[uint64]bool
	visited int
}

func (w *walker) group(g *Group, depth int) error {
	links, err := g.Links()
	if err != nil {
		return err
	}
	for _, l := range links {
		if w.visited++; w.visited > maxObjects || depth > 200 {
			return g.f.unsupported("more than %d objects, or groups nested more than 200 times", maxObjects)
		}
		o, err := g.Follow(l)
		if err := w.visit(path.Join(g.path, l.Name), o, l, err); err != nil {
			return err
		}
		child, ok := o.(*Group)
		if !ok || l.Kind != Hard || w.seen[l.addr] {
			continue
		}
		w.seen[l.addr] = true
		if err := w.group(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}
