package library

import "github.com/ptychogo/ptycho/core/backend"

// CUDAFiles describes what XLA needs, found and loaded.
type CUDAFiles struct {
	Version CUDAVersion
	Toolkit string          // folder for --xla_gpu_cuda_data_dir
	Without []nvidiaLibrary // optional libraries that are missing
}

// Check finds and loads what an XLA library needs on a GPU: the driver, the toolkit and NVIDIA's libraries. chosen is the
// toolkit's folder if the user named one, else "". The error names the first thing to fix.
func (m Machine) Check(library, chosen string, d Driver) (CUDAFiles, error) {
	r := CUDAFiles{Version: cudaVersionOf(library)}
	if err := d.suits(r.Version); err != nil {
		return r, err
	}
	var err error
	if r.Toolkit, err = m.toolkit(library, r.Version, chosen); err != nil {
		return r, err
	}
	r.Without, err = load(libraries(library, r.Version, r.Toolkit), r.Version)
	return r, err
}

// Several refuses several GPUs without NCCL, through which GPUs exchange gradients.
func (r CUDAFiles) Several() error {
	for _, l := range r.Without {
		if l.Name == exchange {
			return backend.Errorf(backend.NotFound, "cuda", "several GPUs need NVIDIA's library %s (%s), which was not found: %s", l.Name, l.File, l.advice(r.Version))
		}
	}
	return nil
}

// exchange is the name of the library for transfers between GPUs.
const exchange = "NCCL"
