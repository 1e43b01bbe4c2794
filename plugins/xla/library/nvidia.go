package library

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/disk"
)

// receipts is the folder, beside NVIDIA's files, that holds one file for each completely installed package.
const receipts = "packages"

// receipt lists the files of a package. It is written after the files.
type receipt struct {
	Package string     `json:"package"`
	Version string     `json:"version"`
	Wheel   string     `json:"wheel_sha256"`
	Files   []unpacked `json:"files"`
}

type unpacked struct {
	Path string `json:"path"` // below the folder of the library
	Size int64  `json:"size"`
}

// Installed reports one of NVIDIA's packages after a setup.
type Installed struct {
	Package string `json:"package"`
	Version string `json:"version"`
	Already bool   `json:"already_there"`
}

// SetupNVIDIA installs NVIDIA's packages for a CUDA library into its folder, from the wheels in a folder or from wheels that
// pip downloads. It keeps installed packages, so that an interrupted setup continues where it ended. It reports the size of
// the download first.
func SetupNVIDIA(ctx context.Context, p Pin, from string, log io.Writer) ([]Installed, error) {
	all := nvidia[p.CUDA]
	dir, err := p.folder()
	if err != nil {
		return nil, err
	}
	var out []Installed
	var missing []Package
	for _, n := range all {
		there := n.there(dir)
		out = append(out, Installed{n.Name, n.Version, there})
		if !there {
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	if from != "" {
		if err := complete(from, missing); err != nil {
			return nil, err
		}
	}
	work, err := workFolder(filepath.Dir(dir))
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	defer work.Remove()
	if err := announce(missing, len(all), p, dir, from, log); err != nil {
		return nil, err
	}
	for i, n := range missing {
		fmt.Fprintf(log, "%d of %d: %s %s, %s\n", i+1, len(missing), n.Name, n.Version, amount(n.Size))
		if err := n.install(ctx, dir, from, work.Path(), log); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// space returns the free space of a disk.
var space = freeSpace

// announce reports how much is downloaded and written, and refuses a disk that is too small.
func announce(missing []Package, all int, p Pin, dir, from string, log io.Writer) error {
	var download, unpacked, largest int64
	for _, n := range missing {
		download, unpacked, largest = download+n.Size, unpacked+n.Unpacked, max(largest, n.Size)
	}
	what := fmt.Sprintf("%d of NVIDIA's %d packages for CUDA %d", len(missing), all, p.CUDA)
	if from == "" {
		fmt.Fprintf(log, "%s: %s to download, %s unpacked in %s; --no-nvidia leaves them out\n", what, amount(download), amount(unpacked), dir)
	} else {
		fmt.Fprintf(log, "%s: %s unpacked in %s\n", what, amount(unpacked), dir)
		largest = 0
	}
	if free, known := space(filepath.Dir(dir)); known && free < unpacked+largest {
		return backend.Errorf(backend.Exhausted, "setup", "%s has %s free, but NVIDIA's packages need %s: free some space, set XDG_DATA_HOME to a folder on another disk, or leave the packages out with --no-nvidia", filepath.Dir(dir), amount(free), amount(unpacked+largest))
	}
	return nil
}

// complete refuses a folder in which some wheels are missing.
func complete(from string, packages []Package) error {
	var lacks []string
	for _, n := range packages {
		if _, err := wheelOf(from, n.Name, n.Version); err != nil {
			lacks = append(lacks, n.Name+"=="+n.Version)
		}
	}
	if len(lacks) > 0 {
		return backend.Errorf(backend.NotFound, "setup", "%s lacks wheels of NVIDIA's packages; on a machine with a network: pip download --no-deps --dest FOLDER %s; or leave the packages out with --no-nvidia", from, strings.Join(lacks, " "))
	}
	return nil
}

// install installs one package.
func (n Package) install(ctx context.Context, dir, from, work string, log io.Writer) error {
	wheel, err := "", error(nil)
	if from != "" {
		wheel, err = wheelOf(from, n.Name, n.Version)
	} else {
		wheel, err = fetch(ctx, n.Name, n.Version, work, true, log)
	}
	if err != nil {
		return err
	}
	sum, err := digest(wheel)
	if err != nil {
		return backend.Errorf(backend.NotFound, "setup", "%w", err)
	}
	if sum != n.Wheel {
		return backend.Errorf(backend.Invalid, "setup", "%s is not the wheel of %s %s: its SHA-256 is %s, want %s", wheel, n.Name, n.Version, sum, n.Wheel)
	}
	r := receipt{Package: n.Name, Version: n.Version, Wheel: n.Wheel}
	if r.Files, err = unpackAll(ctx, wheel, dir); err != nil {
		return err
	}
	if from == "" {
		_ = os.Remove(wheel) // its folder is removed at the end
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, receipts), 0o755)
	}
	if err == nil {
		err = disk.Write(filepath.Join(dir, receipts, n.Name+".json"), append(text, '\n'))
	}
	if err != nil {
		return backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	return nil
}

// unpackAll writes the files of a wheel into a folder, without headers and static libraries. Each write is atomic.
func unpackAll(ctx context.Context, wheel, dir string) ([]unpacked, error) {
	bad := func(err error) ([]unpacked, error) {
		return nil, backend.Errorf(backend.Invalid, "setup", "%s: %w", wheel, err)
	}
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return bad(err)
	}
	defer z.Close()
	var out []unpacked
	for _, f := range z.File {
		if f.FileInfo().IsDir() || strings.HasSuffix(f.Name, ".a") || strings.Contains(f.Name, "/include/") {
			continue
		}
		if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
			return bad(fmt.Errorf("%q leads out of the folder", f.Name))
		}
		to := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return bad(err)
		}
		if err := unpackOne(ctx, f, to); err != nil {
			return bad(err)
		}
		out = append(out, unpacked{f.Name, int64(f.UncompressedSize64)})
	}
	return out, nil
}

