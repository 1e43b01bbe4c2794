package config

// DefaultEpochs is the length of a run that does not say otherwise: on the simulated scan of 64×64 pixels it is about
// two minutes of one core, and twice what the recipe needs for a good image.
const DefaultEpochs = 16

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
	InferenceBatchSize    int // patterns of a batch of validation and previews, 0: BatchSize
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

var units = []string{"auto", "counts", "amplitude", "normalised"}

var layouts = []string{"auto", "nhw", "hwn"}

// trainingTable is the data of a training run and its plan.
var trainingTable = []Setting{
	{Name: "train-data-file", Section: TrainingSection, Commands: Train, Default: "", Required: true, Path: true, Resume: Keeps,
		Meaning: "scan to train on", Why: "none",
		field: func(s *sections) any { return &s.training.TrainDataFile }},
	{Name: "test-data-file", Section: TrainingSection, Commands: Train, Default: "", Path: true,
		Meaning: "scan to validate on; empty takes the validation patterns from the training scan, see val-split", Why: neutral,
		field: func(s *sections) any { return &s.training.TestDataFile }},
	{Name: "output-dir", Section: TrainingSection, Commands: Train, Default: "", Required: true, Path: true, Resume: Forget,
		Meaning: "run directory to make", Why: "none",
		field: func(s *sections) any { return &s.training.OutputDir }},
	{Name: "diffraction-layout", Section: TrainingSection, Commands: Train, Default: "auto", Enum: layouts,
		Meaning: "order of the diffraction array's axes: patterns first or last; auto finds it by their number and refuses a guess", Why: decided,
		field: func(s *sections) any { return &s.training.DiffractionLayout }},
	{Name: "diffraction-units", Section: TrainingSection, Commands: Train, Default: "auto", Enum: units,
		Meaning: "what the diffraction array holds; auto decides from the data and says why", Why: decided,
		field: func(s *sections) any { return &s.training.DiffractionUnits }},
	{Name: "nphotons", Section: TrainingSection, Commands: Train, Default: 0.0, Unit: "photons",
		Meaning: "mean photons in a pattern, which normalised patterns that hold no intensity_scale need; 0: the file says it", Why: decided,
		field: func(s *sections) any { return &s.training.NPhotons }},
	{Name: "rows", Section: TrainingSection, Commands: Train, Default: "",
		Meaning: "patterns to use: a:b, a:b:step, a list of indices, split=K or a file of indices; empty is all", Why: neutral,
		field: func(s *sections) any { return &s.training.Rows }},
	{Name: "n-images", Section: TrainingSection, Commands: Train, Default: 0, Unit: "patterns",
		Meaning: "number of patterns drawn from the rows, kept in file order; 0, or more than there are, is all", Why: neutral,
		field: func(s *sections) any { return &s.training.NImages }},
	{Name: "val-split", Section: TrainingSection, Commands: Train, Default: 0.0, Max: 0.9,
		Meaning: "share of the patterns kept for validation, drawn by the seed", Why: decided,
		field: func(s *sections) any { return &s.training.ValSplit }},
	{Name: "probe-mask", Section: TrainingSection, Commands: Train, Default: false,
		Meaning: "multiply the probe by a disk with a soft edge", Why: customary,
		field: func(s *sections) any { return &s.training.ProbeMask }},
	{Name: "probe-mask-diameter", Section: TrainingSection, Commands: Train, Default: 0.0, Max: mostPixels, Unit: "pixels", Under: "training.probe-mask=true",
		Meaning: "diameter of the disk at half its height; 0 is half the side of a pattern", Why: customary,
		field: func(s *sections) any { return &s.training.ProbeMaskDiameter }},
	{Name: "probe-mask-sigma", Section: TrainingSection, Commands: Train, Default: 1.0, Max: mostPixels, Unit: "pixels", Under: "training.probe-mask=true",
		Meaning: "standard deviation of the Gaussian that softens the disk's edge; 0 is sharp", Why: customary,
		field: func(s *sections) any { return &s.training.ProbeMaskSigma }},
	{Name: "background", Section: TrainingSection, Commands: Train, Default: 0.01, Min: 0.01, Unit: "counts per pixel",
		Meaning: "background of the forward model, the floor of λ", Why: measured,
		field: func(s *sections) any { return &s.training.Background }},
	{Name: "fit-background", Section: TrainingSection, Commands: Train, Default: false,
		Meaning: "measure a smooth background by a short iterative fit and add it to that of the forward model", Why: neutral,
		field: func(s *sections) any { return &s.training.FitBackground }},
	{Name: "check-geometry", Section: TrainingSection, Commands: Train, Default: true, Resume: Forget,
		Meaning: "say before a new run whether the data support the orientation of the positions", Why: decided,
		field: func(s *sections) any { return &s.training.CheckGeometry }},
	{Name: "seed", Section: TrainingSection, Commands: Train, Default: int64(0),
		Meaning: "of all randomness: weights, groups, order, the choice of patterns", Why: neutral,
		field: func(s *sections) any { return &s.training.Seed }},
	{Name: "neighbor-count", Section: TrainingSection, Commands: Train, Default: 8, Min: 1, Max: 1024, Unit: "patterns", Also: []string{"k"},
		Meaning: "nearest neighbours K from which a leader's partners are drawn", Why: measured,
		field: func(s *sections) any { return &s.training.NeighborCount }},
	{Name: "batch-size", Section: TrainingSection, Commands: Train, Default: 8, Min: 1, Max: mostBatch, Unit: "patterns",
		Meaning: "patterns of a micro-batch, a multiple of gridsize²", Why: measured,
		field: func(s *sections) any { return &s.training.BatchSize }},
	{Name: "inference-batch-size", Section: TrainingSection, Commands: Train, Default: 0, Max: mostBatch, Unit: "patterns",
		Meaning: "patterns sent through the network at once in validation and previews; 0 is batch-size", Why: neutral,
		field: func(s *sections) any { return &s.training.InferenceBatchSize }},
	{Name: "accumulate-grad-batches", Section: TrainingSection, Commands: Train, Default: 1, Min: 1, Max: mostBatch, Unit: "micro-batches", Also: []string{"accum-steps"},
		Meaning: "micro-batches whose gradients make one optimiser step", Why: neutral,
		field: func(s *sections) any { return &s.training.AccumulateGradBatches }},
	{Name: "max-epochs", Section: TrainingSection, Commands: Train, Default: DefaultEpochs, Min: 1, Max: mostEpochs, Resume: Grows, Unit: "epochs",
		Meaning: "length of the plan; a larger one on resume extends the run at the last learning rate", Why: measured,
		field: func(s *sections) any { return &s.training.MaxEpochs }},
	{Name: "schedule-epochs", Section: TrainingSection, Commands: Train, Default: 0, Max: mostEpochs, Unit: "epochs",
		Meaning: "epochs that the learning-rate schedule spans; 0 is max-epochs", Why: decided,
		field: func(s *sections) any { return &s.training.ScheduleEpochs }},
}

