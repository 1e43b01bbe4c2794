package config

import (
	"path/filepath"
	"strings"
	"time"
)

// Execution is the section "execution": where and how the work is done, and who hears of it. It never changes what the
// numbers mean and is no part of a model's identity.
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
	MemoryLimit       int // MiB, 0: the backend's own rule
	NumWorkers        int
	PrefetchFactor    int
	PersistentWorkers bool
	PinMemory         bool
	HighCompression   bool          // read arrays that expand more than a thousand times
	BackendTimeout    time.Duration // longest silence of the backend in a call, 0: no limit

	Logger         string // names joined by commas, see Loggers
	LogEveryNSteps int
	ExperimentName string
	MLflowURI      string
	PreviewEvery   int // epochs

	MaxTime   time.Duration // 0: no limit
	StopAfter int           // epochs of this run, 0: no limit
	MaxSteps  int           // in all, −1: no limit
	Resume    string        // run directory to go on with
	Force     bool
}

// Loggers are the names in Logger, without "none".
func (x Execution) Loggers() []string {
	var out []string
	for _, name := range strings.Split(x.Logger, listSeparator) {
		if name = strings.TrimSpace(name); name != "" && name != "none" {
			out = append(out, name)
		}
	}
	return out
}

// Output is where an output folder is made: a relative one below DefaultRootDir.
func (x Execution) Output(dir string) string {
	if x.DefaultRootDir == "" || dir == "" || filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(x.DefaultRootDir, dir)
}

// hearingTable is who hears of a run, and when it ends.
var hearingTable = []Setting{
	{Name: "logger", Section: ExecutionSection, Commands: Train, Default: "csv", Enum: []string{"none", "csv", "tensorboard", "mlflow"}, List: true, Resume: Keeps,
		Also: []string{"logger-backend"}, Meaning: "where metrics go, several joined by commas", Why: customary,
		field: func(s *sections) any { return &s.execution.Logger }},
	{Name: "log-every-n-steps", Section: ExecutionSection, Commands: Train, Default: 1, Min: 1, Max: mostSteps, Resume: Keeps, Unit: "steps",
		Meaning: "steps between rows of the loggers", Why: customary,
		field: func(s *sections) any { return &s.execution.LogEveryNSteps }},
	{Name: "experiment-name", Section: ExecutionSection, Commands: Train, Default: "ptycho", Resume: Keeps,
		Meaning: "experiment that the loggers file the run under", Why: decided,
		field: func(s *sections) any { return &s.execution.ExperimentName }},
	{Name: "mlflow-uri", Section: ExecutionSection, Commands: Train, Default: "", Address: true, Resume: Keeps, Under: "execution.logger=mlflow",
		Meaning: "MLflow server or folder; default MLFLOW_TRACKING_URI, else the folder mlruns of the run", Why: neutral,
		field: func(s *sections) any { return &s.execution.MLflowURI }},
	{Name: "preview-every", Section: ExecutionSection, Commands: Train, Default: 0, Max: mostEpochs, Resume: Keeps, Unit: "epochs",
		Under: "execution.logger=csv|tensorboard|mlflow",
		Also:  []string{"recon-log-every-n-epochs"}, Meaning: "epochs between pictures of the reconstruction so far; 0: none", Why: neutral,
		field: func(s *sections) any { return &s.execution.PreviewEvery }},

	{Name: "max-time", Section: ExecutionSection, Commands: Train, Default: time.Duration(0), Resume: Forget,
		Meaning: "end the run with a checkpoint after this time; 0 is no limit", Why: neutral,
		field: func(s *sections) any { return &s.execution.MaxTime }},
	{Name: "stop-after", Section: ExecutionSection, Commands: Train, Default: 0, Max: mostEpochs, Resume: Forget, Unit: "epochs",
		Meaning: "end the run with a checkpoint after this many epochs; 0 is no limit", Why: neutral,
		field: func(s *sections) any { return &s.execution.StopAfter }},
	{Name: "max-steps", Section: ExecutionSection, Commands: Train, Default: -1, Min: -1, Max: mostSteps, Resume: Forget, Unit: "steps",
		Meaning: "end the run with a checkpoint after this many steps in all; -1 is no limit", Why: customary,
		field: func(s *sections) any { return &s.execution.MaxSteps }},
	{Name: "resume", Section: ExecutionSection, Commands: Train, Default: "", Path: true, Resume: Forget,
		Meaning: "run directory to go on with, or one of its checkpoints", Why: neutral,
		field: func(s *sections) any { return &s.execution.Resume }},
	{Name: "force", Section: ExecutionSection, Commands: Train, Default: false, Resume: Forget, Under: "execution.resume",
		Meaning: "let settings that change the numbers differ from those of the run that is resumed, and record it", Why: decided,
		field: func(s *sections) any { return &s.execution.Force }},
}

