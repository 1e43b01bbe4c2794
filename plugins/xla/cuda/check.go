package cuda

// Ready is what XLA needs, found and loaded.
type Ready struct {
	Version Version
	Toolkit string    // folder for --xla_gpu_cuda_data_dir
	Without []Library // optional libraries that are not there
}

// Check finds and loads what an XLA library needs on a GPU: the driver, the toolkit and NVIDIA's libraries. chosen is the
// toolkit's folder if the user names one, else "". The error names the one thing to do first.
func (m Machine) Check(library, chosen string, d Driver) (Ready, error) {
	r := Ready{Version: VersionOf(library)}
	if err := d.Suits(r.Version); err != nil {
		return r, err
	}
	var err error
	if r.Toolkit, err = m.Toolkit(library, r.Version, chosen); err != nil {
		return r, err
	}
	r.Without, err = load(libraries(library, r.Version, r.Toolkit), r.Version)
	return r, err
}
