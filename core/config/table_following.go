package config

import "time"

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
		Meaning: "new beginnings at half the learning rate when the network dies before it has learned anything", Why: decided,
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

	{Name: "logger", Section: ExecutionSection, Commands: Train, Default: "csv", Enum: []string{"none", "csv", "tensorboard", "mlflow"}, List: true, Resume: Keeps,
		Also: []string{"logger-backend"}, Meaning: "where metrics go, several joined by commas", Why: customary,
		field: func(s *sections) any { return &s.execution.Logger }},
	{Name: "log-every-n-steps", Section: ExecutionSection, Commands: Train, Default: 1, Min: 1, Max: mostSteps, Resume: Keeps, Unit: "steps",
		Meaning: "steps between rows of the loggers", Why: customary,
		field: func(s *sections) any { return &s.execution.LogEveryNSteps }},
	{Name: "experiment-name", Section: ExecutionSection, Commands: Train, Default: "ptycho", Resume: Keeps,
		Meaning: "experiment that the loggers file the run under", Why: decided,
		field: func(s *sections) any { return &s.execution.ExperimentName }},
	{Name: "mlflow-uri", Section: ExecutionSection, Commands: Train, Default: "", Resume: Keeps, Under: "execution.logger=mlflow",
		Meaning: "MLflow server or folder; empty is MLFLOW_TRACKING_URI, else the folder mlruns of the run", Why: neutral,
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
