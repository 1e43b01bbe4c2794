// Package config resolves the settings of a run. NewTraining and NewInference are its only doors: they take sources
// (defaults are built in; what the data says, presets, files, the environment, flags), put them in order of precedence,
// check everything at once, and give an immutable result in which every value knows where it came from and what it
// overrode. One table (Settings) drives flags, environment, files, checks and documentation: a new setting is one row of
// it and one field of a section.
package config

import "time"

// DefaultEpochs is the length of a run that does not say otherwise: on the simulated scan of 64×64 pixels it is about
// two minutes of one core, and twice what the recipe needs for a good image.
const DefaultEpochs = 16

// Model is the section "model": what the network is. It makes the model's identity.
type Model struct {
	N             int    // side of a diffraction pattern, pixels; 0 until the data has been described
	Arch          string // "unet" or "cnn"
	Gridsize      int    // a group has Gridsize² patterns
	FiltersScale  int    // widths of the layers are proportional to it
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
	OutputDir         string
	DiffractionLayout string // "auto", "nhw" or "hwn"
	DiffractionUnits  string // "auto", "counts", "amplitude" or "normalised"
	Rows              string // selection of patterns, "" is all
	NImages           int    // patterns drawn from the selection, 0 is all
	ValSplit          float64
	MaxEpochs         int
	ScheduleEpochs    int // epochs that warm-up and cosine span; never 0 once resolved
	BatchSize         int // patterns, a multiple of gridsize²
	LearningRate      float64
	WarmupSteps       int
	LearningRateFloor float64 // fraction of LearningRate at the end of the cosine
	ClipNorm          float64 // 0: no clipping
	NeighborCount     int     // nearest neighbours from which partners are drawn
	Background        float64 // counts per pixel
	Seed              int64
	CheckpointEvery   int // epochs
}

// InferenceSettings is the section "inference": the model, the data and the way of stitching.
type InferenceSettings struct {
	ModelPath          string
	TestData           string
	OutputDir          string
	DiffractionLayout  string
	DiffractionUnits   string
	Rows               string
	NImages            int
	InferenceBatchSize int    // patterns
	MiddleTrim         int    // pixels cut from each side of a patch before stitching
	PadEval            bool   // the canvas holds every patch whole; off: only what is fully covered
	SynchronisePhases  string // "auto", "on" or "off"; see stitch.Synchronise
	PatchWeighting     string // "probe" or "uniform"
}

// Execution is the section "execution": where and how the work is done. It never changes what the numbers mean and is
// no part of a model's identity.
type Execution struct {
	Backend   string // a name or an explicit path
	Device    string
	Threads   int // 0: all cores
	PluginDir string
	MaxTime   time.Duration // 0: no limit
	StopAfter int           // epochs of this run, 0: no limit
	Resume    string        // run directory to go on with
	Overwrite bool
	Quiet     bool
	JSON      bool
	LogLevel  string
}

// sections is where a row of the table points into.
type sections struct {
	model     Model
	training  TrainingSettings
	inference InferenceSettings
	execution Execution
}

// Training is the resolved configuration of a training run. It cannot be changed.
type Training struct{ resolution }

// NewTraining resolves the configuration of a training run. Its error is an *Error that lists everything that is wrong.
func NewTraining(sources ...Source) (*Training, error) {
	r, err := resolve(Train, sources)
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

// Inference is the resolved configuration of a reconstruction. It cannot be changed.
type Inference struct{ resolution }

// NewInference resolves the configuration of a reconstruction. Its error is an *Error that lists everything that is
// wrong.
func NewInference(sources ...Source) (*Inference, error) {
	r, err := resolve(Infer, sources)
	if err != nil {
		return nil, err
	}
	return &Inference{*r}, nil
}

// Settings is a copy of the section "inference".
func (i *Inference) Settings() InferenceSettings { return i.sections.inference }

// Execution is a copy of the section "execution".
func (i *Inference) Execution() Execution { return i.sections.execution }
