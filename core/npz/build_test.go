package npz

import (
	"errors"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

type rawArray = fixture.Array

var (
	raw     = fixture.Raw
	archive = fixture.NPZ
	file    = fixture.Write
)

// wantError checks that err is the package's error, one line that names the file and contains want.
func wantError(t *testing.T, name string, err error, path, want string) {
	t.Helper()
	var e *Error
	switch {
	case !errors.As(err, &e):
		t.Errorf("%s: got %v (%T), want a *Error", name, err, err)
	case !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n"):
		t.Errorf("%s: %q is not one sentence with the file's name", name, err)
	case !strings.Contains(err.Error(), want):
		t.Errorf("%s: got %q, want %q in it", name, err, want)
	}
}
