package host

import (
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

// The error of a backend without memory for a batch names the flags that help. Other errors do not change.
func TestRelieve_NamesTheFlags(t *testing.T) {
	const limit = "the batch needs 300 MiB of memory, 64 MiB are allowed"
	err := Relieve(backend.Errorf(backend.Exhausted, "compile", limit+": use smaller batches"), "--batch-size")
	if want := "compile: " + limit + ": use smaller batches with --batch-size, or raise --memory-limit where it is set"; err.Error() != want || ExitCode(err) != ExitDevice {
		t.Errorf("got %q with code %d, want %q", err, ExitCode(err), want)
	}
	if err := Relieve(backend.Errorf(backend.Crashed, "step", "the batch is lost"), "--batch-size"); err.Error() != "step: the batch is lost" {
		t.Errorf("got %q", err)
	}
}
