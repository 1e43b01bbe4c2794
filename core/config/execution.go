package config

import (
	"path/filepath"
	"strings"
	"time"
)

// Execution is the section "execution": where and how a run is computed and what it reports. These settings never
// change the meaning of the numbers and are not part of a model's identity.
type Execution struct {
	Backend           string // a name or an explicit path
	PluginDir         string
	DefaultRootDir    string
	Overwrite         bool
	DryRun            bool
	EnableProgressBar bool
	Quiet             bool
	JSON              bool
	LogLevel          string

	Device            string // an ID, or "auto"
	Accelerator       string
	Devices           int
	Strategy          string
	Threads           int // 0: all cores
	Deterministic     bool
	Precision         string // "float32" or "float64"
	TF32              bool
	MemoryLimit       int // MiB; 0: the backend's default
	NumWorkers        int
	PrefetchFactor    int
	PersistentWorkers bool
	PinMemory         bool
	HighCompression   bool          // read arrays that expand more than 1000-fold
	BackendTimeout    time.Duration // longest time without an answer in a call; 0: no limit

	Logger         string // names joined by commas, see Loggers
	LogEveryNSteps int
	ExperimentName string
	MLflowURI      string
	PreviewEvery   int // epochs

	MaxTime   time.Duration // 0: no limit
	StopAfter int           // epochs of this invocation; 0: no limit
	MaxSteps  int           // in total; −1: no limit
	Resume    string        // run directory to resume
	Force     bool
}

// Loggers returns the names in Logger, without "none".
func (x Execution) Loggers() []string {
	var out []string
	for _, name := range strings.Split(x.Logger, listSeparator) {
		if name = strings.TrimSpace(name); name != "" && name != "none" {
			out = append(out, name)
		}
	}
	return out
}

// Output returns the path of an output folder: a relative one lies below DefaultRootDir.
func (x Execution) Output(dir string) string {
	if x.DefaultRootDir == "" || dir == "" || filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(x.DefaultRootDir, dir)
}

// loggingTable holds the settings of loggers and of the end of a run.
var loggingTable = []Setting{
	{Name: "logger", Section: ExecutionSection, Commands: Train, Default: "csv", Enum: []string{"none", "csv", "tensorboard", "mlflow"}, List: true, Resume: Keeps,
		Also: []string{"logger-backend"}, Meaning: "where metrics are written; several joined by commas", Why: customary,
		field: func(s *sections) any { return &s.execution.Logger }},
	{Name: "log-every-n-steps", Section: ExecutionSection, Commands: Train, Default: 1, Min: 1, Max: maxSteps, Resume: Keeps, Unit: "steps",
		Meaning: "steps between logged rows", Why: customary,
		field: func(s *sections) any { return &s.execution.LogEveryNSteps }},
	{Name: "experiment-name", Section: ExecutionSection, Commands: Train, Default: "ptycho", Resume: Keeps,
		Meaning: "experiment name for the loggers", Why: decided,
		field: func(s *sections) any { return &s.execution.ExperimentName }},
	{Name: "mlflow-uri", Section: ExecutionSection, Commands: Train, Default: "", Address: true, Resume: Keeps, Under: "execution.logger=mlflow",
		Meaning: "MLflow server or folder; empty: $MLFLOW_TRACKING_URI, else RUN/mlruns", Why: neutral,
		field: func(s *sections) any { return &s.execution.MLflowURI }},
	{Name: "preview-every", Section: ExecutionSection, Commands: Train, Default: 0, Max: maxEpochs, Resume: Keeps, Unit: "epochs",
		Under: "execution.logger=csv|tensorboard|mlflow",
		Also:  []string{"recon-log-every-n-epochs"}, Meaning: "epochs between preview pictures of the reconstruction; 0: none", Why: neutral,
		field: func(s *sections) any { return &s.execution.PreviewEvery }},

	{Name: "max-time", Section: ExecutionSection, Commands: Train, Default: time.Duration(0), Resume: Forget,
		Meaning: "stop with a checkpoint after this time, such as 90m; 0: no limit", Why: neutral,
		field: func(s *sections) any { return &s.execution.MaxTime }},
	{Name: "stop-after", Section: ExecutionSection, Commands: Train, Default: 0, Max: maxEpochs, Resume: Forget, Unit: "epochs",
		Meaning: "stop with a checkpoint after this many epochs; 0: no limit", Why: neutral,
		field: func(s *sections) any { return &s.execution.StopAfter }},
	{Name: "max-steps", Section: ExecutionSection, Commands: Train, Default: -1, Min: -1, Max: maxSteps, Resume: Forget, Unit: "steps",
		Meaning: "stop with a checkpoint after this many steps in total; -1: no limit", Why: customary,
		field: func(s *sections) any { return &s.execution.MaxSteps }},
	{Name: "resume", Section: ExecutionSection, Commands: Train, Default: "", Path: true, Resume: Forget,
		Meaning: "run directory to resume, or one of its checkpoints", Why: neutral,
		field: func(s *sections) any { return &s.execution.Resume }},
	{Name: "force", Section: ExecutionSection, Commands: Train, Default: false, Resume: Forget, Under: "execution.resume",
		Meaning: "resume with settings that change the numbers, and record the change", Why: decided,
		field: func(s *sections) any { return &s.execution.Force }},
}

