package library

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
)

// nvidiaLibrary is one of NVIDIA's libraries.
type nvidiaLibrary struct {
	Name     string // "cuDNN"
	File     string // name for the loader: libcudnn.so.9
	Pip      string // package in the Python package index
	System   string // package in NVIDIA's repositories
	Required bool   // every training needs it
	Path     string // "" if the system's loader must find it
	folder   string // of the pip layout, below nvidia
}

// known returns NVIDIA's libraries for a version, each after the libraries that it needs, because NVIDIA's packages do not
// find each other in all layouts. XLA opens the optional libraries when a program first needs them: linear solvers and sparse
// matrices, which no network uses, several GPUs (NCCL, NVSHMEM), profiles (CUPTI).
func known(v CUDAVersion) []nvidiaLibrary {
	if v >= CUDA13 {
		return []nvidiaLibrary{
			{Name: "CUDA runtime", File: "libcudart.so.13", Pip: "nvidia-cuda-runtime", System: "cuda-cudart-13-0", folder: "cu13", Required: true},
			{Name: "NVRTC", File: "libnvrtc.so.13", Pip: "nvidia-cuda-nvrtc", System: "cuda-nvrtc-13-0", folder: "cu13", Required: true},
			{Name: "nvJitLink", File: "libnvJitLink.so.13", Pip: "nvidia-nvjitlink", System: "libnvjitlink-13-0", folder: "cu13"},
			{Name: "cuBLASLt", File: "libcublasLt.so.13", Pip: "nvidia-cublas", System: "libcublas-13-0", folder: "cu13", Required: true},
			{Name: "cuBLAS", File: "libcublas.so.13", Pip: "nvidia-cublas", System: "libcublas-13-0", folder: "cu13", Required: true},
			{Name: exchange, File: "libnccl.so.2", Pip: "nvidia-nccl-cu13", System: "libnccl2", folder: "nccl"},
			{Name: "CUPTI", File: "libcupti.so.13", Pip: "nvidia-cuda-cupti", System: "cuda-cupti-13-0", folder: "cu13"},
			{Name: "cuSPARSE", File: "libcusparse.so.12", Pip: "nvidia-cusparse", System: "libcusparse-13-0", folder: "cu13"},
			{Name: "cuSOLVER", File: "libcusolver.so.12", Pip: "nvidia-cusolver", System: "libcusolver-13-0", folder: "cu13"},
			{Name: "cuFFT", File: "libcufft.so.12", Pip: "nvidia-cufft", System: "libcufft-13-0", folder: "cu13", Required: true},
			{Name: "NVSHMEM", File: "libnvshmem_host.so.3", Pip: "nvidia-nvshmem-cu13", System: "libnvshmem3-cuda-13", folder: "nvshmem"},
			{Name: cuDNN, File: "libcudnn.so.9", Pip: "nvidia-cudnn-cu13", System: "libcudnn9-cuda-13", folder: "cudnn", Required: true},
		}
	}
	return []nvidiaLibrary{
		{Name: "CUDA runtime", File: "libcudart.so.12", Pip: "nvidia-cuda-runtime-cu12", System: "cuda-cudart-12-9", folder: "cuda_runtime", Required: true},
		{Name: "NVRTC", File: "libnvrtc.so.12", Pip: "nvidia-cuda-nvrtc-cu12", System: "cuda-nvrtc-12-9", folder: "cuda_nvrtc", Required: true},
		{Name: "nvJitLink", File: "libnvJitLink.so.12", Pip: "nvidia-nvjitlink-cu12", System: "libnvjitlink-12-9", folder: "nvjitlink"},
		{Name: "cuBLASLt", File: "libcublasLt.so.12", Pip: "nvidia-cublas-cu12", System: "libcublas-12-9", folder: "cublas", Required: true},
		{Name: "cuBLAS", File: "libcublas.so.12", Pip: "nvidia-cublas-cu12", System: "libcublas-12-9", folder: "cublas", Required: true},
		{Name: exchange, File: "libnccl.so.2", Pip: "nvidia-nccl-cu12", System: "libnccl2", folder: "nccl"},
		{Name: "CUPTI", File: "libcupti.so.12", Pip: "nvidia-cuda-cupti-cu12", System: "cuda-cupti-12-9", folder: "cuda_cupti"},
		{Name: "cuSPARSE", File: "libcusparse.so.12", Pip: "nvidia-cusparse-cu12", System: "libcusparse-12-9", folder: "cusparse"},
		{Name: "cuSOLVER", File: "libcusolver.so.11", Pip: "nvidia-cusolver-cu12", System: "libcusolver-12-9", folder: "cusolver"},
		{Name: "cuFFT", File: "libcufft.so.11", Pip: "nvidia-cufft-cu12", System: "libcufft-12-9", folder: "cufft", Required: true},
		{Name: "NVSHMEM", File: "libnvshmem_host.so.3", Pip: "nvidia-nvshmem-cu12", System: "libnvshmem3-cuda-12", folder: "nvshmem"},
		{Name: cuDNN, File: "libcudnn.so.9", Pip: "nvidia-cudnn-cu12", System: "libcudnn9-cuda-12", folder: "cudnn", Required: true},
	}
}

