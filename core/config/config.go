// Package config resolves the settings of a run. NewTraining and NewInference are its only doors: they take sources
// (defaults are built in; what the data says, presets, files, the environment, flags), put them in order of precedence,
// check everything at once, and give an immutable result in which every value knows where it came from and what it
// overrode. One table (Settings) drives flags, environment, files, checks and documentation: a new setting is one row of
// it and one field of a section.
package config

import (
	"path/filepath"
	"strings"
	"time"
)

// DefaultEpochs is the length of a run that does not say otherwise: on the simulated scan of 64×64 pixels it is about
// two minutes of one core, and twice what the recipe needs for a good image.
const DefaultEpochs = 16

// Model is the section "model": what the network is. It makes the model's identity.
type Model struct {
	N             int    // side of a diffraction pattern, pixels; 0 until the data has been described
	Arch          string // "unet" or "cnn"
	Gridsize      int    // a group has Gridsize² patterns
	FiltersScale  int    // widths of the layers are proportional to it
	Mode          string // "unsupervised" or "supervised"
	Loss          string // "poisson", "amplitude" or "mae"
	AmpActivation string // cnn: "sigmoid", "swish", "softplus" or "relu"
	PadObject     bool   // cnn: the network predicts the central half of the patch
	ProbeBig      bool   // cnn: and the border by a head of its own
}

// Group is the number of patterns in a group, gridsize².
func (m Model) Group() int { return m.Gridsize * m.Gridsize }

// TrainingSettings is the section "training": the data and the plan of the optimisation.
type TrainingSettings struct {
	TrainDataFile     string
	TestDataFile      string // validates; "" is none
	OutputDir         string
	DiffractionLayout string  // "auto", "nhw" or "hwn"
	DiffractionUnits  string  // "auto", "counts", "amplitude" or "normalised"
	NPhotons          float64 // mean photons of a normalised pattern, 0 is what the file says
	Rows              string  // selection of patterns, "" is all
	NImages           int     // patterns drawn from the selection, 0 is all
	ValSplit          float64
	ProbeMask         bool
	ProbeMaskDiameter float64 // pixels, 0 is N/2
	ProbeMaskSigma    float64 // pixels
	Background        float64 // counts per pixel
	FitBackground     bool
	CheckGeometry     bool
	Seed              int64
	NeighborCount     int // nearest neighbours from which partners are drawn

	BatchSize             int // patterns of a micro-batch, a multiple of gridsize²
	AccumulateGradBatches int // micro-batches of a step
	MaxEpochs             int
	ScheduleEpochs        int // epochs that the schedule spans; never 0 once resolved

	Optimizer             string // "adam", "adamw" or "sgd"
	LearningRate          float64
	AdamBeta1             float64
	AdamBeta2             float64
	AdamEpsilon           float64
	Momentum              float64 // sgd
	WeightDecay           float64
	GradientClipVal       float64 // 0: no clipping
	GradientClipAlgorithm string  // "norm", "value" or "agc"
	EMADecay              float64 // 0: no average

	Scheduler           string // see optim.Schedule
	WarmupSteps         int
	LearningRateFloor   float64 // fraction of LearningRate at the end of the cosine
	SchedulerStepEpochs int
	SchedulerGamma      float64 // 0: the scheduler's own
	SchedulerMilestones string  // epochs joined by commas, see Milestones
	PlateauFactor       float64
	PlateauPatience     int
	PlateauMinLR        float64
	PlateauThreshold    float64

	ValCheckInterval    float64 // up to 1 a share of an epoch, above it steps
	EarlyStopPatience   int     // 0: never
	DivergenceFactor    float64 // times the flat object's deviance; 0: never
	Restarts            int
	FinalWeights        string // "last" or "best"
	CheckpointEvery     int    // epochs
	EnableCheckpointing bool
	CheckpointSaveTopK  int    // −1: all
	CheckpointMonitor   string // one of monitors
	CheckpointMode      string // "min" or "max"
}

// Milestones are the epochs of SchedulerMilestones, nil when it is empty.
func (t TrainingSettings) Milestones() []int {
	epochs, _ := parseEpochs(t.SchedulerMilestones) // checked when it was resolved
	return epochs
}

// InferenceSettings is the section "inference": the model, the data and the way of stitching.
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
	PadEval            bool   // the canvas holds every patch whole; off: only what is fully covered
	SynchronisePhases  string // "auto", "on" or "off"; see stitch.Synchronise
	PatchWeighting     string // "probe" or "uniform"
	Refine             int    // iterations, 0: none
}

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

// sections is where a row of the table points into.
type sections struct {
	model     Model
	training  TrainingSettings
	inference InferenceSettings
	execution Execution
}

// Training is the resolved configuration of a training run: its data has been described, every rule holds. It cannot be
// changed. Only NewTraining makes one.
type Training struct{ resolution }

// NewTraining resolves the configuration of a training run. One of the sources has to be Data with the scan's model.n:
// nothing can be built or loaded before the data has been described. Its error is an *Error that lists everything that is
// wrong.
func NewTraining(sources ...Source) (*Training, error) {
	r, err := resolve(Train, sources, true)
	if err != nil {
		return nil, err
	}
	return &Training{*r}, nil
}

// Model is a copy of the section "model".
func (t *Training) Model() Model { return t.sections.model }

// Settings is a copy of the section "training".
func (t *Training) Settings() TrainingSettings { return t.sections.training }

// Execution is a copy of the section "execution".
func (t *Training) Execution() Execution { return t.sections.execution }

// Inference is the resolved configuration of a reconstruction: its model has been described. It cannot be changed. Only
// NewInference makes one.
type Inference struct{ resolution }

// NewInference resolves the configuration of a reconstruction. One of the sources has to be Data with the section model
// of the trained model. Its error is an *Error that lists everything that is wrong.
func NewInference(sources ...Source) (*Inference, error) {
	r, err := resolve(Infer, sources, true)
	if err != nil {
		return nil, err
	}
	return &Inference{*r}, nil
}

// Model is a copy of the section "model", the trained model's.
func (i *Inference) Model() Model { return i.sections.model }

// Settings is a copy of the section "inference".
func (i *Inference) Settings() InferenceSettings { return i.sections.inference }

// Execution is a copy of the section "execution".
func (i *Inference) Execution() Execution { return i.sections.execution }
