package track

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/host/output"
)

// PreviewDir is the folder of pictures in the run directory.
const PreviewDir = "previews"

// previewName returns the file name of a picture. Names sort by step up to 99,999,999.
func previewName(step int, name string) string {
	return path.Join(PreviewDir, fmt.Sprintf("step-%08d-%s.png", step, output.FileName(name)))
}

// dropPreviews removes the pictures after the step.
func dropPreviews(root *output.Files, step int) error {
	entries, err := root.ReadDir(PreviewDir)
	if err != nil {
		return nil //nolint:nilerr // no pictures
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
