package library

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// newestGlibc and oldestGlibc are the second numbers of the platform tags manylinux_2_N that a wheel may have: pip matches
// a given tag exactly, and NVIDIA's wheels have many tags.
const (
	newestGlibc = 28
	oldestGlibc = 5
)

// platforms returns the arguments with which a pip of any Python version downloads wheels for this machine.
func platforms() []string {
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	var out []string
	for n := newestGlibc; n >= oldestGlibc; n-- {
		out = append(out, "--platform", fmt.Sprintf("manylinux_2_%d_%s", n, machine))
	}
	for _, year := range []string{"2014", "2010"} {
		out = append(out, "--platform", "manylinux"+year+"_"+machine)
	}
	return append(out, "--python-version", "3.12")
}

// fetch downloads a wheel into a folder with the machine's pip. The temporary files of pip go there too, because $TMPDIR may be
// small. large keeps a wheel out of pip's cache, where a second copy would stay.
func fetch(ctx context.Context, name, version, into string, large bool, log io.Writer) (string, error) {
	pip, err := findPip(ctx)
	if err != nil {
		return "", backend.Errorf(backend.NotFound, "setup", "pip, which downloads %s %s, was not found: install Python's pip, or copy the wheel to this machine and name it with --from FILE.whl", name, version)
	}
	args := append(pip[1:], "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check")
	if large {
		args = append(args, "--no-cache-dir")
	}
	args = append(append(args, platforms()...), "--dest", into, name+"=="+version)
	fmt.Fprintf(log, "downloading %s %s with pip\n", name, version)
	cmd := exec.CommandContext(ctx, pip[0], args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+into)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", backend.Errorf(backend.NotFound, "setup", "pip could not download %s %s (%v): see its messages above, or copy the wheel to this machine and name it with --from FILE.whl", name, version, err)
	}
	return wheelOf(into, name, version)
}

// findPip returns the command of the machine's pip.
func findPip(ctx context.Context) ([]string, error) {
	for _, c := range [][]string{{"python3", "-m", "pip"}, {"pip3"}, {"pip"}, {"python", "-m", "pip"}} {
		path, err := exec.LookPath(c[0])
		if err != nil {
			continue
		}
		if exec.CommandContext(ctx, path, append(c[1:], "--version")...).Run() == nil {
			return append([]string{path}, c[1:]...), nil
		}
	}
	return nil, exec.ErrNotFound
}

// wheelOf returns the path of a package's wheel: the given path, or the wheel in it if it is a folder.
func wheelOf(path, name, version string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", backend.Errorf(backend.NotFound, "setup", "%w", err)
	}
	if !st.IsDir() {
		return path, nil
	}
	prefix := strings.ReplaceAll(name, "-", "_") + "-" + version + "-"
	files, err := os.ReadDir(path)
	if err != nil {
		return "", backend.Errorf(backend.NotFound, "setup", "%w", err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), prefix) && strings.HasSuffix(f.Name(), ".whl") {
			return filepath.Join(path, f.Name()), nil
		}
	}
	return "", backend.Errorf(backend.NotFound, "setup", "%s holds no wheel of %s %s; on a machine with a network: pip download --no-deps --dest FOLDER %s==%s", path, name, version, name, version)
}