// executionTable is where the work is done, and what is said of it.
var executionTable = []Setting{
	{Name: "backend", Section: ExecutionSection, Commands: both, Default: "gorgonia", Resume: Keeps,
		Meaning: "backend by name, or the path of a plugin", Why: "the bundled one",
		field: func(s *sections) any { return &s.execution.Backend }},
	{Name: "plugin-dir", Section: ExecutionSection, Commands: both, Default: "", Path: true, Resume: Forget,
		Meaning: "folder searched first for backends", Why: neutral,
		field: func(s *sections) any { return &s.execution.PluginDir }},
	{Name: "default-root-dir", Section: ExecutionSection, Commands: both, Default: "", Path: true, Resume: Forget,
		Meaning: "folder in which a relative output-dir is made; empty is the working directory", Why: neutral,
		field: func(s *sections) any { return &s.execution.DefaultRootDir }},
	{Name: "overwrite", Section: ExecutionSection, Commands: both, Default: false, Resume: Forget,
		Meaning: "replace the files that ptycho wrote in an output folder that is not empty; others stay", Why: decided,
		field: func(s *sections) any { return &s.execution.Overwrite }},
	{Name: "dry-run", Section: ExecutionSection, Commands: both, Default: false, Resume: Forget,
		Meaning: "print the plan with the memory and time it would take, and touch nothing", Why: neutral,
		field: func(s *sections) any { return &s.execution.DryRun }},
	{Name: "enable-progress-bar", Section: ExecutionSection, Commands: both, Default: true, Resume: Forget, Not: "disable-progress-bar",
		Meaning: "show progress on the terminal; notices are shown without it too", Why: decided,
		field: func(s *sections) any { return &s.execution.EnableProgressBar }},
	{Name: "quiet", Section: ExecutionSection, Commands: both, Default: false, Resume: Forget,
		Meaning: "no progress and no notices", Why: neutral,
		field: func(s *sections) any { return &s.execution.Quiet }},
	{Name: "json", Section: ExecutionSection, Commands: both, Default: false, Resume: Forget,
		Meaning: "report as JSON", Why: neutral,
		field: func(s *sections) any { return &s.execution.JSON }},
	{Name: "log-level", Section: ExecutionSection, Commands: both, Default: "warn", Resume: Forget,
		Enum: []string{"trace", "debug", "info", "warn", "error"}, Meaning: "least level of the log lines shown", Why: decided,
		field: func(s *sections) any { return &s.execution.LogLevel }},
}

