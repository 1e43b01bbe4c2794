package wire

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/ptychogo/ptycho/core/backend"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// TestProtocolDocument_NamesConstants compares the numbers, names and limits of docs/protocol.md with the code.
func TestProtocolDocument_NamesConstants(t *testing.T) {
	raw, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(raw)), " ") // however the lines are wrapped
	want := []string{
		fmt.Sprintf("| `%s` | `%s`:", CookieKey, CookieValue),
		"| `" + SocketKey + "` |", "| `" + LifelineKey + "` |", "| `" + LogLevelKey + "` |",
		fmt.Sprintf("1|%d|unix|", backend.ProtocolMajor),
		fmt.Sprintf("protocol_major: %d, protocol_minor: %d", backend.ProtocolMajor, backend.ProtocolMinor),
		fmt.Sprintf("at most %d MiB: set this limit", maxMessage>>20),
		fmt.Sprintf("`chunk` of at most %d MiB", chunkSize>>20),
		fmt.Sprintf("at most %d KiB together", inlineSize>>10),
		fmt.Sprintf("at most %d concurrent calls", maxStreams),
		fmt.Sprintf("below %d KiB", maxWhat>>10),
		fmt.Sprintf("for at most %d s", int(shutdownGrace.Seconds())),
		fmt.Sprintf("after %d s, or a tenth", int(longest.Seconds())),
		"/" + string((&pb.ErrorDetail{}).ProtoReflect().Descriptor().FullName()) + "`",
	}
	status := map[codes.Code]string{codes.Internal: "INTERNAL", codes.InvalidArgument: "INVALID_ARGUMENT", codes.NotFound: "NOT_FOUND",
		codes.Unimplemented: "UNIMPLEMENTED", codes.FailedPrecondition: "FAILED_PRECONDITION", codes.ResourceExhausted: "RESOURCE_EXHAUSTED",
		codes.OutOfRange: "OUT_OF_RANGE", codes.Canceled: "CANCELLED", codes.Aborted: "ABORTED"}
	for _, k := range kinds {
		name := strings.TrimPrefix(k.wire.String(), "ERROR_KIND_")
		want = append(want, fmt.Sprintf("| %s | %d | %s (%d) |", name, k.wire, status[k.code], k.code))
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("docs/protocol.md does not say %q", w)
		}
	}
}
