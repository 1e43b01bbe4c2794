package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// describe lists all that a program in another language depends on: a sorted line for each method, field and value.
func describe() []string {
	file := pluginv1.File_ptycho_plugin_v1_plugin_proto
	var lines []string
	for i := range file.Services().Len() {
		s := file.Services().Get(i)
		for j := range s.Methods().Len() {
			m := s.Methods().Get(j)
			lines = append(lines, fmt.Sprintf("rpc %s(%s) returns (%s)", m.FullName(), streamed(m.IsStreamingClient(), m.Input()), streamed(m.IsStreamingServer(), m.Output())))
		}
	}
	for i := range file.Enums().Len() {
		lines = append(lines, describeEnum(file.Enums().Get(i))...)
	}
	for i := range file.Messages().Len() {
		lines = append(lines, describeMessage(file.Messages().Get(i))...)
	}
	slices.Sort(lines)
	return lines
}

func streamed(stream bool, m protoreflect.MessageDescriptor) string {
	if stream {
		return "stream " + string(m.Name())
	}
	return string(m.Name())
}

func describeEnum(e protoreflect.EnumDescriptor) (lines []string) {
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		lines = append(lines, fmt.Sprintf("value %s.%s = %d", e.FullName(), v.Name(), v.Number()))
	}
	return lines
}

func describeMessage(m protoreflect.MessageDescriptor) []string {
	lines := []string{"message " + string(m.FullName())}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		kind := f.Kind().String()
		switch {
		case f.IsMap():
			kind = fmt.Sprintf("map of %s to %s", f.MapKey().Kind(), f.MapValue().Kind())
		case f.Message() != nil:
			kind = string(f.Message().FullName())
		case f.Enum() != nil:
			kind = string(f.Enum().FullName())
		}
		oneof := ""
		if o := f.ContainingOneof(); o != nil {
			oneof = " of " + string(o.Name())
		}
		lines = append(lines, fmt.Sprintf("field %s = %d, %s %s%s", f.FullName(), f.Number(), f.Cardinality(), kind, oneof))
	}
	for i := range m.Enums().Len() {
		lines = append(lines, describeEnum(m.Enums().Get(i))...)
	}
	for i := range m.Messages().Len() {
		lines = append(lines, describeMessage(m.Messages().Get(i))...)
	}
	return lines
}

// missing returns the lines of an older version that the current protocol does not have.
func missing(older, current []string) (gone []string) {
	for _, l := range older {
		if !slices.Contains(current, l) {
			gone = append(gone, l)
		}
	}
	return gone
}

// TestProtocol_OnlyAdds compares the protocol with each earlier version of the same major number, of which plugins exist. The
// file of the current version must list all of it; UPDATE=1 writes it. Once a version is released, its file must not change.
func TestProtocol_OnlyAdds(t *testing.T) {
	current := describe()
	name := filepath.Join("testdata", fmt.Sprintf("protocol-%d.%d.txt", backend.ProtocolMajor, backend.ProtocolMinor))
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(name, []byte(strings.Join(current, "\n")+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join("testdata", fmt.Sprintf("protocol-%d.*.txt", backend.ProtocolMajor)))
	if err != nil || !slices.Contains(files, name) {
		t.Fatalf("%v, %v: %s is missing", files, err, name)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		recorded := strings.Split(strings.TrimSpace(string(text)), "\n")
		for _, l := range missing(recorded, current) {
			t.Errorf("plugins of %s need, and the protocol no longer has: %s", f, l)
		}
		if f == name {
			for _, l := range missing(current, recorded) {
				t.Errorf("%s lacks: %s", f, l)
			}
		}
	}
}

// TestProtocol_ChangesAreSeen removes, renumbers and retypes lines of the record.
func TestProtocol_ChangesAreSeen(t *testing.T) {
	current := describe()
	at := slices.IndexFunc(current, func(l string) bool {
		return strings.HasPrefix(l, "field ptycho.plugin.v1.Device.id = ") && strings.HasSuffix(l, "string")
	})
	if at < 0 {
		t.Fatalf("the field Device.id is not described in %q", current)
	}
	for what, changed := range map[string]string{
		"removed":    "",
		"renumbered": strings.Replace(current[at], "= ", "= 9", 1),
		"retyped":    strings.Replace(current[at], "string", "bytes", 1),
	} {
		later := slices.Clone(current)
		later[at] = changed
		if gone := missing(current, later); !slices.Equal(gone, current[at:at+1]) {
			t.Errorf("%s: %q are missing, want %q", what, gone, current[at])
		}
	}
}
