package config

import (
	"errors"
	"fmt"
	"io"
	"os"

	"gopkg.in/yaml.v3"

	"github.com/ptychogo/ptycho/internal/plainfile"
)

// largestFile bounds a configuration file, in bytes. The longest sensible file has a few kilobytes.
const largestFile = 1 << 20

// File reads a YAML file of sections with settings:
//
//	training:
//	  batch-size: 8
//
// Underscores count as hyphens. A file may hold sections of several commands. A configuration of PtychoPINN, YAML or
// JSON, is recognised by its keys and translated: see Import.
func File(path string) Source {
	b, err := readBounded(path)
	if err != nil {
		s := Source{layer: FileLayer}
		s.reject("", "", err.Error(), path)
		return s
	}
	return YAML(path, b)
}

func readBounded(path string) ([]byte, error) {
	f, _, err := plainfile.Open(path)
	var other *plainfile.KindError
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

// YAML reads the contents of a file, as File does.
func YAML(name string, contents []byte) Source {
	s := Source{layer: FileLayer, lax: true}
	at := func(n *yaml.Node) string { return fmt.Sprintf("%s:%d", name, n.Line) }
	root, rule := yamlRoot(spaced(contents))
	switch {
	case rule != "":
		s.reject("", "", rule, name)
		return s
	case root == nil:
		return s // an empty file
	case isLegacy(root):
		i, err := ImportContents(name, contents)
		if err != nil {
			s.reject("", "", err.Error(), name) // cannot happen: it was parsed above
			return s
		}
		return i.Source()
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		section, body := root.Content[i], root.Content[i+1]
		if body.Kind == yaml.ScalarNode && body.Tag == "!!null" && knownSection(section.Value) {
			continue
		}
		if body.Kind != yaml.MappingNode {
			rule := "must be a section with settings below it" + suggestion(section.Value, both)
			s.reject(section.Value, body.Value, rule, at(section))
			continue
		}
		if len(body.Content) == 0 && !knownSection(section.Value) {
			s.reject(section.Value, "", "is not a section"+suggestion(section.Value, both), at(section))
		}
		for j := 0; j+1 < len(body.Content); j += 2 {
			k, v := body.Content[j], body.Content[j+1]
			key := canonical(section.Value + "." + k.Value)
			if first, twice := lines[key]; twice {
				s.reject(key, v.Value, fmt.Sprintf("is set twice, first in line %d", first), at(k))
				continue
			}
			lines[key] = k.Line
			if v.Kind == yaml.AliasNode && v.Alias != nil {
				v = v.Alias
			}
			if v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
				s.reject(key, v.Value, "must have one value", at(k))
				continue
			}
			s.add(key, v.Value, at(k))
		}
	}
	return s
}

func knownSection(name string) bool {
	switch Section(name) {
	case ModelSection, TrainingSection, InferenceSection, ExecutionSection:
		return true
	}
	return false
}
