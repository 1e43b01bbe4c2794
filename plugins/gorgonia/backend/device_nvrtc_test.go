package backend

import (
	"fmt"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/fake"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/nvrtc"
)

// TestCUDA_CompilesForNewGPUsOrUsesThePTX opens sessions on a GPU of compute capability 12.0 with compilers that work or fail, and with
// a driver that rejects the machine code: the session works with each.
func TestCUDA_CompilesForNewGPUsOrUsesThePTX(t *testing.T) {
	fixture.Long(t)
	d := onFake(t, fake.Build(t))
	d.Capability(12)
	defer d.Capability(9)
	before := d.Live()
	for what, c := range map[string]struct {
		fault   string
		rejects int // the module that the driver rejects
		modules int // that are loaded
	}{"a compiler": {"0", 0, 1}, "a driver that rejects machine code": {"0", 1, 2}, "a compiler that fails": {"1", 0, 1}, "a compiler that crashes": {"2", 0, 1}} {
		compiler := fake.NVRTC(t, "-DMAJOR=12", "-DMINOR=9", "-DFAULT="+c.fault)
		t.Setenv(nvrtc.Variable, compiler.Path)
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		d.Fail("cuModuleLoadDataEx", c.rejects, 200)
		if err := tiny(t).use(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := fmt.Sprint(compiler.Calls()); got != "[sm_120]" {
			t.Errorf("%s: it was asked for %s, want [sm_120]", what, got)
		}
		if n := d.Calls("cuModuleLoadDataEx"); n != c.modules {
			t.Errorf("%s: %d modules were loaded, want %d", what, n, c.modules)
		}
		if live := d.Live(); live != before {
			t.Errorf("%s: %d objects of the driver were not freed", what, live-before)
		}
	}
}