// schedulers are the names of optim.Schedule, with the reference's spellings.
var (
	schedulers     = []string{"none", "step", "plateau", "cosine", "exponential", "warmup-cosine", "multistage"}
	schedulerNames = map[string]string{"Default": "none", "Exponential": "exponential", "WarmupCosine": "warmup-cosine", "warmup_cosine": "warmup-cosine",
		"ReduceLROnPlateau": "plateau", "Adaptive": "plateau", "MultiStage": "multistage", "CosineAnnealing": "cosine"}
)

// optimiserTable is how the weights are changed.
var optimiserTable = []Setting{
	{Name: "optimizer", Section: TrainingSection, Commands: Train, Default: "adam", Enum: []string{"adam", "adamw", "sgd"},
		Meaning: "update rule of the weights", Why: measured,
		field: func(s *sections) any { return &s.training.Optimizer }},
	{Name: "learning-rate", Section: TrainingSection, Commands: Train, Default: 2e-3, Max: 10, Above: true,
		Meaning: "largest learning rate of the schedule", Why: measured,
		field: func(s *sections) any { return &s.training.LearningRate }},
	{Name: "adam-beta1", Section: TrainingSection, Commands: Train, Default: 0.9, Max: 0.999999, Under: "training.optimizer=adam|adamw",
		Meaning: "decay of Adam's first moment in a step", Why: authors,
		field: func(s *sections) any { return &s.training.AdamBeta1 }},
	{Name: "adam-beta2", Section: TrainingSection, Commands: Train, Default: 0.999, Max: 0.999999999, Under: "training.optimizer=adam|adamw",
		Meaning: "decay of Adam's second moment in a step", Why: authors,
		field: func(s *sections) any { return &s.training.AdamBeta2 }},
	{Name: "adam-epsilon", Section: TrainingSection, Commands: Train, Default: 1e-8, Max: 1, Under: "training.optimizer=adam|adamw",
		Meaning: "added to the root of Adam's second moment", Why: authors,
		field: func(s *sections) any { return &s.training.AdamEpsilon }},
	{Name: "momentum", Section: TrainingSection, Commands: Train, Default: 0.9, Max: 0.999999, Under: "training.optimizer=sgd",
		Meaning: "Nesterov momentum of sgd", Why: customary,
		field: func(s *sections) any { return &s.training.Momentum }},
	{Name: "weight-decay", Section: TrainingSection, Commands: Train, Default: 0.0, Max: 1,
		Meaning: "decay of the weights: decoupled for adamw, else added to the gradient", Why: neutral,
		field: func(s *sections) any { return &s.training.WeightDecay }},
	{Name: "gradient-clip-val", Section: TrainingSection, Commands: Train, Default: 1.0,
		Meaning: "bound on the gradient; 0 does not clip", Why: measured,
		field: func(s *sections) any { return &s.training.GradientClipVal }},
	{Name: "gradient-clip-algorithm", Section: TrainingSection, Commands: Train, Default: "norm", Enum: []string{"norm", "value", "agc"},
		Meaning: "what is bounded: the norm of the whole gradient, each element, or (agc) a tensor's norm over that of its weights", Why: measured,
		field: func(s *sections) any { return &s.training.GradientClipAlgorithm }},
	{Name: "ema-decay", Section: TrainingSection, Commands: Train, Default: 0.0, Max: 0.999999, Needs: "ema",
		Meaning: "decay in a step of a moving average of the weights, which validation and the model then use; 0: none", Why: neutral,
		field: func(s *sections) any { return &s.training.EMADecay }},

	{Name: "scheduler", Section: TrainingSection, Commands: Train, Default: "warmup-cosine", Enum: schedulers, Values: schedulerNames,
		Meaning: "course of the learning rate; docs/workflow.md has the formulas", Why: measured,
		field: func(s *sections) any { return &s.training.Scheduler }},
	{Name: "warmup-steps", Section: TrainingSection, Commands: Train, Default: 100, Max: mostSteps, Unit: "steps", Under: "training.scheduler=warmup-cosine",
		Meaning: "steps over which the learning rate rises linearly, at most a quarter of the plan", Why: measured,
		field: func(s *sections) any { return &s.training.WarmupSteps }},
	{Name: "learning-rate-floor", Section: TrainingSection, Commands: Train, Default: 0.02, Max: 1, Also: []string{"lr-min-ratio"}, Under: "training.scheduler=cosine|warmup-cosine",
		Meaning: "share of the learning rate at the end of the cosine", Why: measured,
		field: func(s *sections) any { return &s.training.LearningRateFloor }},
	{Name: "scheduler-step-epochs", Section: TrainingSection, Commands: Train, Default: 5, Min: 1, Max: mostEpochs, Unit: "epochs", Under: "training.scheduler=step",
		Meaning: "epochs after which step multiplies the learning rate by scheduler-gamma, again and again", Why: decided,
		field: func(s *sections) any { return &s.training.SchedulerStepEpochs }},
	{Name: "scheduler-gamma", Section: TrainingSection, Commands: Train, Default: 0.0, Max: 1, Under: "training.scheduler=step|exponential|multistage",
		Meaning: "factor on the learning rate; 0 is 0.95 an epoch for exponential, 0.1 for step and multistage", Why: customary,
		field: func(s *sections) any { return &s.training.SchedulerGamma }},
	{Name: "scheduler-milestones", Section: TrainingSection, Commands: Train, Default: "", Unit: "epochs", Under: "training.scheduler=multistage", Epochs: true,
		Meaning: "epochs, rising and joined by commas, after which multistage multiplies the rate by scheduler-gamma; empty is a half and three quarters of the plan", Why: decided,
		field: func(s *sections) any { return &s.training.SchedulerMilestones }},
	{Name: "plateau-factor", Section: TrainingSection, Commands: Train, Default: 0.5, Max: 0.999999, Above: true, Under: "training.scheduler=plateau",
		Meaning: "factor on the learning rate when the monitored value no longer improves", Why: customary,
		field: func(s *sections) any { return &s.training.PlateauFactor }},
	{Name: "plateau-patience", Section: TrainingSection, Commands: Train, Default: 2, Max: mostEpochs, Unit: "validations", Under: "training.scheduler=plateau",
		Meaning: "validations (epochs, where there is no validation) without improvement before the rate is reduced", Why: customary,
		field: func(s *sections) any { return &s.training.PlateauPatience }},
	{Name: "plateau-min-lr", Section: TrainingSection, Commands: Train, Default: 5e-5, Max: 10, Under: "training.scheduler=plateau",
		Meaning: "learning rate below which plateau does not go", Why: customary,
		field: func(s *sections) any { return &s.training.PlateauMinLR }},
	{Name: "plateau-threshold", Section: TrainingSection, Commands: Train, Default: 0.0, Max: 1, Under: "training.scheduler=plateau",
		Meaning: "share by which the monitored value must improve", Why: customary,
		field: func(s *sections) any { return &s.training.PlateauThreshold }},
}

