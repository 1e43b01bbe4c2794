package main

import (
	"fmt"
	"strings"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/model"
)

// remembered returns the settings with which the scan of a model's training was read, by their full keys, for a scan of the same
// format; for a scan of another format it returns a notice. given are the settings of this command.
func remembered(path string, given *config.Draft) (map[string]any, string, error) {
	kind, scan, err := model.ScanOf(path)
	if err != nil || len(scan) == 0 {
		return nil, "", err
	}
	out := map[string]any{}
	for name, v := range scan {
		out["scan."+name] = v
	}
	source := dataset.Source{Path: given.Inference().TestData, Layout: given.Inference().DiffractionLayout, Scan: given.Scan()}
	if inside := scan["data-path"]; inside != "" && source.Scan.DataPath == "" {
		source.Scan.DataPath = inside
		if _, err := source.Describe(); err == nil {
			return out, "", nil
		}
		source.Scan.DataPath = ""
	}
	found, err := source.Describe()
	if err != nil || found.Format == kind { // an error may be for want of these settings, or is reported with them
		return out, "", nil //nolint:nilerr // see above
	}
	return nil, fmt.Sprintf("the model was trained on a scan of the format %s, read with %s; %s is %s, and is read without them", kind, asFlags(scan), source.Path, found.Format), nil
}

// asFlags writes settings as flags.
func asFlags(values map[string]string) string {
	var all []string
	for _, row := range config.ScanRows() {
		if v, ok := values[row.Name]; ok {
			all = append(all, "--"+row.Name+" "+v)
		}
	}
	return strings.Join(all, " ")
}

// applied returns a notice about the settings that a model remembers and that are in force; "" if there are none.
func applied(cfg *config.Inference) string {
	in := map[string]string{}
	for _, v := range cfg.Values() {
		if v.Setting.Section == config.ScanSection && v.Origin.Layer == config.DataLayer {
			in[v.Setting.Name] = v.Text
		}
	}
	if len(in) == 0 {
		return ""
	}
	return fmt.Sprintf("the scan is read as that of the training was, with %s; a flag given again replaces its value", asFlags(in))
}
