package config

// InferenceSettings is the section "inference": the model, the data and the stitching.
type InferenceSettings struct {
	ModelPath          string
	TestData           string
	OutputDir          string
	DiffractionLayout  string
	DiffractionUnits   string
	NPhotons           float64
	Rows               string
	NImages            int
	InferenceBatchSize int    // patterns
	MiddleTrim         int    // pixels cut from each side of a patch before stitching
	PadEval            bool   // the canvas holds every patch whole; false: crop to full coverage
	SynchronisePhases  string // "auto", "on" or "off"; see raster.Synchronise
	PatchWeighting     string // "probe" or "uniform"
	Refine             int    // iterations, 0: none
	RefineLowFrequency bool   // low-frequency step in each of them
	Calibrate          string // "none", "auto", or positions and intensity joined by commas
	Export             string // "none", or "ptychodus", "cxi" and "tiff" joined by commas
}

// inferenceTable holds the settings of a reconstruction.
var inferenceTable = []Setting{
	{Name: "model-path", Section: InferenceSection, Commands: Infer, Default: "", Required: true, Path: true,
		Meaning: "run directory or model folder", Why: "none",
		field: func(s *sections) any { return &s.inference.ModelPath }},
	{Name: "test-data", Section: InferenceSection, Commands: Infer, Default: "", Required: true, Path: true, Also: []string{"test-data-file"},
		Meaning: "scan to reconstruct", Why: "none",
		field: func(s *sections) any { return &s.inference.TestData }},
	{Name: "output-dir", Section: InferenceSection, Commands: Infer, Default: "", Required: true, Path: true,
		Meaning: "folder to create for the results", Why: "none",
		field: func(s *sections) any { return &s.inference.OutputDir }},
	{Name: "diffraction-layout", Section: InferenceSection, Commands: Infer, Default: "auto", Enum: layouts,
		Meaning: "axis order of the diffraction array: patterns first or last", More: detectsLayout, Why: decided,
		field: func(s *sections) any { return &s.inference.DiffractionLayout }},
	{Name: "diffraction-units", Section: InferenceSection, Commands: Infer, Default: "auto", Enum: units,
		Meaning: "unit of the diffraction array; auto: detected and reported", Why: decided,
		field: func(s *sections) any { return &s.inference.DiffractionUnits }},
	{Name: "nphotons", Section: InferenceSection, Commands: Infer, Default: 0.0, Unit: "photons",
		Meaning: "mean photons per normalised pattern; 0: from the file", More: needsPhotons, Why: decided,
		field: func(s *sections) any { return &s.inference.NPhotons }},
	{Name: "rows", Section: InferenceSection, Commands: Infer, Default: "",
		Meaning: "patterns to use: a:b, a:b:step, indices, split=K or a file; empty: all", Why: neutral,
		field: func(s *sections) any { return &s.inference.Rows }},
	{Name: "n-images", Section: InferenceSection, Commands: Infer, Default: 0, Unit: "patterns",
		Meaning: "patterns drawn from the rows; 0: all", More: drawsImages, Why: neutral,
		field: func(s *sections) any { return &s.inference.NImages }},
	{Name: "inference-batch-size", Section: InferenceSection, Commands: Infer, Default: 16, Min: 1, Max: maxBatch, Unit: "patterns",
		Meaning: "patterns in a batch", Why: decided,
		field: func(s *sections) any { return &s.inference.InferenceBatchSize }},
	{Name: "middle-trim", Section: InferenceSection, Commands: Infer, Default: 0, Max: maxPixels / 2, Unit: "pixels",
		Meaning: "pixels trimmed from each side of a patch before stitching", Why: neutral,
		field: func(s *sections) any { return &s.inference.MiddleTrim }},
	{Name: "pad-eval", Section: InferenceSection, Commands: Infer, Default: true,
		Meaning: "keep every patch whole on the canvas; off: crop to full coverage", Why: decided,
		field: func(s *sections) any { return &s.inference.PadEval }},
	{Name: "synchronise-phases", Section: InferenceSection, Commands: Infer, Default: "auto", Enum: []string{"auto", "on", "off"},
		Meaning: "shift all patches to a common phase before stitching", More: "auto does so if the image then fits the patterns better.", Why: "measured: ADR 5",
		field: func(s *sections) any { return &s.inference.SynchronisePhases }},
	{Name: "refine", Section: InferenceSection, Commands: Infer, Default: 0, Max: maxEpochs, Unit: "iterations",
		Meaning: "iterations that refine the stitched image on all patterns (docs/solve.md)", Why: neutral,
		field: func(s *sections) any { return &s.inference.Refine }},
	{Name: "refine-low-frequency", Section: InferenceSection, Commands: Infer, Default: true,
		Meaning: "low-frequency step after each iteration of --refine (docs/solve.md)", Why: measured,
		field: func(s *sections) any { return &s.inference.RefineLowFrequency }},
	{Name: "calibrate", Section: InferenceSection, Commands: Infer, Default: "none", Enum: []string{"none", "auto", "positions", "intensity"}, List: true,
		Meaning: "fit these first, with the model's probe; auto: those that pay", More: "docs/solve.md describes it.", Why: neutral,
		field: func(s *sections) any { return &s.inference.Calibrate }},
	{Name: "patch-weighting", Section: InferenceSection, Commands: Infer, Default: "probe", Enum: []string{"probe", "uniform"},
		Meaning: "weight of a patch's pixels in the image: |P|² or 1", Why: measured,
		field: func(s *sections) any { return &s.inference.PatchWeighting }},
	{Name: "export", Section: InferenceSection, Commands: Infer, Default: "none", Enum: []string{"none", "ptychodus", "cxi", "tiff"}, List: true,
		Meaning: "files for other programs, besides the npz; several joined by commas", More: "docs/python.md describes them.", Why: neutral,
		field: func(s *sections) any { return &s.inference.Export }},
}
