package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ptychogo/ptycho/internal/disk"
)

// largestFile bounds a configuration file, in bytes. The longest sensible file has a few kilobytes.
const largestFile = 1 << 20

// ReadFile reads a configuration file. Its error completes a sentence that begins with the file's name.
func ReadFile(path string) ([]byte, error) {
	f, _, err := disk.Open(path)
	var other *disk.KindError
	if errors.As(err, &other) {
		return nil, errors.New(other.What())
	}
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", err)
	case len(b) > largestFile:
		return nil, fmt.Errorf("is larger than %d bytes, the limit of a configuration file", largestFile)
	}
	return b, nil
}

// YAML reads the contents of a YAML file of sections with settings:
//
//	training:
//	  batch-size: 8
//
// Underscores count as hyphens. A file may hold sections of several commands.
func YAML(name string, contents []byte) Source {
	s := NewSource(FileLayer)
	at := func(n *yaml.Node) string { return fmt.Sprintf("%s:%d", name, n.Line) }
	root, rule := Root(contents)
	switch {
	case rule != "":
		s.Reject("", "", rule, name)
		return s
	case root == nil:
		return s // an empty file
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		section, body := root.Content[i], root.Content[i+1]
		if body.Kind == yaml.ScalarNode && body.Tag == "!!null" && IsSection(section.Value) {
			continue
		}
		if body.Kind != yaml.MappingNode {
			rule := "must be a section with settings below it" + suggestion(section.Value, both)
			s.Reject(section.Value, body.Value, rule, at(section))
			continue
		}
		if len(body.Content) == 0 && !IsSection(section.Value) {
			s.Reject(section.Value, "", "is not a section"+suggestion(section.Value, both), at(section))
		}
		for j := 0; j+1 < len(body.Content); j += 2 {
			k, v := body.Content[j], body.Content[j+1]
			key := canonical(section.Value + "." + k.Value)
			if first, twice := lines[key]; twice {
				s.Reject(key, v.Value, fmt.Sprintf("is set twice, first in line %d", first), at(k))
				continue
			}
			lines[key] = k.Line
			if v.Kind == yaml.AliasNode && v.Alias != nil {
				v = v.Alias
			}
			if v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
				s.Reject(key, v.Value, "must have one value", at(k))
				continue
			}
			s.Add(key, v.Value, at(k))
		}
	}
	return s
}

// IsSection reports whether the configuration has a section of that name.
func IsSection(name string) bool {
	switch Section(name) {
	case ModelSection, TrainingSection, InferenceSection, ScanSection, ExecutionSection:
		return true
	}
	return false
}

// spaced makes JSON indented with tabs readable: YAML includes JSON except for tabs between tokens, and JSON has tabs
// only there.
func spaced(contents []byte) []byte {
	contents = bytes.TrimPrefix(contents, []byte("\ufeff"))
	if trimmed := bytes.TrimSpace(contents); len(trimmed) > 0 && trimmed[0] == '{' {
		return bytes.ReplaceAll(contents, []byte("\t"), []byte(" "))
	}
	return contents
}

// Root returns the mapping of a YAML or JSON file with one document, nil for an empty file, and the rule that the file breaks.
func Root(contents []byte) (*yaml.Node, string) {
	d := yaml.NewDecoder(bytes.NewReader(spaced(contents)))
	var doc yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, ""
	} else if err != nil {
		return nil, "is not YAML: " + strings.Join(strings.Fields(err.Error()), " ")
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, "must contain one YAML document"
	}
	if len(doc.Content) != 1 || doc.Content[0].Tag == "!!null" {
		return nil, ""
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, "must contain sections such as training: with settings below"
	}
	return doc.Content[0], ""
}
