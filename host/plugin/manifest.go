package plugin

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// manifestName is the file that describes the folder of an installed plugin.
const manifestName = "plugin.json"

// manifest is written at the installation of a plugin. Listing and completion read nothing else.
type manifest struct {
	Name         string               `json:"name"`
	Version      string               `json:"version"`
	Protocol     string               `json:"protocol"` // major.minor
	File         string               `json:"file"`     // of the program, in the same folder
	Args         []string             `json:"args,omitempty"`
	SHA256       string               `json:"sha256"` // of the file, hexadecimal
	Engine       string               `json:"engine,omitempty"`
	Capabilities []backend.Capability `json:"capabilities"`
}

// maxManifest limits the size of a manifest, which has about 500 bytes.
const maxManifest = 64 << 10

// readManifest reads and checks a plugin.json. The file must be trusted like a plugin, because it names the program and its
// digest.
func readManifest(path string) (*manifest, error) {
	f, err := openTrusted(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxManifest {
		return nil, fmt.Errorf("%s is not a plugin.json: it is larger than %d bytes", path, maxManifest)
	}
	m, err := parseManifest(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// parseManifest reads the text of a plugin.json.
func parseManifest(raw []byte) (*manifest, error) {
	var m manifest
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("not valid: %w", err)
	}
	if err := checkName(m.Name); err != nil {
		return nil, err
	}
	if m.File == "" || m.File != filepath.Base(m.File) || m.File == "." || m.File == ".." || strings.ContainsAny(m.File, `/\`) {
		return nil, fmt.Errorf("file %q is not the name of a file in the same folder", m.File)
	}
	if sum, err := hex.DecodeString(m.SHA256); err != nil || len(sum) != 32 {
		return nil, fmt.Errorf("sha256 %.80q is not 64 hexadecimal digits", m.SHA256)
	}
	if _, _, err := m.ProtocolVersion(); err != nil {
		return nil, err
	}
	return &m, nil
}

// ProtocolVersion returns the numbers of Protocol.
func (m *manifest) ProtocolVersion() (major, minor int, err error) {
	a, b, _ := strings.Cut(m.Protocol, ".")
	if major, err = strconv.Atoi(a); err == nil {
		minor, err = strconv.Atoi(b)
	}
	if err != nil || major < 0 || minor < 0 {
		return 0, 0, fmt.Errorf("protocol %.80q is not MAJOR.MINOR", m.Protocol)
	}
	return major, minor, nil
}

// versions returns the installed versions of a backend, the newest first.
func (p Places) versions(name string) []Found {
	if p.installed() == "" {
		return nil
	}
	dir := filepath.Join(p.installed(), name)
	entries, _ := os.ReadDir(dir) // an error means that none is installed
	var versions []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") { // of an unfinished installation
			versions = append(versions, e.Name())
		}
	}
	slices.SortFunc(versions, func(a, b string) int { return compareVersions(b, a) })
	var out []Found
	for _, v := range versions {
		folder := filepath.Join(dir, v)
		f := Found{Name: name, Path: folder, Source: Installed}
		if err := f.load(folder, name); err != nil {
			f.Problem = err.Error()
			if u := (*untrustedError)(nil); !errors.As(err, &u) {
				f.Problem += "; install it again"
			}
		}
		out = append(out, f)
	}
	return out
}

func (f *Found) load(folder, name string) error {
	path := filepath.Join(folder, manifestName)
	m, err := readManifest(path)
	if err != nil {
		return err
	}
	if m.Name != name {
		return fmt.Errorf("%s describes the backend %q", path, m.Name)
	}
	f.Manifest, f.Path, f.Args, f.SHA256 = m, filepath.Join(folder, m.File), m.Args, m.SHA256
	if major, minor, _ := m.ProtocolVersion(); major != backend.ProtocolMajor {
		return fmt.Errorf("%s speaks protocol %d.%d, but this ptycho speaks %d.%d",
			f.Path, major, minor, backend.ProtocolMajor, backend.ProtocolMinor)
	}
	return checkFile(f.Path)
}

// compareVersions compares runs of digits as numbers and the rest as text: 1.10 is newer than 1.9, 1.0 than 1.0-rc1.
func compareVersions(a, b string) int {
	a, preA, isA := strings.Cut(strings.TrimPrefix(a, "v"), "-")
	b, preB, isB := strings.Cut(strings.TrimPrefix(b, "v"), "-")
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		if c := compareParts(part(x, i), part(y, i)); c != 0 {
			return c
		}
	}
	switch {
	case isA && !isB:
		return -1
	case isB && !isA:
		return 1
	}
	return strings.Compare(preA, preB)
}

func part(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return "0"
}

func compareParts(a, b string) int {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	switch {
	case errX != nil || errY != nil:
		return strings.Compare(a, b)
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// checkFile returns an error if the file at path cannot be run as a plugin because it is missing, not executable, or not
// trusted.
func checkFile(path string) error {
	f, err := openTrusted(path)
	if err != nil {
		return fmt.Errorf("plugin %w", err)
	}
	defer f.Close()
	if runtime.GOOS != "windows" && f.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("plugin %s is not executable; run: chmod u+x %s", path, path)
	}
	return nil
}
