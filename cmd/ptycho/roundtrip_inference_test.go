package main_test

// inferenceTrips are the settings of infer by their keys.
var inferenceTrips = map[string]trip{
	"inference.model-path":           {flag: args("--model-path", "DIR/other-model"), sees: start},
	"inference.test-data":            {flag: args("--test-data", "DIR/other.npz"), sees: bound(0, "counts")},
	"inference.output-dir":           {before: args("--output-dir", "here"), flag: args("--output-dir", "there"), sees: written},
	"inference.diffraction-layout":   {flag: args("--diffraction-layout", "hwn"), sees: exitCode},
	"inference.diffraction-units":    {flag: args("--diffraction-units", "amplitude"), sees: bound(0, "counts")},
	"inference.nphotons":             {with: args("--diffraction-units", "normalised"), before: args("--nphotons", "1e4"), flag: args("--nphotons", "3e4"), sees: bound(0, "counts")},
	"inference.rows":                 {flag: args("--rows", "0:16"), sees: patterns},
	"inference.n-images":             {flag: args("--n-images", "16"), sees: patterns},
	"inference.inference-batch-size": {flag: args("--inference-batch-size", "5"), sees: batches},
	"inference.middle-trim":          {flag: args("--middle-trim", "4"), sees: reported("R")},
	"inference.pad-eval":             {flag: args("--no-pad-eval"), sees: reported("object_size")},
	"inference.synchronise-phases":   {before: args("--synchronise-phases", "off"), flag: args("--synchronise-phases", "on"), sees: reported("phases_synchronised")},
	"inference.refine":               {flag: args("--refine", "2"), sees: reported("R")},
	"inference.refine-low-frequency": {with: args("--refine", "2"), flag: args("--no-refine-low-frequency"), sees: reported("R")},
	"inference.calibrate":            {flag: args("--calibrate", "positions"), sees: reported("R")},
	"inference.patch-weighting":      {flag: args("--patch-weighting", "uniform"), sees: reported("R")},
	"inference.export":               {flag: args("--export", "tiff"), sees: reported("exports")},
}
