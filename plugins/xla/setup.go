package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/plugins/xla/library"
)

// options are the arguments of setup.
type options struct {
	device   library.Device
	cuda     int // 0: chosen by the driver
	from     string
	noNVIDIA bool
	asJSON   bool
}

// parse reads the arguments of setup.
func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("setup", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	device := flags.String("device", "cpu", "")
	version := flags.Int("cuda", 0, "")
	from := flags.String("from", "", "")
	noNVIDIA := flags.Bool("no-nvidia", false, "")
	asJSON := flags.Bool("json", false, "")
	if err := flags.Parse(args); err != nil {
		return options{}, fmt.Errorf("setup: %w", err)
	}
	a := options{library.Device(*device), *version, *from, *noNVIDIA, *asJSON}
	switch {
	case flags.NArg() > 0:
		return a, fmt.Errorf("setup: unknown argument %q; the arguments are --device cpu|cuda, --cuda 12|13, --from FILE.whl|FOLDER, --no-nvidia and --json", flags.Arg(0))
	case a.device != library.CPU && a.device != library.CUDA:
		return a, fmt.Errorf("setup: --device %s, want cpu or cuda", a.device)
	case a.device == library.CPU && (a.cuda != 0 || a.noNVIDIA):
		return a, fmt.Errorf("setup: --cuda and --no-nvidia need --device cuda")
	case a.cuda != 0 && a.cuda != int(library.CUDA12) && a.cuda != int(library.CUDA13):
		return a, fmt.Errorf("setup: --cuda %d, want 12 or 13", a.cuda)
	}
	return a, nil
}

// report is what setup prints as JSON.
type report struct {
	library.Result
	CUDA   int                 `json:"cuda,omitempty"`
	NVIDIA []library.Installed `json:"nvidia,omitempty"`
}

// setup installs the XLA library of a device and, for CUDA, NVIDIA's packages.
func setup(ctx context.Context, args []string) error {
	a, err := parse(args)
	if err != nil {
		return err
	}
	pin, err := library.For(a.device)
	if err == nil && a.device == library.CUDA {
		pin, err = library.ForCUDA(a.version(os.Stderr))
	}
	if err != nil {
		return err
	}
	r := report{CUDA: pin.CUDA}
	if r.Result, err = library.Setup(ctx, pin, a.from, os.Stderr); err != nil {
		return err
	}
	if pin.CUDA > 0 && !a.noNVIDIA {
		if st, err := os.Stat(a.from); err == nil && !st.IsDir() {
			fmt.Fprintf(os.Stderr, "%s holds only the XLA library, so NVIDIA's packages are not installed; use --from FOLDER with their wheels too\n", a.from)
		} else if r.NVIDIA, err = library.SetupNVIDIA(ctx, pin, a.from, os.Stderr); err != nil {
			return err
		}
	}
	return r.print(a)
}

func (r report) print(a options) error {
	if a.asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	word := "installed"
	if r.Already {
		word = "was already installed, verified"
	}
	fmt.Printf("%s %s for the device %s %s: %s\n", r.Package, r.Version, r.Device, word, r.Path)
	for _, n := range r.NVIDIA {
		word := "installed"
		if n.Already { // only the sizes of its files were compared
			word = "was already installed"
		}
		fmt.Printf("%s %s %s\n", n.Package, n.Version, word)
	}
	return nil
}

// version returns the version of CUDA to install: the one of --cuda, else that of the wheel of --from, else the newest that
// the driver supports.
func (a options) version(log io.Writer) int {
	if a.cuda != 0 {
		return a.cuda
	}
	if a.from != "" {
		for _, v := range []library.CUDAVersion{library.CUDA13, library.CUDA12} {
			name := fmt.Sprintf("jax_cuda%d_pjrt-*.whl", int(v))
			inside, _ := filepath.Glob(filepath.Join(a.from, name)) // a folder whose name is a pattern matches nothing
			if is, _ := filepath.Match(name, filepath.Base(a.from)); is || len(inside) > 0 {
				return int(v)
			}
		}
	}
	d, _ := library.ThisMachine.Driver() // a machine that shows no GPU, such as a login node, may still have a driver
	switch {
	case !d.Known():
		fmt.Fprintf(log, "no NVIDIA driver was found; the library for %v needs driver %d or later, --cuda 12 installs the library for driver %d or later\n", library.CUDA13, library.CUDA13.Driver(), library.CUDA12.Driver())
	case !d.Runs(library.CUDA13):
		fmt.Fprintf(log, "%s: installing the library for %v\n", d, library.CUDA12)
		return int(library.CUDA12)
	default:
		fmt.Fprintf(log, "%s: installing the library for %v\n", d, library.CUDA13)
	}
	return int(library.CUDA13)
}
