package plugin

import (
	"archive/zip"
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/disk"
)

// environment is a Python program that makes an environment and installs packages in it. Only the user can write to its files.
const environment = `import os, subprocess, sys, venv
os.umask(0o022)
venv.create(sys.argv[1], with_pip=True)
pip = [os.path.join(sys.argv[1], "Scripts" if os.name == "nt" else "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
sys.exit(subprocess.call(pip + sys.argv[2:], stdout=sys.stderr))
`

// InstallWheels installs Python packages with their dependencies in an environment of their own, and then the backend that one
// of them announces by a console script ptycho-backend-NAME. Python's output goes to log. python names the interpreter.
func InstallWheels(ctx context.Context, wheels []string, python string, s Spec, p Places, replace bool, log io.Writer) (Found, error) {
	name, files, err := announced(wheels)
	if err != nil {
		return Found{}, err
	}
	interpreter, err := exec.LookPath(python)
	if err != nil {
		return Found{}, backend.Errorf(backend.NotFound, "install", "%s was not found, which makes the environment for the packages; name another with --python", python)
	}
	unlock, err := p.lock()
	if err != nil {
		return Found{}, err
	}
	defer unlock()
	parent := filepath.Join(p.installed(), name)
	if err := disk.MkdirAll(parent); err != nil {
		return Found{}, fmt.Errorf("install %s: %w", name, err)
	}
	defer sweepUnfinished(parent) // the environment of a version that was replaced, or this one after an error
	home, err := os.MkdirTemp(parent, environmentPrefix)
	if err != nil {
		return Found{}, fmt.Errorf("install %s: %w", name, err)
	}
	if err := os.Chmod(home, 0o755); err != nil { //nolint:gosec // other users may list and run, not change
		return Found{}, fmt.Errorf("install %s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, interpreter, append([]string{"-c", environment, home}, files...)...)
	cmd.Env = allowed(os.Environ(), true)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = toolGrace
	switch err := cmd.Run(); {
	case ctx.Err() != nil:
		return Found{}, ctx.Err()
	case err != nil:
		return Found{}, invalid("%s could not install the packages (%w); its message is above. Without a network, set PIP_NO_INDEX=1 and "+
			"PIP_FIND_LINKS to a folder with all wheels", interpreter, err)
	}
	s.Name, s.Path = name, filepath.Join(home, "bin", filePrefix+name)
	if _, err := os.Stat(s.Path); err != nil {
		s.Path = filepath.Join(home, "Scripts", filePrefix+name+".exe")
	}
	return p.install(ctx, s, name, replace)
}

// announced returns the name of the one backend that the wheels announce, and their absolute paths.
func announced(wheels []string) (name string, files []string, err error) {
	for _, w := range wheels {
		path, err := filepath.Abs(w)
		if err != nil {
			return "", nil, invalid("%s: %w", w, err)
		}
		files = append(files, path)
		names, err := scripts(path)
		if err != nil {
			return "", nil, err
		}
		for _, n := range names {
			if name != "" && name != n {
				return "", nil, invalid("the packages announce the backends %s and %s; install them one after the other", name, n)
			}
			name = n
		}
	}
	if name == "" {
		return "", nil, invalid("%s: no package has a console script %sNAME, by which a Python package announces a backend", strings.Join(wheels, ", "), filePrefix)
	}
	return name, files, checkName(name)
}

// maxEntryPoints limits the size of a wheel's list of scripts, which has some hundred bytes.
const maxEntryPoints = 1 << 20

// scripts returns the names of the backends that a wheel announces.
func scripts(path string) ([]string, error) {
	f, info, err := disk.Open(path)
	if err != nil {
		return nil, backend.Errorf(backend.NotFound, "install", "%w", err)
	}
	defer f.Close()
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, invalid("%s is not a wheel: %w", path, err)
	}
	var names []string
	for _, entry := range z.File {
		folder, file := filepath.Split(entry.Name)
		if file != "entry_points.txt" || !strings.HasSuffix(folder, ".dist-info/") || strings.Count(folder, "/") != 1 {
			continue
		}
		r, err := entry.Open()
		if err != nil {
			return nil, invalid("%s is damaged: %w", path, err)
		}
		section := ""
		lines := bufio.NewScanner(io.LimitReader(r, maxEntryPoints))
		for lines.Scan() {
			line := strings.TrimSpace(lines.Text())
			if strings.HasPrefix(line, "[") {
				section = line
			}
			key, _, isScript := strings.Cut(line, "=")
			if name, ok := strings.CutPrefix(strings.TrimSpace(key), filePrefix); ok && isScript && section == "[console_scripts]" {
				names = append(names, name)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, invalid("%s is damaged: %w", path, err)
		}
		r.Close()
	}
	return names, nil
}