// engineTable is what the backend is opened with. What a backend cannot honour it is not asked for: see Setting.Needs.
var engineTable = []Setting{
	{Name: "device", Section: ExecutionSection, Commands: both, Default: "auto", Resume: Keeps,
		Meaning: "device of the backend, such as cpu or cuda:0; auto follows accelerator", Why: decided,
		field: func(s *sections) any { return &s.execution.Device }},
	{Name: "accelerator", Section: ExecutionSection, Commands: both, Default: "auto", Enum: []string{"auto", "cpu", "gpu", "cuda", "mps", "tpu"}, Resume: Keeps,
		Meaning: "kind of device where device is auto; auto is cpu, which every backend has", Why: decided,
		field: func(s *sections) any { return &s.execution.Accelerator }},
	{Name: "devices", Section: ExecutionSection, Commands: both, Default: 1, Min: 1, Max: 1024, Resume: Keeps, Needs: "multi-device",
		Meaning: "number of devices", Why: neutral,
		field: func(s *sections) any { return &s.execution.Devices }},
	{Name: "strategy", Section: ExecutionSection, Commands: Train, Default: "auto", Enum: []string{"auto", "ddp", "fsdp", "deepspeed"}, Resume: Keeps, Needs: "strategy",
		Meaning: "how several devices share the work", Why: neutral,
		field: func(s *sections) any { return &s.execution.Strategy }},
	{Name: "allow-high-compression", Section: ExecutionSection, Commands: both, Default: false, Resume: Keeps,
		Meaning: "read compressed arrays that expand more than 1000 times, which are refused otherwise", Why: neutral,
		field: func(s *sections) any { return &s.execution.HighCompression }},
	{Name: "threads", Section: ExecutionSection, Commands: both, Default: 0, Max: mostThreads, Resume: Keeps,
		Meaning: "threads of computation; 0 is all cores", Why: decided,
		field: func(s *sections) any { return &s.execution.Threads }},
	{Name: "deterministic", Section: ExecutionSection, Commands: both, Default: true, Resume: Keeps,
		Meaning: "ask the backend for the same bits on every run", Why: customary,
		field: func(s *sections) any { return &s.execution.Deterministic }},
	{Name: "precision", Section: ExecutionSection, Commands: both, Default: "float32", Enum: []string{"float32", "float64"}, Resume: Fixed,
		Values:  map[string]string{"32-true": "float32", "32": "float32", "64-true": "float64", "64": "float64"},
		Meaning: "precision of the computation", Why: decided,
		field: func(s *sections) any { return &s.execution.Precision }},
	{Name: "tf32", Section: ExecutionSection, Commands: both, Default: false, Resume: Fixed,
		Meaning: "allow products of reduced precision (GPU)", Why: decided,
		field: func(s *sections) any { return &s.execution.TF32 }},
	{Name: "memory-limit", Section: ExecutionSection, Commands: both, Default: 0, Unit: "MiB", Resume: Keeps,
		Meaning: "memory that the backend may take; 0 is its own rule", Why: neutral,
		field: func(s *sections) any { return &s.execution.MemoryLimit }},
	{Name: "backend-timeout", Section: ExecutionSection, Commands: both, Default: 10 * time.Minute, Resume: Keeps,
		Meaning: "time without an answer before the backend is killed and restarted; 0 is no limit", Why: decided,
		field: func(s *sections) any { return &s.execution.BackendTimeout }},
	{Name: "num-workers", Section: ExecutionSection, Commands: both, Default: 0, Max: mostThreads, Resume: Keeps,
		Meaning: "workers of the backend that gather batches ahead of the step; 0 gathers one batch at a time ahead", Why: customary,
		field: func(s *sections) any { return &s.execution.NumWorkers }},
	{Name: "prefetch-factor", Section: ExecutionSection, Commands: both, Default: 0, Max: mostThreads, Resume: Keeps, Unit: "batches",
		Meaning: "batches that each worker gathers ahead; 0 is the backend's own number", Why: customary,
		field: func(s *sections) any { return &s.execution.PrefetchFactor }},
	{Name: "persistent-workers", Section: ExecutionSection, Commands: both, Default: false, Resume: Keeps, Needs: "persistent-workers",
		Meaning: "keep the workers from one epoch to the next", Why: customary,
		field: func(s *sections) any { return &s.execution.PersistentWorkers }},
	{Name: "pin-memory", Section: ExecutionSection, Commands: both, Default: false, Resume: Keeps, Needs: "pin-memory",
		Meaning: "lock the patterns in memory, so that no batch waits for the disk", Why: customary,
		field: func(s *sections) any { return &s.execution.PinMemory }},
}