func unpackOne(ctx context.Context, f *zip.File, to string) error {
	src, err := f.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := disk.Create(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := io.Copy(dst, stoppable{ctx, src}); err != nil { // the reader reports a size that differs from the header
		return err
	}
	if err := dst.Commit(); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if path.Base(path.Dir(f.Name)) == "bin" { // programs; the wheels mark only some of them, and only for their owner
		mode = 0o755
	}
	return os.Chmod(to, mode)
}

// there reports whether a package is completely installed in a folder.
func (n Package) there(dir string) bool {
	r, err := readReceipt(filepath.Join(dir, receipts, n.Name+".json"))
	return err == nil && r.Wheel == n.Wheel && r.damaged(dir) == nil
}

func readReceipt(path string) (receipt, error) {
	var r receipt
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// damaged returns an error for the first file that is missing or has another size.
func (r receipt) damaged(dir string) error {
	for _, f := range r.Files {
		at := filepath.Join(dir, filepath.FromSlash(f.Path))
		st, err := os.Stat(at)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("%s is missing", at)
		case err != nil:
			return err
		case st.Size() != f.Size:
			return fmt.Errorf("%s has %d bytes, want %d", at, st.Size(), f.Size)
		}
	}
	return nil
}

// whole refuses a folder in which a file of NVIDIA's packages is missing or truncated: loading it would end the process.
// Packages that were never installed are not required: NVIDIA's libraries may be installed elsewhere.
func (p Pin) whole() error {
	dir, err := p.folder()
	if err != nil || p.CUDA == 0 {
		return err
	}
	for _, n := range nvidia[p.CUDA] {
		r, err := readReceipt(filepath.Join(dir, receipts, n.Name+".json"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = r.damaged(dir)
		}
		if err != nil {
			return backend.Errorf(backend.Invalid, "library", "NVIDIA's package %s is damaged (%v); install it again with: %s", n.Name, err, p.command())
		}
	}
	return nil
}

// amount formats a size for people.
func amount(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%d MB", (n+5e5)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
