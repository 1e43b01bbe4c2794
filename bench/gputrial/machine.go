//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// tools lists the programs and packages that the trial uses. A missing one is empty.
type tools struct {
	smi    string // nvidia-smi
	python string
	about  answers // of that Python
	nvcc   string
}

// answers describes a Python and its packages.
type answers struct {
	Version  string            `json:"version"`
	Packages map[string]string `json:"packages"` // versions by name
	Plugins  []string          `json:"plugins"`  // CUDA libraries of jax, the newest CUDA first
	NVIDIA   []string          `json:"nvidia"`   // folders of NVIDIA's packages
}

// question is a Python script that prints the answers. It imports neither jax nor torch, which would take seconds.
const question = `
import glob, importlib.metadata, importlib.util, json, os, platform
def folders(name):
    found = importlib.util.find_spec(name)
    return list(found.submodule_search_locations or []) if found else []
packages = {}
for name in ("jax", "jaxlib", "jax-cuda13-pjrt", "jax-cuda12-pjrt", "torch", "numpy", "nvidia-cudnn-cu13", "nvidia-cudnn-cu12"):
    try:
        packages[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
plugins = [p for d in folders("jax_plugins") for p in glob.glob(os.path.join(d, "xla_cuda*", "xla_cuda_plugin.so"))]
nvidia = sorted(f for d in folders("nvidia") for f in glob.glob(os.path.join(d, "*")) if os.path.isdir(f))
print(json.dumps({"version": platform.python_version(), "packages": packages, "plugins": sorted(plugins, reverse=True), "nvidia": nvidia}))
`

// findTools finds the tools of the trial. It returns no error: the stages report missing tools.
func (t *trial) findTools(ctx context.Context) {
	t.found.smi, _ = exec.LookPath("nvidia-smi")
	candidates := []string{"python3", "python"}
	if t.python != "" {
		candidates = []string{t.python}
	}
	for _, name := range candidates {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		var a answers
		e := t.execute(ctx, command{path: path, args: []string{"-c", question}, limit: t.scaled(20 * time.Second)})
		if e.err != nil || json.Unmarshal(e.stdout, &a) != nil {
			continue
		}
		if t.found.python == "" || t.found.about.Packages["torch"] == "" && len(t.found.about.Plugins) == 0 {
			t.found.python, t.found.about = path, a
		}
	}
	t.found.nvcc = t.findTool("nvcc")
}

// findTool finds a program of NVIDIA's toolkit.
func (t *trial) findTool(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return real
		}
		return path
	}
	places := []string{filepath.Join(os.Getenv("CUDA_HOME"), "bin"), filepath.Join(os.Getenv("CUDA_PATH"), "bin"), "/usr/local/cuda/bin", "/usr/local/cuda-*/bin", "/opt/nvidia/nsight-*/*"}
	for _, folder := range t.found.about.NVIDIA {
		places = append(places, filepath.Join(folder, "bin"))
	}
	for _, place := range places {
		files, _ := filepath.Glob(filepath.Join(place, name))
		if filepath.IsAbs(place) && len(files) > 0 {
			return files[len(files)-1]
		}
	}
	return ""
}

// environment returns the environment of a command: that of this program, and the variables for the CUDA libraries that the
// user has not set. Python runs without the latter: its packages find their libraries, and may need other versions than ptycho.
func (t *trial) environment(path string) []string {
	env := append(os.Environ(), "TMPDIR="+t.work)
	if t.cpu || path == t.found.python {
		return env
	}
	add := func(name, value string) {
		if value != "" && os.Getenv(name) == "" {
			env = append(env, name+"="+value)
		}
	}
	if len(t.found.about.Plugins) > 0 {
		add("PTYCHO_XLA_CUDA_LIBRARY", t.found.about.Plugins[0])
	}
	if t.found.nvcc != "" {
		folder := filepath.Dir(t.found.nvcc)
		if home := filepath.Dir(folder); isFolder(filepath.Join(home, "nvvm")) {
			add("CUDA_HOME", home)
		}
		env = append(env, "PATH="+folder+":"+os.Getenv("PATH"))
	}
	var libraries []string
	for _, folder := range t.found.about.NVIDIA {
		if lib := filepath.Join(folder, "lib"); isFolder(lib) {
			libraries = append(libraries, lib)
		}
	}
	for _, folder := range filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")) {
		if abs, err := filepath.Abs(folder); err == nil { // the commands run in another folder
			folder = abs
		}
		libraries = append(libraries, folder)
	}
	if len(libraries) > 0 {
		env = append(env, "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	}
	return env
}

func isFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// machine reports the processor, the GPU, Python and the libraries.
func (t *trial) machine(ctx context.Context, r *recorder) error {
	r.note("processor", fmt.Sprintf("%s, %d cores", processor(), runtime.NumCPU()))
	if e := t.execute(ctx, command{path: "/usr/bin/env", args: []string{"getconf", "GNU_LIBC_VERSION"}}); e.err == nil {
		r.note("C library", string(e.stdout))
	}
	if e := t.ptycho(ctx, "--version"); e.err == nil {
		r.note("ptycho", string(e.stdout))
	} else {
		r.add(row{What: "ptycho", Failed: true, Note: e.err.Error()})
	}
	if t.found.python == "" {
		r.add(row{What: "Python", Note: "neither python3 nor python runs; --python names one"})
	} else {
		a := t.found.about
		r.note("Python", a.Version+" at "+t.found.python)
		r.note("its packages", packages(a))
	}
	if !t.cpu {
		t.card(ctx, r)
	}
	return t.doctor(ctx, r)
}

func packages(a answers) string {
	var list []string
	for _, name := range []string{"jax", "jaxlib", "jax-cuda13-pjrt", "jax-cuda12-pjrt", "torch", "numpy", "nvidia-cudnn-cu13", "nvidia-cudnn-cu12"} {
		if v := a.Packages[name]; v != "" {
			list = append(list, name+" "+v)
		}
	}
	if len(list) == 0 {
		return "neither jax nor torch"
	}
	return strings.Join(list, ", ")
}

// processor returns the processor's name.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	_, rest, _ := strings.Cut(string(text), "model name")
	line, _, _ := strings.Cut(rest, "\n")
	if _, name, ok := strings.Cut(line, ":"); ok {
		return strings.TrimSpace(name)
	}
	return runtime.GOARCH
}

