package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// snapshot holds the contents of a folder: the digest of each file by its relative name, "" for folders.
type snapshot map[string]string

// takeSnapshot digests every file below root. A root that does not exist gives an empty snapshot; a root that is a file
// is listed as ".".
func takeSnapshot(root string, digest func(name string, content []byte) string) (snapshot, error) {
	s := snapshot{}
	if _, err := os.Lstat(root); os.IsNotExist(err) {
		return s, nil
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			s[name] = ""
		case d.Type().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			s[name] = digest(name, content)
		default:
			s[name] = d.Type().String()
		}
		return nil
	})
	return s, err
}

// countSteps numbers the checkpoints of steps, because an interruption adds one and the oldest one is removed.
func (s snapshot) countSteps() snapshot {
	counts := map[string]int{}
	for name := range s {
		if step.MatchString(name) {
			delete(s, name)
			counts[filepath.Dir(name)]++
		}
	}
	for dir, n := range counts {
		for i := range n {
			s[fmt.Sprintf("%s/step checkpoint %d", dir, i+1)] = ""
		}
	}
	return s
}

var step = regexp.MustCompile(`(^|/)checkpoints/step-[0-9]+\.npz$`)

// exact digests every byte, except of ptycho's internal files of a folder.
func exact(name string, content []byte) string {
	if internalFile(name) {
		return "kept by ptycho"
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// result digests the common content of two undisturbed runs: every byte of weights, images and scans, and reports without
// times. Checkpoints and the settings' origins differ between any two runs, so only their names count.
func result(name string, content []byte) string {
	switch base := filepath.Base(name); {
	case internalFile(name), base == "config.json", slices.Contains(strings.Split(name, "/"), "checkpoints"):
		return "present"
	case base == "report.json":
		content = withoutTimes(content)
	case base == "metrics.csv":
		content = withoutTimeColumns(content)
	}
	return exact(name, content)
}

// internalFile reports whether a file of an output folder is an internal file of ptycho.
func internalFile(name string) bool {
	return filepath.Base(name) == ".lock" || slices.Contains(strings.Split(name, "/"), ".ptycho")
}

// timed reports whether a value is a duration or a speed.
func timed(key string) bool { return strings.Contains(key, "second") }

func withoutTimes(content []byte) []byte {
	var v any
	if json.Unmarshal(content, &v) != nil {
		return content
	}
	var strip func(v any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				if timed(key) {
					delete(v, key)
					continue
				}
				strip(value)
			}
		case []any:
			for _, value := range v {
				strip(value)
			}
		}
	}
	strip(v)
	out, err := json.Marshal(v)
	if err != nil {
		return content
	}
	return out
}

func withoutTimeColumns(content []byte) []byte {
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil || len(rows) == 0 {
		return content
	}
	var out bytes.Buffer
	for _, row := range rows {
		for i, cell := range row {
			if i < len(rows[0]) && !timed(rows[0][i]) {
				fmt.Fprintf(&out, "%s,", cell)
			}
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// holds reports whether every entry of want is in s with the same content. More entries are allowed.
func (s snapshot) holds(want snapshot) bool {
	for name, digest := range want {
		if have, ok := s[name]; !internalFile(name) && (!ok || have != digest) {
			return false
		}
	}
	return true
}

// against compares s with the result of an undisturbed run. It returns the extra names in s, and the names that are missing or
// have other contents. Internal files of ptycho may be missing.
func (s snapshot) against(want snapshot) (excess, other []string) {
	for name, digest := range s {
		if have, ok := want[name]; !ok {
			excess = append(excess, name)
		} else if have != digest {
			other = append(other, name)
		}
	}
	for name := range want {
		if _, ok := s[name]; !ok && !internalFile(name) {
			other = append(other, name+" is missing")
		}
	}
	slices.Sort(excess)
	slices.Sort(other)
	return excess, other
}
