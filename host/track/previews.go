package track

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/host/output"
)

// previewDir is the folder of pictures in the run directory.
const previewDir = "previews"

// previewName returns the file name of a picture. Names sort by step up to 99,999,999.
func previewName(step int, name string) string {
	return path.Join(previewDir, fmt.Sprintf("step-%08d-%s.png", step, output.FileName(name)))
}

// dropPreviews removes the pictures after the step.
func dropPreviews(root *output.Files, step int) error {
	entries, err := root.ReadDir(previewDir)
	if err != nil {
		return nil //nolint:nilerr // no pictures
	}
	for _, e := range entries {
		number, _, _ := strings.Cut(strings.TrimPrefix(e.Name(), "step-"), "-")
		if at, err := strconv.Atoi(number); err == nil && at > step {
			if err := root.Remove(path.Join(previewDir, e.Name())); err != nil {
				return fmt.Errorf("%s: %w", previewDir, err)
			}
		}
	}
	return nil
}