const cuDNN = "cuDNN"

// oldestCUDNN returns the version that the pinned XLA library was compiled with, in the format of cudnnGetVersion. XLA
// refuses an older version at the first convolution.
func oldestCUDNN(v CUDAVersion) int {
	if v >= CUDA13 {
		return 91200
	}
	return 91002
}

// libraries finds NVIDIA's libraries in the packages beside the XLA library, then in the toolkit. It leaves all others to the
// system's loader, which uses LD_LIBRARY_PATH.
func libraries(library string, v CUDAVersion, toolkit string) []nvidiaLibrary {
	out := known(v)
	for i, l := range out {
		var places []string
		for _, nvidia := range packageFolders(library) {
			places = append(places, filepath.Join(nvidia, l.folder, "lib"))
		}
		for _, sub := range []string{"lib64", "lib", "targets/x86_64-linux/lib"} {
			places = append(places, filepath.Join(toolkit, sub))
		}
		for _, dir := range places {
			path := filepath.Join(dir, l.File)
			if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
				out[i].Path = path
				break
			}
		}
	}
	return out
}

// load loads NVIDIA's libraries in order and returns the optional libraries that are missing. XLA then opens each library by
// its name and receives the loaded one, without LD_LIBRARY_PATH, which the loader reads only when the process starts.
func load(all []nvidiaLibrary, v CUDAVersion) (without []nvidiaLibrary, err error) {
	for _, l := range all {
		name := l.Path
		if name == "" {
			name = l.File
		}
		h, err := open(name)
		switch {
		case err == nil && l.Name == cuDNN:
			if n := h.number("cudnnGetVersion"); n > 0 && n < oldestCUDNN(v) {
				return nil, backend.Errorf(backend.NotFound, "cuda", "cuDNN %s is too old, XLA needs %s or later: %s", release(n), release(oldestCUDNN(v)), l.advice(v))
			}
		case err == nil:
		case !l.Required:
			without = append(without, l)
		case l.Path == "":
			return nil, backend.Errorf(backend.NotFound, "cuda", "NVIDIA's library %s (%s) was not found: %s", l.Name, l.File, l.advice(v))
		default:
			return nil, backend.Errorf(backend.NotFound, "cuda", "NVIDIA's library %s does not load (%v): %s", l.Name, err, l.advice(v))
		}
	}
	return without, nil
}

func (l nvidiaLibrary) advice(v CUDAVersion) string {
	return fmt.Sprintf("install it with %s (pip: %s; system: %s)", v.setup(), l.Pip, l.System)
}

// release formats a version of cuDNN.
func release(n int) string { return fmt.Sprintf("%d.%d.%d", n/10000, n/100%100, n%100) }
