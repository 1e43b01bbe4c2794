package wire

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// TestProto_PythonCodeMatches compares the description of the protocol in the code that was generated for Python with that for Go.
func TestProto_PythonCodeMatches(t *testing.T) {
	text, err := os.ReadFile("../python/ptycho_backend/plugin_pb2.py")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "AddSerializedFile(b'")
	literal, _, found := strings.Cut(rest, "')\n")
	if !found {
		t.Fatal("plugin_pb2.py has no description of the protocol")
	}
	raw, err := strconv.Unquote(`"` + strings.ReplaceAll(strings.ReplaceAll(literal, `\'`, `'`), `\"`, `\x22`) + `"`)
	if err != nil {
		t.Fatal(err)
	}
	var python descriptorpb.FileDescriptorProto
	if err := proto.Unmarshal([]byte(raw), &python); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(plain(&python), plain(protodesc.ToFileDescriptorProto(pb.File_ptycho_plugin_v1_plugin_proto))) {
		t.Error("sdk/python was generated from another plugin.proto; run sdk/proto/generate.sh")
	}
}

// plain returns a description without the names in JSON, which only some generators write.
func plain(f *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	var strip func(messages []*descriptorpb.DescriptorProto)
	strip = func(messages []*descriptorpb.DescriptorProto) {
		for _, m := range messages {
			for _, field := range m.GetField() {
				field.JsonName = nil
			}
			strip(m.GetNestedType())
		}
	}
	strip(f.GetMessageType())
	return f
}
