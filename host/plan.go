package host

// Plan describes the work, time and memory of a run. Times and bytes are measured on a few steps of the run on this machine.
type Plan struct {
	OutputDir       string  `json:"output_dir"`
	Patterns        int     `json:"patterns"`
	Validation      int     `json:"validation_patterns"`
	N               int     `json:"n"` // side of a pattern, pixels
	Parameters      int     `json:"parameters"`
	Epochs          int     `json:"epochs"`
	StepsPerEpoch   int     `json:"steps_per_epoch"`
	Steps           int     `json:"steps"`
	StepSeconds     float64 `json:"step_s"`           // of a training step, or of a predicted batch
	Seconds         float64 `json:"seconds"`          // of the run, without validation and previews
	BackendBytes    int64   `json:"backend_bytes"`    // peak memory of the backend's process; 0: unknown on this system
	SpoolBytes      int64   `json:"spool_bytes"`      // patterns mapped by the backend
	CheckpointBytes int64   `json:"checkpoint_bytes"` // of one checkpoint
}

// TrialSteps is the number of steps measured for a plan, after one step that compiles and fills caches.
const TrialSteps = 3
