package track

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/host/track/place"
)

// PreviewDir is the folder of pictures in the run directory.
const PreviewDir = "previews"

// previewName is the file of a picture: names sort by step up to ten million.
func previewName(step int, name string) string {
	return path.Join(PreviewDir, fmt.Sprintf("step-%08d-%s.png", step, place.Name(name)))
}

// dropPreviews removes the pictures after the step.
func dropPreviews(root *os.Root, step int) error {
	entries, err := fs.ReadDir(root.FS(), PreviewDir)
	if err != nil {
		return nil //nolint:nilerr // there are none
	}
	for _, e := range entries {
		number, _, _ := strings.Cut(strings.TrimPrefix(e.Name(), "step-"), "-")
		if at, err := strconv.Atoi(number); err == nil && at > step {
			if err := root.Remove(path.Join(PreviewDir, e.Name())); err != nil {
				return fmt.Errorf("%s: %w", PreviewDir, err)
			}
		}
	}
	return nil
}
