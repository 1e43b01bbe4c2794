package backend

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/fake"
)

// onFake replaces the NVIDIA driver by one that runs the kernels on the CPU.
func onFake(t testing.TB, d *fake.Driver) *fake.Driver {
	t.Helper()
	old := cudaLibrary
	cudaLibrary = d.Path
	t.Cleanup(func() { cudaLibrary = old })
	return d
}

// conforms runs the cases of the conformance suite that match, up to level 2.
func conforms(t *testing.T, d *fake.Driver, dtype tensor.DType, run string) {
	t.Helper()
	before := d.Live()
	target := conformance.Target{Name: "gorgonia on a GPU", Devices: []string{"cuda:0"}, DType: dtype, Start: func(context.Context) (backend.Backend, func() error, error) {
		return New(), func() error { return nil }, nil
	}}
	_, err := conformance.Check(context.Background(), target, conformance.Options{Level: conformance.Learns, Quick: true, Run: regexp.MustCompile(run), Report: func(r conformance.Result) {
		switch r.Status {
		case conformance.Failed:
			t.Errorf("%s: %s: %s %s", r.Name, r.Rule, r.Message, d.Message())
		case conformance.Skipped, conformance.Excluded:
			t.Logf("%s: %s: %s", r.Status, r.Name, r.Message)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if live := d.Live(); live != before {
		t.Errorf("%d objects of the driver were not freed", live-before)
	}
}

// TestCUDA_PassesTheConformanceSuite checks some operations with all checks of the shim; make test-all checks every operation, and
// the full suite the quick cases of the levels 0 to 2 in both precisions.
func TestCUDA_PassesTheConformanceSuite(t *testing.T) {
	fixture.Long(t)
	if fixture.Full() {
		d := onFake(t, fake.BuildFast(t))
		t.Run("float32", func(t *testing.T) { conforms(t, d, tensor.Float32, "") })
		t.Run("float64", func(t *testing.T) { conforms(t, d, tensor.Float64, "") })
		return
	}
	run := "^(operation/(polar|poisson_deviance)|state/before-set)$"
	if fixture.All() {
		run = "^(operation|state)/"
	}
	conforms(t, onFake(t, fake.Build(t)), tensor.Float32, run)
}

// TestCUDA_SameBitsOnEveryDevice trains twice, on two devices.
func TestCUDA_SameBitsOnEveryDevice(t *testing.T) {
	fixture.NeedsAll(t)
	d := onFake(t, fake.BuildFast(t))
	before := d.Live()
	var states []map[string]tensor.Tensor
	for _, device := range []string{"cuda:0", "cuda:1"} {
		tr := newTrial(t, arch.Config{N: 16, FiltersScale: 1, BaseWidth: 4, Gridsize: 1}, 1)
		s, ref := tr.openOn(t, device, tensor.Float32, 1)
		if err := s.Step(context.Background(), tr.plan(ref.Dataset, 2), func(backend.StepResult) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if d.Live() == before {
			t.Error("the session holds nothing on the GPU")
		}
		st, err := s.State(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, st.Slots[backend.Weights])
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, w := range states[0] {
		if !bytes.Equal(w.Bytes(), states[1][name].Bytes()) {
			t.Errorf("the weights %s differ", name)
		}
	}
	if live := d.Live(); live != before {
		t.Errorf("%d objects of the driver were not freed", live-before)
	}
}

// TestCUDA_ListsDevices lists the fake GPUs, and says why there are none without a driver.
func TestCUDA_ListsDevices(t *testing.T) {
	fixture.Long(t)
	onFake(t, fake.Build(t).Copy(t))
	all, err := New().Devices(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 || all[0].ID != "cpu" || all[1].ID != "cuda:0" || all[2].ID != "cuda:1" || !all[2].Usable || all[2].Memory != 4<<30 {
		t.Errorf("the devices are %+v", all)
	}
}

func TestCUDA_SaysWhyThereAreNoDevices(t *testing.T) {
	for library, want := range map[string]string{
		"libptycho-missing.so.1":        "the NVIDIA driver is not installed",
		t.TempDir() + "/" + driver.Name: "cannot be loaded",
	} {
		old := cudaLibrary
		cudaLibrary = library
		all, err := New().Devices(context.Background())
		tr := tiny(t)
		failed := tr.use()
		cudaLibrary = old
		if err != nil || len(all) != 2 || all[1].Usable || !regexp.MustCompile(want).MatchString(all[1].Reason) {
			if library == "libptycho-missing.so.1" && len(all) > 1 {
				t.Logf("a GPU may be here: %+v", all)
			}
			t.Errorf("the devices are %+v (%v), want a reason with %q", all, err, want)
		}
		if backend.KindOf(failed) != backend.Unavailable {
			t.Errorf("opening cuda:0 fails with %v, want the kind %s", failed, backend.Unavailable)
		}
	}
}

// A driver that ends the process that loads it is listed as unusable, and the backend lives on.
func TestCUDA_SurvivesADriverThatCrashesWhenLoaded(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc")
	}
	folder := t.TempDir()
	source, library := folder+"/crash.c", folder+"/"+driver.Name
	if err := os.WriteFile(source, []byte("#include <stdlib.h>\n__attribute__((constructor)) static void load(void) { abort(); }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	onFake(t, &fake.Driver{Path: library})
	all, err := New().Devices(context.Background())
	if err != nil || len(all) != 2 || !all[0].Usable || all[1].Usable || !strings.Contains(all[1].Reason, "ended the process that lists the GPUs") {
		t.Errorf("the devices are %+v (%v)", all, err)
	}
}

// TestCUDA_RefusesImpossibleDevices opens devices that do not exist.
func TestCUDA_RefusesImpossibleDevices(t *testing.T) {
	fixture.Long(t)
	onFake(t, fake.Build(t))
	p := tiny(t).program
	for _, device := range []string{"cuda:2", "cuda:99999999999999999999", "cuda:-1", "cuda:01", "cuda:", "cuda0", "mps:0"} {
		_, err := New().Open(context.Background(), backend.OpenOptions{Program: p, Devices: []string{device}})
		if backend.KindOf(err) != backend.Unavailable {
			t.Errorf("device %s: the error is %v, want the kind %s", device, err, backend.Unavailable)
		}
	}
}

// TestCUDA_KnowsItsMemoryBeforeTheFirstStep limits the memory of the GPU, and that of the session.
func TestCUDA_KnowsItsMemoryBeforeTheFirstStep(t *testing.T) {
	fixture.Long(t)
	d := onFake(t, fake.Build(t))
	for name, c := range map[string]struct{ gpu, limit int64 }{"a small GPU": {500, 0}, "a limit": {4 << 30, 500}} {
		d.Memory(c.gpu)
		tr := tiny(t)
		tr.limit = c.limit
		d.Fail("", 0, 0)
		err := tr.use()
		if backend.KindOf(err) != backend.Exhausted {
			t.Errorf("%s: the error is %v, want the kind %s", name, err, backend.Exhausted)
		}
		if n := d.Calls("cuGraphLaunch"); n != 0 {
			t.Errorf("%s: %d graphs were launched before the error", name, n)
		}
	}
	d.Memory(4 << 30)
}