// card reports on the GPU, its driver and its libraries.
func (t *trial) card(ctx context.Context, r *recorder) {
	if t.found.smi == "" {
		r.add(row{What: "GPU", Failed: true, Note: "nvidia-smi was not found on PATH: install the NVIDIA driver"})
	} else {
		e := t.execute(ctx, command{path: t.found.smi, args: []string{"--query-gpu=name,driver_version,memory.total,compute_cap", "--format=csv,noheader"}, limit: t.scaled(10 * time.Second)})
		if e.err != nil {
			r.add(row{What: "GPU", Failed: true, Note: e.err.Error()})
		} else {
			r.note("GPU: name, driver, memory, compute capability", string(e.stdout))
		}
	}
	if plugins := t.found.about.Plugins; len(plugins) > 0 {
		r.note("XLA's CUDA library", plugins[0])
	} else if chosen := os.Getenv("PTYCHO_XLA_CUDA_LIBRARY"); chosen != "" {
		r.note("XLA's CUDA library", chosen)
	} else {
		r.add(row{What: "XLA's CUDA library", Failed: t.backend == xla, Note: "this Python has no jax_plugins/xla_cuda13 or xla_cuda12, and PTYCHO_XLA_CUDA_LIBRARY is not set: pip install jax-cuda13-pjrt"})
	}
	if t.found.nvcc == "" {
		r.add(row{What: "nvcc", Note: "no CUDA toolkit was found on PATH, in CUDA_HOME, in /usr/local/cuda* or in Python's packages"})
	} else if e := t.execute(ctx, command{path: t.found.nvcc, args: []string{"--version"}}); e.err == nil {
		lines := strings.Split(strings.TrimSpace(string(e.stdout)), "\n")
		r.note("nvcc", lines[len(lines)-1]+" at "+t.found.nvcc)
	}
}

// doctor reports the findings of plugins doctor for the backend under trial.
func (t *trial) doctor(ctx context.Context, r *recorder) error {
	e := t.ptycho(ctx, "plugins", "doctor", "--json")
	var all []struct {
		Backend  string `json:"backend"`
		Findings []struct {
			Check string `json:"check"`
			Works bool   `json:"works"`
			Found string `json:"found"`
			Fix   string `json:"fix"`
		} `json:"findings"`
	}
	if err := json.Unmarshal(e.stdout, &all); err != nil { // its exit code is not 0 if anything is missing
		return errors.Join(e.err, fmt.Errorf("the report of ptycho plugins doctor cannot be read: %w", err))
	}
	seen := false
	for _, b := range all {
		if b.Backend != t.backend {
			continue
		}
		seen = true
		for _, f := range b.Findings {
			r.add(row{What: "doctor: " + f.Check, Values: map[string]any{"found": f.Found}, Failed: !f.Works && concerns(f.Check, t.cpu), Note: f.Fix})
		}
	}
	if !seen {
		return fmt.Errorf("ptycho plugins doctor found no backend named %s in %s: %s", t.backend, t.bin, e.lastWords())
	}
	return nil
}

// concerns reports whether a check of the doctor is about the device under trial. The other device may be missing.
func concerns(check string, cpu bool) bool {
	check = strings.ToLower(check)
	if cpu {
		return !strings.Contains(check, "cuda") && !strings.Contains(check, "nvidia")
	}
	return !strings.Contains(check, "cpu")
}