// monitors are the values that may be watched. "auto" is the validation's deviance where there is validation, else the
// training's.
var (
	monitors     = []string{"auto", "validation_deviance", "deviance", "loss", "grad_norm"}
	monitorNames = map[string]string{"val_loss": "validation_deviance", "poisson_val_loss": "validation_deviance", "train_loss": "loss", "poisson_train_loss": "loss"}
)

// followingTable is how a run is watched, kept and ended.
var followingTable = []Setting{
	{Name: "val-check-interval", Section: TrainingSection, Commands: Train, Default: 1.0, Max: mostSteps, Above: true, Unit: "epochs or steps",
		Meaning: "how often validation runs: up to 1 a share of an epoch, above it a number of steps", Why: customary,
		field: func(s *sections) any { return &s.training.ValCheckInterval }},
	{Name: "early-stop-patience", Section: TrainingSection, Commands: Train, Default: 100, Max: mostEpochs, Unit: "validations",
		Meaning: "validations (epochs, where there is no validation) without improvement after which the run ends; 0 never ends it", Why: customary,
		field: func(s *sections) any { return &s.training.EarlyStopPatience }},
	{Name: "divergence-factor", Section: TrainingSection, Commands: Train, Default: 100.0, Unit: "times the flat object's deviance",
		Meaning: "a step whose deviance exceeds this ends the run as diverged; 0 bears everything but NaN", Why: decided,
		field: func(s *sections) any { return &s.training.DivergenceFactor }},
	{Name: "restarts", Section: TrainingSection, Commands: Train, Default: 2, Max: 100,
		Meaning: "times to restart training at half the learning rate if the network collapses early", Why: decided,
		field: func(s *sections) any { return &s.training.Restarts }},
	{Name: "final-weights", Section: TrainingSection, Commands: Train, Default: "last", Enum: []string{"last", "best"}, Resume: Keeps,
		Meaning: "weights of the model that is written: the last ones, or those of the best checkpoint", Why: decided,
		field: func(s *sections) any { return &s.training.FinalWeights }},
	{Name: "checkpoint-every", Section: TrainingSection, Commands: Train, Default: 1, Min: 1, Max: mostEpochs, Resume: Keeps, Unit: "epochs",
		Meaning: "epochs between checkpoints", Why: decided,
		field: func(s *sections) any { return &s.training.CheckpointEvery }},
	{Name: "enable-checkpointing", Section: TrainingSection, Commands: Train, Default: true, Resume: Keeps, Not: "disable-checkpointing",
		Meaning: "write checkpoints; without them a run that is stopped is lost", Why: customary,
		field: func(s *sections) any { return &s.training.EnableCheckpointing }},
	{Name: "checkpoint-save-top-k", Section: TrainingSection, Commands: Train, Default: 1, Min: -1, Max: mostKept, Resume: Keeps,
		Meaning: "best checkpoints to keep besides the newest; -1 keeps one of every validation, 0 none", Why: customary,
		field: func(s *sections) any { return &s.training.CheckpointSaveTopK }},
	{Name: "checkpoint-monitor", Section: TrainingSection, Commands: Train, Default: "auto", Enum: monitors, Values: monitorNames,
		Meaning: "value that checkpoints, early stopping and plateau watch", Why: customary,
		field: func(s *sections) any { return &s.training.CheckpointMonitor }},
	{Name: "checkpoint-mode", Section: TrainingSection, Commands: Train, Default: "min", Enum: []string{"min", "max"},
		Meaning: "whether the watched value is better when it is smaller or larger", Why: customary,
		field: func(s *sections) any { return &s.training.CheckpointMode }},
}

// EvaluationBatch is the number of patterns in a batch of validation and previews.
func (t TrainingSettings) EvaluationBatch() int {
	if t.InferenceBatchSize > 0 {
		return t.InferenceBatchSize
	}
	return t.BatchSize
}
