package library

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// part is a file of the CUDA toolkit that XLA runs or reads at every compile.
type part struct {
	name   string
	path   string // below the toolkit's folder
	runs   bool   // it is a program
	pip    func(CUDAVersion) string
	absent func(CUDAVersion) bool // whether XLA works without it
}

func nvcc(v CUDAVersion) string {
	if v >= CUDA13 {
		return "nvidia-cuda-nvcc"
	}
	return "nvidia-cuda-nvcc-cu12"
}

func nvvm(v CUDAVersion) string {
	if v >= CUDA13 {
		return "nvidia-nvvm"
	}
	return nvcc(v)
}

func never(CUDAVersion) bool { return false }

// parts lists the parts in the order of checking. XLA for CUDA 12 links with a library and not with nvlink, which NVIDIA's
// Python packages for CUDA 12 lack.
var parts = []part{
	{"ptxas", "bin/ptxas", true, nvcc, never},
	{"nvlink", "bin/nvlink", true, nvcc, func(v CUDAVersion) bool { return v <= CUDA12 }},
	{"libdevice", "nvvm/libdevice/libdevice.10.bc", false, nvvm, never},
}

// oldestPtxas is the first release of ptxas that compiles for all GPUs since the H100.
const oldestPtxas = 12

// fault is a missing or unusable part of a folder.
type fault struct {
	part
	found string // "is missing", or another cause
}

// faults returns the missing or unusable parts of a folder.
func faults(dir string, v CUDAVersion) []fault {
	var out []fault
	for _, p := range parts {
		if p.absent(v) {
			continue
		}
		path := filepath.Join(dir, p.path)
		st, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			out = append(out, fault{p, "is missing"})
		case err != nil:
			out = append(out, fault{p, "cannot be read (" + err.Error() + ")"})
		case !st.Mode().IsRegular() || st.Size() == 0:
			out = append(out, fault{p, "is empty or not a regular file"})
		case p.runs && st.Mode()&0o111 == 0:
			out = append(out, fault{p, "is not executable (chmod +x " + path + ")"})
		case p.name == "ptxas":
			if err := ptxas(path); err != nil {
				out = append(out, fault{p, err.Error()})
			}
		}
	}
	return out
}

var ptxasRelease = regexp.MustCompile(`release (\d+)\.(\d+)`)

// ptxasTime limits the time in which ptxas prints its version, also on a network file system.
const ptxasTime = 20 * time.Second

// ptxas runs ptxas and refuses a program that does not start or is too old.
func ptxas(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), ptxasTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return fmt.Errorf("does not run (%w)", err)
	}
	m := ptxasRelease.FindSubmatch(out)
	if m == nil {
		return errors.New("does not print its version")
	}
	if major, _ := strconv.Atoi(string(m[1])); major < oldestPtxas { // digits
		return fmt.Errorf("is release %s.%s, older than %d.0", m[1], m[2], oldestPtxas)
	}
	return nil
}

// toolkit finds the folder with the programs and data of the CUDA toolkit. chosen is the folder named by the user with
// --xla_gpu_cuda_data_dir, or "". Without it Toolkit returns the first complete folder of CUDA_HOME, CUDA_PATH, NVIDIA's
// packages beside the XLA library, the folder of nvcc, and /usr/local/cuda*.
func (m Machine) toolkit(library string, v CUDAVersion, chosen string) (string, error) {
	if chosen != "" {
		if wrong := faults(chosen, v); len(wrong) > 0 {
			return "", incomplete(chosen, wrong, v, "or name another folder with --xla_gpu_cuda_data_dir in XLA_FLAGS")
		}
		return chosen, nil
	}
	var nearest string
	var least []fault
	for _, dir := range m.toolkits(library) {
		if st, err := os.Stat(dir); err != nil || !st.IsDir() {
			continue
		}
		wrong := faults(dir, v)
		if len(wrong) == 0 {
			return dir, nil
		}
		if nearest == "" || len(wrong) < len(least) {
			nearest, least = dir, wrong
		}
	}
	if nearest == "" {
		return "", backend.Errorf(backend.NotFound, "cuda", "the CUDA toolkit was not found, so ptxas, nvlink and libdevice are missing (CUDA_HOME, CUDA_PATH, NVIDIA's packages beside %s, nvcc on PATH and /usr/local/cuda* were tried); %s",
			library, installAdvice(v, nvcc(v), nvvm(v)))
	}
	return "", incomplete(nearest, least, v, "or name a complete toolkit with CUDA_HOME")
}

// incomplete returns an error that names the missing parts of a folder and their packages.
func incomplete(dir string, wrong []fault, v CUDAVersion, otherwise string) error {
	var found, packages []string
	for _, f := range wrong {
		found = append(found, f.name+" "+f.found)
		if p := f.pip(v); !slices.Contains(packages, p) {
			packages = append(packages, p)
		}
	}
	return backend.Errorf(backend.NotFound, "cuda", "the CUDA toolkit in %s is not complete: %s; %s, %s", dir, strings.Join(found, ", "), installAdvice(v, packages...), otherwise)
}

// installAdvice returns the end of an error about a missing part.
func installAdvice(v CUDAVersion, pip ...string) string {
	return fmt.Sprintf("install it with %s (pip: %s; system: %s)", v.setup(), strings.Join(pip, ", "), v.toolkit())
}

// toolkits lists the folders to search, best first.
func (m Machine) toolkits(library string) []string {
	var out []string
	for _, name := range []string{"CUDA_HOME", "CUDA_PATH"} {
		if dir := os.Getenv(name); dir != "" {
			out = append(out, dir)
		}
	}
	for _, nvidia := range packageFolders(library) {
		out = append(out, filepath.Join(nvidia, "cu13"), filepath.Join(nvidia, "cuda_nvcc"))
	}
	if path, err := exec.LookPath("nvcc"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			out = append(out, filepath.Dir(filepath.Dir(real)))
		}
	}
	local := filepath.Join(m.Root, "usr/local")
	versions, _ := filepath.Glob(filepath.Join(local, "cuda-*")) // the pattern is right
	slices.Sort(versions)
	slices.Reverse(versions)
	return append(append(out, filepath.Join(local, "cuda")), versions...)
}
