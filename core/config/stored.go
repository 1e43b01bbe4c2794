package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// A stored configuration is the config.json of a run directory: every value with its origin.
const (
	storedFormat  = "ptycho-config"
	storedVersion = 1
)

type storedConfig struct {
	Format    string          `json:"format"`
	Version   int             `json:"version"`
	Command   string          `json:"command"`
	Directory string          `json:"directory"` // base of relative paths
	Settings  []storedSetting `json:"settings"`
}

type storedSetting struct {
	Key      string             `json:"key"`
	Value    any                `json:"value"`
	Layer    string             `json:"layer"`
	Origin   string             `json:"origin"`
	Explicit bool               `json:"explicit"`
	Overrode []storedOverridden `json:"overrode,omitempty"`
}

type storedOverridden struct {
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// JSON returns the configuration with all origins, as a run directory stores it and Stored reads it.
func (r *resolution) JSON() ([]byte, error) {
	directory := r.start
	if directory == "" {
		directory, _ = os.Getwd() //nolint:errcheck // "" in a folder that was removed, where only absolute paths work
	}
	c := storedConfig{Format: storedFormat, Version: storedVersion, Command: r.command.String(), Directory: directory}
	for _, v := range r.values {
		s := storedSetting{Key: v.Setting.Key(), Value: v.stored(), Layer: v.Origin.Layer.String(), Origin: v.Origin.String(), Explicit: v.Explicit}
		for _, o := range v.Overrode {
			s.Overrode = append(s.Overrode, storedOverridden{o.Text, o.Origin.String()})
		}
		c.Settings = append(c.Settings, s)
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("config: store: %w", err)
	}
	return append(b, '\n'), nil
}

// Stored reads the config.json of a run that is resumed. A different value from another source is an error, unless the
// setting may change on resume.
func Stored(path string) Source {
	b, err := ReadFile(path)
	if err != nil {
		s := Source{layer: StoredLayer}
		s.Reject("", "", err.Error(), path)
		return s
	}
	return storedJSON(path, b)
}

// storedJSON reads the contents of a file, as Stored does.
func storedJSON(name string, contents []byte) Source {
	s := Source{layer: StoredLayer}
	c, err := decodeStored(contents)
	if err != nil {
		s.Reject("", "", err.Error(), name)
		return s
	}
	seen := map[string]bool{}
	for _, v := range c.Settings {
		where := name
		switch {
		case v.Layer == StoredLayer.String():
			where = v.Origin // resumed before: keep the first origin
		case v.Explicit:
			where += ", there " + v.Origin
		}
		value, ok := v.text()
		if !ok {
			s.Reject(v.Key, "", "must have one value", name)
			continue
		}
		if seen[v.Key] {
			s.Reject(v.Key, value, "is stored twice", name)
			continue
		}
		seen[v.Key] = true
		if row, ok := Lookup(v.Key); ok && row.Path && value != "" && !filepath.IsAbs(value) {
			value = fromDirectory(c.Directory, value)
		}
		s.entries = append(s.entries, entry{canonical(v.Key), value, Origin{StoredLayer, where}, v.Explicit})
		seen["cnn"] = seen["cnn"] || v.Key == "model.arch" && value == "cnn"
	}
	for _, key := range []string{"model.standardise-input", "model.back-projection", "model.align-input", "model.separate-patterns"} { // of a cnn that was trained before it had the setting
		if seen["cnn"] && !seen[key] {
			s.entries = append(s.entries, entry{key, "false", Origin{StoredLayer, name}, false})
		}
	}
	return s
}

// decodeStored reads a stored configuration without checking its settings.
func decodeStored(contents []byte) (c storedConfig, err error) {
	d := json.NewDecoder(bytes.NewReader(contents))
	d.UseNumber()
	d.DisallowUnknownFields()
	switch err := d.Decode(&c); {
	case err != nil:
		return c, fmt.Errorf("is not a stored configuration: %w", err)
	case c.Format != storedFormat:
		return c, fmt.Errorf("is not a stored configuration: format %q, want %q", c.Format, storedFormat)
	case c.Version != storedVersion:
		return c, fmt.Errorf("has version %d of the format, but this program reads version %d", c.Version, storedVersion)
	}
	return c, nil
}

// text returns the value as written in a file. It returns false for a null, a list or an object.
func (v storedSetting) text() (string, bool) {
	switch x := v.Value.(type) {
	case string:
		return x, true
	case bool:
		return text(x), true
	case json.Number:
		return x.String(), true
	}
	return "", false
}

// fromDirectory resolves a path that was relative to another working directory.
func fromDirectory(directory, path string) string {
	if here, err := os.Getwd(); directory == "" || (err == nil && here == directory) {
		return path
	}
	return filepath.Join(directory, path)
}
