//go:build unix

package plugin

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

// script writes a program in a folder that only the user can change.
func script(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "closed")
	path := filepath.Join(dir, "program")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755), os.Chmod(path, 0o755), os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTool_GetsTheFilteredEnvironment checks doctor (no network) and setup (network).
func TestTool_GetsTheFilteredEnvironment(t *testing.T) {
	for name, network := range map[string]bool{ // false: always withheld
		"AWS_SECRET_ACCESS_KEY": false, "MLFLOW_TRACKING_PASSWORD": false, "MLFLOW_TRACKING_TOKEN": false, "GITHUB_TOKEN": false,
		"PTYCHO_EXECUTION__MLFLOW_URI": false, "HTTPS_PROXY": true, "no_proxy": true, "PIP_INDEX_URL": true, "SSL_CERT_FILE": true,
	} {
		t.Setenv(name, "value-of-"+name)
		for _, s := range []Spec{{Path: script(t, "env"), Network: false}, {Path: script(t, "env"), Network: true}} {
			var out, log bytes.Buffer
			code, err := Tool(t.Context(), s, nil, &out, &log)
			if err != nil || code != 0 {
				t.Fatal(code, err, log.String())
			}
			if want := s.Network && network; strings.Contains(out.String(), "value-of-"+name) != want {
				t.Errorf("network %v: %s is there: %v", s.Network, name, !want)
			}
			if !strings.Contains(out.String(), "PATH=") {
				t.Error("PATH is missing")
			}
		}
	}
}

// TestStart_RefusesWhatIsNotTrusted checks that the file is checked at each start and not only at the search.
func TestStart_RefusesWhatIsNotTrusted(t *testing.T) {
	path := script(t, "touch \"$0.ran\"\n")
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Spec{Path: path})
	wantKind(t, err, backend.Invalid, "chmod go-w")
	_, err = Tool(t.Context(), Spec{Path: path}, nil, nil, nil)
	wantKind(t, err, backend.Invalid, "chmod go-w")
	if _, err := os.Stat(path + ".ran"); err == nil {
		t.Error("it was executed")
	}
}

// TestTool_KeepsTheNameOfALink checks that the target of a link is started under the link's name.
func TestTool_KeepsTheNameOfALink(t *testing.T) {
	path := script(t, "echo \"$0\"")
	link := filepath.Join(filepath.Dir(path), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Tool(t.Context(), Spec{Path: link}, nil, &out, nil); err != nil || strings.TrimSpace(out.String()) != path {
		t.Errorf("%q, %v, want %s", out.String(), err, path)
	}
}

// TestTool_NoticesAReplacedFile lets the program replace itself, like an update at the wrong moment.
func TestTool_NoticesAReplacedFile(t *testing.T) {
	path := script(t, `cp "$0" "$0.new"; mv "$0.new" "$0"`)
	_, err := Tool(t.Context(), Spec{Path: path}, nil, nil, nil)
	wantKind(t, err, backend.Invalid, "was replaced")
}
