package config

// defaultEpochs is the default of max-epochs. On the simulated scan of 64×64 pixels it takes about two minutes of one
// core, twice what the recipe needs for a good image.
const defaultEpochs = 16

// TrainingSettings is the section "training": the data and the plan of the optimisation.
type TrainingSettings struct {
	TrainDataFile     string
	TestDataFile      string // for validation; "": none
	FirstPass         string // model whose image the network corrects; "": none
	OutputDir         string
	DiffractionLayout string  // "auto", "nhw" or "hwn"
	DiffractionUnits  string  // "auto", "counts", "amplitude" or "normalised"
	NPhotons          float64 // mean photons of a normalised pattern; 0: from the file
	Rows              string  // selection of patterns; "": all
	NImages           int     // patterns drawn from the selection; 0: all
	ValSplit          float64
	ProbeMask         bool
	ProbeMaskDiameter float64 // pixels; 0: N/2
	ProbeMaskSigma    float64 // pixels
	Background        float64 // counts per pixel
	FitBackground     bool
	Calibrate         string // "none", "auto", or names joined by commas
	CheckGeometry     bool
	Seed              int64
	NeighborCount     int // nearest neighbours from which partners are drawn

	BatchSize             int // patterns in a micro-batch, a multiple of gridsize²
	InferenceBatchSize    int // patterns in a batch of validation and previews; 0: BatchSize
	AccumulateGradBatches int // micro-batches in a step
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
	SchedulerGamma      float64 // 0: the scheduler's default
	SchedulerMilestones string  // epochs joined by commas, see Milestones
	PlateauFactor       float64
	PlateauPatience     int
	PlateauMinLR        float64
	PlateauThreshold    float64

	ValCheckInterval    float64 // up to 1: share of an epoch; above 1: steps
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

// Milestones returns the epochs of SchedulerMilestones, nil if it is empty.
func (t TrainingSettings) Milestones() []int {
	epochs, _ := parseEpochs(t.SchedulerMilestones) // was checked by resolve
	return epochs
}

// Sentences of the documentation that several settings share.
const (
	detectsLayout = "auto compares the axes with the number of positions and reports an error if both fit."
	needsPhotons  = "Normalised patterns need it if their file has no intensity_scale."
	drawsImages   = "They stay in file order. A number above that of the rows takes all."
	countsEpochs  = "Without validation, epochs are counted."
)

var units = []string{"auto", "counts", "amplitude", "normalised"}

var layouts = []string{"auto", "nhw", "hwn"}

// trainingTable holds the data and the schedule of a training run.
var trainingTable = []Setting{
	{Name: "train-data-file", Section: TrainingSection, Commands: Train, Default: "", Required: true, Path: true, Resume: Keeps,
		Meaning: "scan to train on", Why: "none",
		field: func(s *sections) any { return &s.training.TrainDataFile }},
	{Name: "test-data-file", Section: TrainingSection, Commands: Train, Default: "", Path: true,
		Meaning: "scan to validate on; empty: see --val-split", Why: neutral,
		field: func(s *sections) any { return &s.training.TestDataFile }},
	{Name: "first-pass", Section: TrainingSection, Commands: Train, Default: "", Path: true, Resume: Bound, Under: "model.arch=unet",
		Meaning: "trained model whose image of the scan the network sees and corrects", More: "The run folder gets a copy of that model, and infer runs both networks. Train both with the same scan and the same --calibrate.", Why: neutral,
		field: func(s *sections) any { return &s.training.FirstPass }},
	{Name: "output-dir", Section: TrainingSection, Commands: Train, Default: "", Required: true, Path: true, Resume: Forget,
		Meaning: "run directory to create", Why: "none",
		field: func(s *sections) any { return &s.training.OutputDir }},
	{Name: "diffraction-layout", Section: TrainingSection, Commands: Train, Default: "auto", Enum: layouts,
		Meaning: "axis order of the diffraction array: patterns first or last", More: detectsLayout, Why: decided,
		field: func(s *sections) any { return &s.training.DiffractionLayout }},
	{Name: "diffraction-units", Section: TrainingSection, Commands: Train, Default: "auto", Enum: units,
		Meaning: "unit of the diffraction array; auto: detected and reported", Why: decided,
		field: func(s *sections) any { return &s.training.DiffractionUnits }},
	{Name: "nphotons", Section: TrainingSection, Commands: Train, Default: 0.0, Unit: "photons",
		Meaning: "mean photons per normalised pattern; 0: from the file", More: needsPhotons, Why: decided,
		field: func(s *sections) any { return &s.training.NPhotons }},
	{Name: "rows", Section: TrainingSection, Commands: Train, Default: "",
		Meaning: "patterns to use: a:b, a:b:step, indices, split=K or a file; empty: all", Why: neutral,
		field: func(s *sections) any { return &s.training.Rows }},
	{Name: "n-images", Section: TrainingSection, Commands: Train, Default: 0, Unit: "patterns",
		Meaning: "patterns drawn from the rows; 0: all", More: drawsImages, Why: neutral,
		field: func(s *sections) any { return &s.training.NImages }},
	{Name: "val-split", Section: TrainingSection, Commands: Train, Default: 0.0, Max: 0.9,
		Meaning: "share of the patterns held out for validation, drawn by the seed", Why: decided,
		field: func(s *sections) any { return &s.training.ValSplit }},
	{Name: "probe-mask", Section: TrainingSection, Commands: Train, Default: false,
		Meaning: "multiply the probe by a disk with a soft edge", Why: customary,
		field: func(s *sections) any { return &s.training.ProbeMask }},
	{Name: "probe-mask-diameter", Section: TrainingSection, Commands: Train, Default: 0.0, Max: maxPixels, Unit: "pixels", Under: "training.probe-mask=true",
		Meaning: "diameter of the mask at half height; 0: half a pattern's side", Why: customary,
		field: func(s *sections) any { return &s.training.ProbeMaskDiameter }},
	{Name: "probe-mask-sigma", Section: TrainingSection, Commands: Train, Default: 1.0, Max: maxPixels, Unit: "pixels", Under: "training.probe-mask=true",
		Meaning: "standard deviation of the mask's soft edge; 0: sharp", Why: customary,
		field: func(s *sections) any { return &s.training.ProbeMaskSigma }},
	{Name: "background", Section: TrainingSection, Commands: Train, Default: 0.01, Min: 0.01, Unit: "counts per pixel",
		Meaning: "background of the forward model, the floor of λ", Why: measured,
		field: func(s *sections) any { return &s.training.Background }},
	{Name: "fit-background", Section: TrainingSection, Commands: Train, Default: false,
		Meaning: "fit a smooth background first and add it to the forward model's", Why: neutral,
		field: func(s *sections) any { return &s.training.FitBackground }},
	{Name: "calibrate", Section: TrainingSection, Commands: Train, Default: "none", Enum: []string{"none", "auto", "probe", "positions", "intensity", "modes", "background"}, List: true,
		Meaning: "fit these first, by iterations; auto: those that pay; joined by commas", More: "docs/solve.md describes it.", Why: neutral,
		field: func(s *sections) any { return &s.training.Calibrate }},
	{Name: "check-geometry", Section: TrainingSection, Commands: Train, Default: true, Resume: Forget,
		Meaning: "check before a new run whether the data fit the positions' orientation", Why: decided,
		field: func(s *sections) any { return &s.training.CheckGeometry }},
	{Name: "seed", Section: TrainingSection, Commands: Train, Default: int64(0),
		Meaning: "seed of all randomness: weights, groups, order, selection of patterns", Why: neutral,
		field: func(s *sections) any { return &s.training.Seed }},
	{Name: "neighbor-count", Section: TrainingSection, Commands: Train, Default: 8, Min: 1, Max: 1024, Unit: "patterns", Also: []string{"k"},
		Meaning: "nearest neighbours from which a leader's partners are drawn", Why: measured,
		field: func(s *sections) any { return &s.training.NeighborCount }},
	{Name: "batch-size", Section: TrainingSection, Commands: Train, Default: 8, Min: 1, Max: maxBatch, Unit: "patterns",
		Meaning: "patterns in a micro-batch, a multiple of gridsize²", Why: measured,
		field: func(s *sections) any { return &s.training.BatchSize }},
	{Name: "inference-batch-size", Section: TrainingSection, Commands: Train, Default: 0, Max: maxBatch, Unit: "patterns",
		Meaning: "patterns in a batch of validation and previews; 0: --batch-size", Why: neutral,
		field: func(s *sections) any { return &s.training.InferenceBatchSize }},
	{Name: "accumulate-grad-batches", Section: TrainingSection, Commands: Train, Default: 1, Min: 1, Max: maxBatch, Unit: "micro-batches", Also: []string{"accum-steps"},
		Meaning: "micro-batches in one optimiser step", Why: neutral,
		field: func(s *sections) any { return &s.training.AccumulateGradBatches }},
	{Name: "max-epochs", Section: TrainingSection, Commands: Train, Default: defaultEpochs, Min: 1, Max: maxEpochs, Resume: Grows, Unit: "epochs",
		Meaning: "epochs to train; a larger number with --resume extends the run", More: "An extended run continues at the last learning rate.", Why: measured,
		field: func(s *sections) any { return &s.training.MaxEpochs }},
	{Name: "schedule-epochs", Section: TrainingSection, Commands: Train, Default: 0, Max: maxEpochs, Unit: "epochs",
		Meaning: "epochs that the learning-rate schedule spans; 0: --max-epochs", Why: decided,
		field: func(s *sections) any { return &s.training.ScheduleEpochs }},
}

// schedulers lists the names of optim.Schedule; schedulerNames translates the reference's spellings.
var (
	schedulers     = []string{"none", "step", "plateau", "cosine", "exponential", "warmup-cosine", "multistage", "one-cycle"}
	schedulerNames = map[string]string{"Default": "none", "Exponential": "exponential", "WarmupCosine": "warmup-cosine", "warmup_cosine": "warmup-cosine",
		"ReduceLROnPlateau": "plateau", "Adaptive": "plateau", "MultiStage": "multistage", "CosineAnnealing": "cosine", "one_cycle": "one-cycle"}
)

// optimiserTable holds the settings of the optimiser and the learning rate.
var optimiserTable = []Setting{
	{Name: "optimizer", Section: TrainingSection, Commands: Train, Default: "adam", Enum: []string{"adam", "adamw", "sgd"},
		Meaning: "update rule of the weights", Why: measured,
		field: func(s *sections) any { return &s.training.Optimizer }},
	{Name: "learning-rate", Section: TrainingSection, Commands: Train, Default: 2e-3, Max: 10, Above: true,
		Meaning: "largest learning rate of the schedule", Why: measured,
		field: func(s *sections) any { return &s.training.LearningRate }},
	{Name: "adam-beta1", Section: TrainingSection, Commands: Train, Default: 0.9, Max: 0.999999, Under: "training.optimizer=adam|adamw",
		Meaning: "decay of Adam's first moment per step", Why: authors,
		field: func(s *sections) any { return &s.training.AdamBeta1 }},
	{Name: "adam-beta2", Section: TrainingSection, Commands: Train, Default: 0.999, Max: 0.999999999, Under: "training.optimizer=adam|adamw",
		Meaning: "decay of Adam's second moment per step", Why: authors,
		field: func(s *sections) any { return &s.training.AdamBeta2 }},
	{Name: "adam-epsilon", Section: TrainingSection, Commands: Train, Default: 1e-8, Max: 1, Under: "training.optimizer=adam|adamw",
		Meaning: "constant added to the root of Adam's second moment", Why: authors,
		field: func(s *sections) any { return &s.training.AdamEpsilon }},
	{Name: "momentum", Section: TrainingSection, Commands: Train, Default: 0.9, Max: 0.999999, Under: "training.optimizer=sgd",
		Meaning: "Nesterov momentum of sgd", Why: customary,
		field: func(s *sections) any { return &s.training.Momentum }},
	{Name: "weight-decay", Section: TrainingSection, Commands: Train, Default: 0.0, Max: 1,
		Meaning: "weight decay: decoupled for adamw, else added to the gradient", Why: neutral,
		field: func(s *sections) any { return &s.training.WeightDecay }},
	{Name: "gradient-clip-val", Section: TrainingSection, Commands: Train, Default: 1.0,
		Meaning: "bound on the gradient; 0: no clipping", Why: measured,
		field: func(s *sections) any { return &s.training.GradientClipVal }},
	{Name: "gradient-clip-algorithm", Section: TrainingSection, Commands: Train, Default: "norm", Enum: []string{"norm", "value", "agc"},
		Meaning: "quantity that is clipped", More: "norm is that of the whole gradient, value is each element, agc is a tensor's norm relative to that of its weights.", Why: measured,
		field: func(s *sections) any { return &s.training.GradientClipAlgorithm }},
	{Name: "ema-decay", Section: TrainingSection, Commands: Train, Default: 0.0, Max: 0.999999, Needs: "ema",
		Meaning: "decay per step of a moving average of the weights; 0: none", More: "Validation and the model then use the average.", Why: neutral,
		field: func(s *sections) any { return &s.training.EMADecay }},

	{Name: "scheduler", Section: TrainingSection, Commands: Train, Default: "warmup-cosine", Enum: schedulers, Values: schedulerNames,
		Meaning: "learning-rate schedule", More: "For the formulas see docs/workflow.md.", Why: measured,
		field: func(s *sections) any { return &s.training.Scheduler }},
	{Name: "warmup-steps", Section: TrainingSection, Commands: Train, Default: 100, Max: maxSteps, Unit: "steps", Under: "training.scheduler=warmup-cosine",
		Meaning: "steps of linear warm-up, at most a quarter of the run", Why: measured,
		field: func(s *sections) any { return &s.training.WarmupSteps }},
	{Name: "learning-rate-floor", Section: TrainingSection, Commands: Train, Default: 0.02, Max: 1, Also: []string{"lr-min-ratio"}, Under: "training.scheduler=cosine|warmup-cosine",
		Meaning: "learning rate at the end of the cosine, as a share of --learning-rate", Why: measured,
		field: func(s *sections) any { return &s.training.LearningRateFloor }},
	{Name: "scheduler-step-epochs", Section: TrainingSection, Commands: Train, Default: 5, Min: 1, Max: maxEpochs, Unit: "epochs", Under: "training.scheduler=step",
		Meaning: "epochs between reductions of the learning rate by scheduler step", Why: decided,
		field: func(s *sections) any { return &s.training.SchedulerStepEpochs }},
	{Name: "scheduler-gamma", Section: TrainingSection, Commands: Train, Default: 0.0, Max: 1, Under: "training.scheduler=step|exponential|multistage",
		Meaning: "factor on the learning rate; 0: the scheduler's default", More: "The defaults are 0.95 per epoch for exponential, and 0.1 for step and multistage.", Why: customary,
		field: func(s *sections) any { return &s.training.SchedulerGamma }},
	{Name: "scheduler-milestones", Section: TrainingSection, Commands: Train, Default: "", Unit: "epochs", Under: "training.scheduler=multistage", Epochs: true,
		Meaning: "epochs after which multistage applies --scheduler-gamma", More: "Empty: after half and three quarters of the run.", Why: decided,
		field: func(s *sections) any { return &s.training.SchedulerMilestones }},
	{Name: "plateau-factor", Section: TrainingSection, Commands: Train, Default: 0.5, Max: 0.999999, Above: true, Under: "training.scheduler=plateau",
		Meaning: "factor on the learning rate when the monitored metric stops improving", Why: customary,
		field: func(s *sections) any { return &s.training.PlateauFactor }},
	{Name: "plateau-patience", Section: TrainingSection, Commands: Train, Default: 2, Max: maxEpochs, Unit: "validations", Under: "training.scheduler=plateau",
		Meaning: "validations without improvement before the rate is reduced", More: countsEpochs, Why: customary,
		field: func(s *sections) any { return &s.training.PlateauPatience }},
	{Name: "plateau-min-lr", Section: TrainingSection, Commands: Train, Default: 5e-5, Max: 10, Under: "training.scheduler=plateau",
		Meaning: "smallest learning rate of plateau", Why: customary,
		field: func(s *sections) any { return &s.training.PlateauMinLR }},
	{Name: "plateau-threshold", Section: TrainingSection, Commands: Train, Default: 0.0, Max: 1, Under: "training.scheduler=plateau",
		Meaning: "relative improvement of the monitored metric that counts", Why: customary,
		field: func(s *sections) any { return &s.training.PlateauThreshold }},
}

// monitors lists the metrics that may be monitored. "auto" is the deviance of the validation, or without validation
// that of the training.
var (
	monitors     = []string{"auto", "validation_deviance", "deviance", "loss", "grad_norm"}
	monitorNames = map[string]string{"val_loss": "validation_deviance", "poisson_val_loss": "validation_deviance", "train_loss": "loss", "poisson_train_loss": "loss"}
)

// monitoringTable holds the settings of validation, stopping and checkpoints.
var monitoringTable = []Setting{
	{Name: "val-check-interval", Section: TrainingSection, Commands: Train, Default: 1.0, Max: maxSteps, Above: true,
		Meaning: "validation interval: up to 1 a share of an epoch, above 1 in steps", Why: customary,
		field: func(s *sections) any { return &s.training.ValCheckInterval }},
	{Name: "early-stop-patience", Section: TrainingSection, Commands: Train, Default: 100, Max: maxEpochs, Unit: "validations",
		Meaning: "validations without improvement before the run stops; 0: never", More: countsEpochs, Why: customary,
		field: func(s *sections) any { return &s.training.EarlyStopPatience }},
	{Name: "divergence-factor", Section: TrainingSection, Commands: Train, Default: 100.0,
		Meaning: "stop above this multiple of the flat object's deviance; 0: only at NaN", Why: decided,
		field: func(s *sections) any { return &s.training.DivergenceFactor }},
	{Name: "restarts", Section: TrainingSection, Commands: Train, Default: 2, Max: 100,
		Meaning: "restarts at half the learning rate if the network collapses early", Why: decided,
		field: func(s *sections) any { return &s.training.Restarts }},
	{Name: "final-weights", Section: TrainingSection, Commands: Train, Default: "last", Enum: []string{"last", "best"}, Resume: Keeps,
		Meaning: "save the last weights, or those of the best checkpoint", Why: decided,
		field: func(s *sections) any { return &s.training.FinalWeights }},
	{Name: "checkpoint-every", Section: TrainingSection, Commands: Train, Default: 1, Min: 1, Max: maxEpochs, Resume: Keeps, Unit: "epochs",
		Meaning: "epochs between checkpoints", Why: decided,
		field: func(s *sections) any { return &s.training.CheckpointEvery }},
	{Name: "enable-checkpointing", Section: TrainingSection, Commands: Train, Default: true, Resume: Keeps, Not: "disable-checkpointing",
		Meaning: "write checkpoints; without them a stopped run is lost", Why: customary,
		field: func(s *sections) any { return &s.training.EnableCheckpointing }},
	{Name: "checkpoint-save-top-k", Section: TrainingSection, Commands: Train, Default: 1, Min: -1, Max: maxKept, Resume: Keeps,
		Meaning: "best checkpoints to keep besides the newest; -1: one per validation", Why: customary,
		field: func(s *sections) any { return &s.training.CheckpointSaveTopK }},
	{Name: "checkpoint-monitor", Section: TrainingSection, Commands: Train, Default: "auto", Enum: monitors, Values: monitorNames,
		Meaning: "metric for checkpoints, early stopping and plateau", Why: customary,
		field: func(s *sections) any { return &s.training.CheckpointMonitor }},
	{Name: "checkpoint-mode", Section: TrainingSection, Commands: Train, Default: "min", Enum: []string{"min", "max"},
		Meaning: "whether a smaller or a larger value of the monitored metric is better", Why: customary,
		field: func(s *sections) any { return &s.training.CheckpointMode }},
}

// EvaluationBatch returns the number of patterns in a batch of validation and previews.
func (t TrainingSettings) EvaluationBatch() int {
	if t.InferenceBatchSize > 0 {
		return t.InferenceBatchSize
	}
	return t.BatchSize
}
