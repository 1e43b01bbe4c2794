package ptychopinn

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ptychogo/ptycho/core/config"
)

// entry is a key of a file with its row.
type entry struct {
	written string // as spelled in the file
	line    int
	row     *field // nil if there is nothing to translate
	value   literal
	wrong   string
	note    string
}

// position is the place of a key: its line, and whether it is below model:.
type position struct {
	line   int
	nested bool
}

// sections are the spellings of the torch side's sections.
var sections = map[string]string{
	"DataConfig": "data", "data_config": "data",
	"ModelConfig": "model", "model_config": "model",
	"TrainingConfig": "training", "training_config": "training",
	"InferenceConfig": "inference", "inference_config": "inference",
	"DatagenConfig": "datagen", "datagen_config": "datagen",
	"PyTorchExecutionConfig": "execution", "execution_config": "execution",
}

// recognise reports whether a file's root is a configuration of PtychoPINN: it has a section of the torch side, a flat
// key with a value, or a model with keys that only the reference knows.
func recognise(root *yaml.Node) bool {
	for n := 0; n+1 < len(root.Content); n += 2 {
		key, body := root.Content[n].Value, aliased(root.Content[n+1])
		if _, torch := sections[key]; torch && body.Kind == yaml.MappingNode {
			return true
		}
		if body.Kind != yaml.MappingNode && !config.IsSection(key) && (flatField("training", key) != nil || flatField("model", key) != nil) {
			return true
		}
		if key == string(config.ModelSection) && body.Kind == yaml.MappingNode {
			for m := 0; m < len(body.Content); m += 2 {
				if _, ours := config.Lookup("model." + body.Content[m].Value); !ours && flatField("model", body.Content[m].Value) != nil {
					return true
				}
			}
		}
	}
	return false
}

func aliased(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// collect finds the row of every key, and the values that the reference itself would reject.
func (i *Import) collect(root *yaml.Node) []entry {
	i.Kind, i.form = kindOf(root), flatTable
	if i.Kind == "torch" {
		i.form = torchTable
	}
	var keys []entry
	seen := map[string]position{}
	section := func(written, name string, body *yaml.Node) {
		for n := 0; n+1 < len(body.Content); n += 2 {
			keys = append(keys, i.key(written, name, body.Content[n], aliased(body.Content[n+1]), seen))
		}
	}
	if i.Kind == "torch" {
		for n := 0; n+1 < len(root.Content); n += 2 {
			k, body := root.Content[n], aliased(root.Content[n+1])
			name, known := sections[k.Value]
			switch {
			case !known:
				i.read = append(i.read, i.violation(k, k.Value, "", "is not a section of PtychoPINN's torch configuration"+config.Nearest(k.Value, slices.Sorted(maps.Keys(sections)))))
			case body.Kind == yaml.ScalarNode && body.Tag == "!!null":
			case body.Kind != yaml.MappingNode:
				i.read = append(i.read, i.violation(k, k.Value, body.Value, "must be a section with keys below"))
			default:
				section(k.Value, name, body)
			}
		}
		return keys
	}
	for n := 0; n+1 < len(root.Content); n += 2 {
		k, body := root.Content[n], aliased(root.Content[n+1])
		switch {
		case k.Value != "model":
			keys = append(keys, i.key("", "training", k, body, seen))
		case body.Kind == yaml.MappingNode:
			section("model", "model", body)
		case body.Kind == yaml.ScalarNode && body.Tag == "!!null":
		default:
			i.read = append(i.read, i.violation(k, k.Value, body.Value, "must be a section with keys below"))
		}
	}
	return keys
}

func kindOf(root *yaml.Node) string {
	kind := "TrainingConfig"
	for n := 0; n+1 < len(root.Content); n += 2 {
		switch _, torch := sections[root.Content[n].Value]; {
		case torch && aliased(root.Content[n+1]).Kind == yaml.MappingNode:
			return "torch"
		case root.Content[n].Value == "model_path":
			kind = "InferenceConfig"
		case root.Content[n].Value == "train_data_file":
			return "TrainingConfig"
		}
	}
	return kind
}

func (i *Import) violation(at *yaml.Node, key, value, rule string) config.Violation {
	return config.Violation{Key: key, Value: value, Rule: rule, Origin: inFile(fmt.Sprintf("%s:%d", i.Name, at.Line))}
}

// key reads one key of a section ("" is the root) and stores its value.
func (i *Import) key(written, section string, k, body *yaml.Node, seen map[string]position) entry {
	out := entry{written: k.Value, line: k.Line}
	if written != "" {
		out.written = written + "." + k.Value
	}
	row, home := i.row(section, k.Value)
	if row == nil {
		out.wrong = "is not a key of PtychoPINN" + config.Nearest(k.Value, i.names(section))
		out.value.text = body.Value
		return out
	}
	full := home + "." + row.name
	nested := written == "model"
	if first, twice := seen[full]; twice {
		switch {
		case i.Kind == "torch" || home != "model" || nested == first.nested:
			out.wrong = fmt.Sprintf("is set twice, first in line %d", first.line)
			out.value.text = body.Value
			return out
		case first.nested: // the key below model: wins, wherever the other one is
			out.value, _ = readLiteral(row, body)
			out.note = fmt.Sprintf("line %d below model: wins", first.line)
			return out
		}
	}
	seen[full] = position{k.Line, nested}
	var rule string
	if out.value, rule = readLiteral(row, body); rule != "" {
		out.wrong = "must be " + rule
		return out
	}
	if !out.value.null {
		i.values[full] = out.value
	}
	if out.value.null && !row.meansNull {
		out.note = "is not set"
		return out
	}
	out.row = row
	return out
}

// row returns the row of a key and its section. In the flat form the root has the fields of several sections.
func (i *Import) row(section, name string) (*field, string) {
	if i.Kind == "torch" {
		return find(i.form[section], name), section
	}
	for _, home := range []string{section, "model"} {
		if row := find(i.form[home], name); row != nil {
			return row, home
		}
	}
	return nil, ""
}

func (i *Import) names(section string) []string {
	rows := i.form[section]
	if i.Kind != "torch" {
		rows = slices.Concat(rows, i.form["model"])
	}
	var out []string
	for _, r := range rows {
		out = append(out, r.name)
	}
	return out
}

func flatField(section, name string) *field { return find(flatTable[section], name) }

func find(rows []field, name string) *field {
	if n := slices.IndexFunc(rows, func(r field) bool { return r.name == name }); n >= 0 {
		return &rows[n]
	}
	return nil
}

func (i *Import) has(section, name string) bool {
	_, ok := i.values[section+"."+name]
	return ok
}

// said returns the text of a key of the file, or the reference's default.
func (i *Import) said(section, name string) string {
	if v, ok := i.values[section+"."+name]; ok {
		return v.text
	}
	if row, _ := i.row(section, name); row != nil && row.def != nil {
		return fmt.Sprint(row.def)
	}
	return ""
}

// joinPath returns a path that Python's YAML wrote as an object with its parts.
func joinPath(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.SequenceNode || !strings.HasPrefix(n.Tag, "!!python/object/apply:pathlib.") && !strings.HasPrefix(n.Tag, "tag:yaml.org,2002:python/object/apply:pathlib.") {
		return "", false
	}
	var parts []string
	for _, p := range n.Content {
		if p.Kind != yaml.ScalarNode {
			return "", false
		}
		parts = append(parts, p.Value)
	}
	return path.Join(parts...), true
}
