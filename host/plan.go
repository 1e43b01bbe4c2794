package host

// Plan is what a run would do and take. Seconds and bytes are measured on a few steps of the run itself, on this machine.
type Plan struct {
	OutputDir       string  `json:"output_dir"`
	Patterns        int     `json:"patterns"`
	Validation      int     `json:"validation_patterns"`
	N               int     `json:"n"` // side of a pattern, pixels
	Parameters      int     `json:"parameters"`
	Epochs          int     `json:"epochs"`
	StepsPerEpoch   int     `json:"steps_per_epoch"`
	Steps           int     `json:"steps"`
	StepSeconds     float64 `json:"step_s"`           // of a training step, or of a batch that is predicted
	Seconds         float64 `json:"seconds"`          // of the run, without validation and previews
	BackendBytes    int64   `json:"backend_bytes"`    // largest memory of the backend's process; 0: not known here
	SpoolBytes      int64   `json:"spool_bytes"`      // patterns that the backend maps
	CheckpointBytes int64   `json:"checkpoint_bytes"` // of one checkpoint
}

// TrialSteps are the steps that a plan is measured on, after one that compiles and fills caches.
const TrialSteps = 3
