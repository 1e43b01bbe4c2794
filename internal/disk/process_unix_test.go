//go:build unix

package disk

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// TestMain makes the test binary a process to be killed where a variable says so: one that writes a file again and again, or one that
// holds temporary files.
func TestMain(m *testing.M) {
	if path := os.Getenv(writer); path != "" {
		for i := byte('a'); ; i = 'a' + (i-'a'+1)%26 {
			if err := Write(path, bytes.Repeat([]byte{i}, pieceSize)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println("wrote")
		}
	}
	if what := os.Getenv(helperKey); what != "" {
		help(what)
	}
	os.Exit(m.Run())
}