// executionTable holds the settings of the backend's choice, folders and output to people.
var executionTable = []Setting{
	{Name: "backend", Section: ExecutionSection, Commands: both, Default: "gorgonia", Resume: Keeps,
		Meaning: "name of a backend, or path of a plugin", Why: "the bundled backend",
		field: func(s *sections) any { return &s.execution.Backend }},
	{Name: "plugin-dir", Section: ExecutionSection, Commands: both, Default: "", Path: true, Resume: Forget,
		Meaning: "folder searched first for backends", Why: neutral,
		field: func(s *sections) any { return &s.execution.PluginDir }},
	{Name: "default-root-dir", Section: ExecutionSection, Commands: both, Default: "", Path: true, Resume: Forget,
		Meaning: "parent of a relative --output-dir; empty: the working directory", Why: neutral,
		field: func(s *sections) any { return &s.execution.DefaultRootDir }},
	{Name: "overwrite", Section: ExecutionSection, Commands: both, Default: false, Resume: Forget,
		Meaning: "replace files that ptycho wrote to the output folder; keep others", Why: decided,
		field: func(s *sections) any { return &s.execution.Overwrite }},
	{Name: "dry-run", Section: ExecutionSection, Commands: both, Default: false, Resume: Forget,
		Meaning: "print the plan with its memory and time; write nothing", Why: neutral,
		field: func(s *sections) any { return &s.execution.DryRun }},
	{Name: "enable-progress-bar", Section: ExecutionSection, Commands: both, Default: true, Resume: Forget, Not: "disable-progress-bar",
		Meaning: "show progress on the terminal", More: "Notices are shown in either case.", Why: decided,
		field: func(s *sections) any { return &s.execution.EnableProgressBar }},
	{Name: "quiet", Section: ExecutionSection, Commands: both, Default: false, Resume: Forget,
		Meaning: "show neither progress nor notices", Why: neutral,
		field: func(s *sections) any { return &s.execution.Quiet }},
	{Name: "json", Section: ExecutionSection, Commands: both, Default: false, Resume: Forget,
		Meaning: "print the report as JSON", Why: neutral,
		field: func(s *sections) any { return &s.execution.JSON }},
	{Name: "log-level", Section: ExecutionSection, Commands: both, Default: "warn", Resume: Forget,
		Enum: []string{"trace", "debug", "info", "warn", "error"}, Meaning: "lowest level of log lines that are shown", Why: decided,
		field: func(s *sections) any { return &s.execution.LogLevel }},
}

