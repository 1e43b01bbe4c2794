package backend

import (
	"errors"
	"os"
	"strconv"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/words"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/library"
)

// CUDALibrary finds and verifies the library for the GPUs of a driver.
func CUDALibrary(d library.Driver) (library.Found, error) {
	return library.Find(library.CUDA, d.CUDA/1000, try)
}

// PrepareCUDA finds the library for the GPUs of a driver, and checks and loads the libraries and the toolkit that it needs.
func PrepareCUDA(d library.Driver) (library.Found, library.CUDAFiles, error) {
	found, err := CUDALibrary(d)
	if err != nil {
		return found, library.CUDAFiles{}, err
	}
	if err := engine.CheckFlags(); err != nil { // one flag names the folder of the toolkit
		return found, library.CUDAFiles{}, err
	}
	ready, err := library.ThisMachine.Check(found.Path, engine.DataFolder(), d)
	return found, ready, err
}

// gpuDevices lists the GPUs. If a library for CUDA is installed but no GPU is usable, it lists one device with the reason.
func gpuDevices() []backend.Device {
	driver, noGPU := library.ThisMachine.Driver()
	if noGPU != nil {
		if _, err := CUDALibrary(driver); err != nil {
			return nil
		}
		return []backend.Device{{ID: "cuda:0", Name: "NVIDIA", Reason: what(noGPU)}}
	}
	_, _, missing := PrepareCUDA(driver)
	var out []backend.Device
	for n, card := range driver.Cards {
		d := backend.Device{ID: "cuda:" + strconv.Itoa(n), Name: card.Name, Memory: card.Memory, Usable: missing == nil && engine.Built}
		if missing != nil {
			d.Reason = what(missing)
		}
		out = append(out, d)
	}
	return out
}

// what returns the text of an error without the name of its operation.
func what(err error) string {
	var b *backend.Error
	if errors.As(err, &b) {
		return b.What
	}
	return err.Error()
}

// openGPU checks what a session on GPUs needs. It returns the library to open and the bytes of memory that a session may use
// on each GPU.
func openGPU(numbers []int, o backend.OpenOptions) (engine.Library, int64, error) {
	var none engine.Library
	driver, err := library.ThisMachine.Driver()
	if err != nil {
		return none, 0, err
	}
	smallest, err := smallestCard(driver, numbers)
	if err != nil {
		return none, 0, err
	}
	fraction, limit, err := memory(o.MemoryLimit, smallest)
	if err != nil {
		return none, 0, err
	}
	found, ready, err := PrepareCUDA(driver)
	if err == nil && len(numbers) > 1 {
		err = ready.Several()
	}
	if err != nil {
		return none, 0, err
	}
	return engine.Library{Path: found.Path, CUDA: true, TF32: o.TF32, Toolkit: ready.Toolkit, Fraction: fraction}, limit, nil
}

// smallestCard returns the memory in bytes of the smallest of the numbered cards, and refuses numbers that the driver does not
// show.
func smallestCard(driver library.Driver, numbers []int) (bytes int64, err error) {
	for i, n := range numbers {
		if n >= len(driver.Cards) {
			return 0, backend.Errorf(backend.Unavailable, "open", "device cuda:%d: the driver shows %s, counted from cuda:0; CUDA_VISIBLE_DEVICES may hide some", n, words.Of(len(driver.Cards), "GPU"))
		}
		if size := driver.Cards[n].Memory; i == 0 || size < bytes {
			bytes = size
		}
	}
	return bytes, nil
}

// fractionKey is the variable for the share of a GPU's memory that XLA may use. XLA allocates memory as needed.
const fractionKey = "PTYCHO_XLA_CUDA_MEMORY_FRACTION"

// usualFraction is XLA's default.
const usualFraction = 0.75

// memory returns the share of a GPU's memory that XLA may use, 0 for XLA's default, and that share in bytes, 0 if unknown. If
// both a limit in bytes and a share are set, the smaller one applies.
func memory(limit, card int64) (fraction float64, bytes int64, err error) {
	if text := os.Getenv(fractionKey); text != "" {
		fraction, err = strconv.ParseFloat(text, 64)
		if err != nil || !(fraction > 0 && fraction <= 1) {
			return 0, 0, backend.Errorf(backend.Invalid, "open", "%s is %q, want a number above 0 and up to 1", fractionKey, text)
		}
	}
	if card <= 0 {
		return fraction, limit, nil
	}
	if limit > 0 {
		share := min(float64(limit)/float64(card), 1)
		if fraction == 0 || share < fraction {
			fraction = share
		}
	}
	if fraction == 0 {
		return 0, int64(usualFraction * float64(card)), nil
	}
	return fraction, int64(fraction * float64(card)), nil
}