// engineTable holds the settings with which the backend is opened. A backend is never asked for what it does not
// support: see Setting.Needs.
var engineTable = []Setting{
	{Name: "device", Section: ExecutionSection, Commands: both, Default: "auto", Resume: Keeps,
		Meaning: "device of the backend, such as cpu or cuda:0; auto: see --accelerator", Why: decided,
		field: func(s *sections) any { return &s.execution.Device }},
	{Name: "accelerator", Section: ExecutionSection, Commands: both, Default: "auto", Enum: []string{"auto", "cpu", "gpu", "cuda", "mps", "tpu"}, Resume: Keeps,
		Meaning: "kind of device if --device is auto; auto: cpu", More: "Every backend has a cpu.", Why: decided,
		field: func(s *sections) any { return &s.execution.Accelerator }},
	{Name: "devices", Section: ExecutionSection, Commands: both, Default: 1, Min: 1, Max: 1024, Resume: Keeps, Needs: "multi-device",
		Meaning: "number of devices", Why: neutral,
		field: func(s *sections) any { return &s.execution.Devices }},
	{Name: "strategy", Section: ExecutionSection, Commands: Train, Default: "auto", Enum: []string{"auto", "ddp", "fsdp", "deepspeed"}, Resume: Keeps, Needs: "strategy",
		Meaning: "how several devices share the work", More: "On the xla backend, ddp gives the same result for any number of devices, including one.", Why: neutral,
		field: func(s *sections) any { return &s.execution.Strategy }},
	{Name: "allow-high-compression", Section: ExecutionSection, Commands: both, Default: false, Resume: Keeps,
		Meaning: "read compressed arrays that expand more than 1000-fold", Why: neutral,
		field: func(s *sections) any { return &s.execution.HighCompression }},
	{Name: "threads", Section: ExecutionSection, Commands: both, Default: 0, Max: maxThreads, Resume: Keeps,
		Meaning: "CPU threads; 0: all cores", Why: decided,
		field: func(s *sections) any { return &s.execution.Threads }},
	{Name: "deterministic", Section: ExecutionSection, Commands: both, Default: true, Resume: Keeps,
		Meaning: "request bit-identical results on every run", Why: customary,
		field: func(s *sections) any { return &s.execution.Deterministic }},
	{Name: "precision", Section: ExecutionSection, Commands: both, Default: "float32", Enum: []string{"float32", "float64"}, Resume: Fixed,
		Values:  map[string]string{"32-true": "float32", "32": "float32", "64-true": "float64", "64": "float64"},
		Meaning: "floating-point precision", Why: decided,
		field: func(s *sections) any { return &s.execution.Precision }},
	{Name: "tf32", Section: ExecutionSection, Commands: both, Default: false, Resume: Fixed,
		Meaning: "allow products of reduced precision (GPU)", Why: decided,
		field: func(s *sections) any { return &s.execution.TF32 }},
	{Name: "memory-limit", Section: ExecutionSection, Commands: both, Default: 0, Unit: "MiB", Resume: Keeps,
		Meaning: "memory that the backend may use; 0: the backend's default", Why: neutral,
		field: func(s *sections) any { return &s.execution.MemoryLimit }},
	{Name: "backend-timeout", Section: ExecutionSection, Commands: both, Default: 10 * time.Minute, Resume: Keeps,
		Meaning: "kill and restart a backend without answer for this time; 0: no limit", Why: decided,
		field: func(s *sections) any { return &s.execution.BackendTimeout }},
	{Name: "num-workers", Section: ExecutionSection, Commands: both, Default: 0, Max: maxThreads, Resume: Keeps,
		Meaning: "backend workers that gather batches ahead; 0: one batch ahead", Why: customary,
		field: func(s *sections) any { return &s.execution.NumWorkers }},
	{Name: "prefetch-factor", Section: ExecutionSection, Commands: both, Default: 0, Max: maxThreads, Resume: Keeps, Unit: "batches",
		Meaning: "batches that each worker gathers ahead; 0: the backend's default", Why: customary,
		field: func(s *sections) any { return &s.execution.PrefetchFactor }},
	{Name: "persistent-workers", Section: ExecutionSection, Commands: both, Default: false, Resume: Keeps, Needs: "persistent-workers",
		Meaning: "keep the workers between epochs", Why: customary,
		field: func(s *sections) any { return &s.execution.PersistentWorkers }},
	{Name: "pin-memory", Section: ExecutionSection, Commands: both, Default: false, Resume: Keeps, Needs: "pin-memory",
		Meaning: "lock the patterns in memory, so that batches never wait for the disk", Why: customary,
		field: func(s *sections) any { return &s.execution.PinMemory }},
}
