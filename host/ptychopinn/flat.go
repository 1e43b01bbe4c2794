package ptychopinn

// Values that the reference allows.
var (
	refSchedulers    = []string{"Default", "Exponential", "WarmupCosine", "ReduceLROnPlateau", "MultiStage", "Adaptive", "CosineAnnealing"}
	refArchitectures = []string{"cnn", "ffno", "fno", "fno_vanilla", "neuralop_uno"}
	refOptimizers    = []string{"adam", "adamw", "sgd"}
	refClips         = []string{"norm", "value", "agc"}
)

// Reasons that several keys share.
const (
	noGenerators = "this program does not have its generator"
	noScale      = "patterns are counts here and need no intensity scale"
	noProbeScale = "the probe's scale is never trusted: the probe is scaled by the counted photons"
	noRealSpace  = "asks for a loss on the object itself, which this program does not have: training compares patterns"
	redrawn      = "groups are redrawn in every epoch"
	onePicture   = "a preview is one picture of the whole reconstruction"
)

// flatTable holds the rows of the flat form: "model" is ModelConfig, "training" everything at the root, that is,
// the fields of TrainingConfig, InferenceConfig and PyTorchExecutionConfig.
var flatTable = map[string][]field{
	"model": {
		{name: "N", kind: whole, def: 64, enum: []string{"64", "128", "256"}, means: becomes("model.n")},
		{name: "gridsize", kind: whole, def: 1, min: 1, means: becomes("model.gridsize")},
		{name: "n_filters_scale", kind: whole, def: 2, min: 1, means: becomes("model.n-filters-scale")},
		{name: "model_type", kind: word, def: "pinn", enum: []string{"pinn", "supervised"}, means: becomes("model.mode", "pinn", "unsupervised")},
		{name: "architecture", kind: word, def: "cnn", enum: refArchitectures, means: architecture},
		{name: "fno_modes", kind: whole, def: 12, min: 1, means: nothing(noGenerators)},
		{name: "fno_width", kind: whole, def: 32, min: 1, means: nothing(noGenerators)},
		{name: "fno_blocks", kind: whole, def: 4, min: 1, means: nothing(noGenerators)},
		{name: "fno_cnn_blocks", kind: whole, def: 2, min: 0, means: nothing(noGenerators)},
		{name: "learned_input_channels", kind: whole, def: 1, min: 1, means: only("the patterns are the input", "asks for further input channels, which the network here does not have", "1")},
		{name: "max_hidden_channels", kind: whole, min: 1, means: nothing(noGenerators)},
		{name: "resnet_width", kind: whole, min: 1, means: nothing(noGenerators)},
		{name: "fno_input_transform", kind: word, def: "none", enum: []string{"none", "sqrt", "log1p", "instancenorm"}, means: nothing(noGenerators)},
		{name: "generator_output_mode", kind: word, def: "real_imag", enum: []string{"real_imag", "amp_phase_logits", "amp_phase"}, means: nothing(noGenerators)},
		{name: "amp_activation", kind: word, def: "sigmoid", enum: []string{"sigmoid", "swish", "softplus", "relu", "silu", "SiLU"}, means: becomes("model.amp-activation", "silu", "swish", "SiLU", "swish")},
		{name: "object_big", kind: yes, def: true, means: bigObject},
		{name: "probe_big", kind: yes, def: true, means: becomes("model.probe-big")},
		{name: "probe_mask", kind: yes, def: false, means: trainOnly("training.probe-mask", "the model contains its probe")},
		{name: "probe_mask_sigma", kind: number, def: 1.0, means: trainOnly("training.probe-mask-sigma", "the model contains its probe")},
		{name: "probe_mask_diameter", kind: number, above: true, means: trainOnly("training.probe-mask-diameter", "the model contains its probe")},
		{name: "pad_object", kind: yes, def: true, means: becomes("model.pad-object")},
		{name: "probe_scale", kind: number, def: 4.0, above: true, means: nothing(noProbeScale)},
		{name: "gaussian_smoothing_sigma", kind: number, def: 0.0, means: only("the probe is not smoothed", "asks for a smoothed probe, which this program does not support", "0")},
	},
	"training": {
		{name: "train_data_file", kind: place, means: becomes("training.train-data-file")},
		{name: "test_data_file", kind: place, means: either("test-data-file", "test-data")},
		{name: "model_path", kind: place, means: becomes("inference.model-path")},
		{name: "output_dir", kind: place, means: either("output-dir", "output-dir")},
		{name: "batch_size", kind: whole, def: 16, power: true, means: becomes("training.batch-size")},
		{name: "nepochs", kind: whole, def: 50, min: 1, means: becomes("training.max-epochs")},
		{name: "mae_weight", kind: number, def: 0.0, max: 1, means: weights},
		{name: "nll_weight", kind: number, def: 1.0, max: 1, means: weights},
		{name: "realspace_mae_weight", kind: number, def: 0.0, means: only("training compares patterns", noRealSpace, "0")},
		{name: "realspace_weight", kind: number, def: 0.0, means: only("training compares patterns", noRealSpace, "0")},
		{name: "nphotons", kind: number, def: 1e9, above: true, means: photons},
		{name: "n_groups", kind: whole, def: 512, min: 1, means: groups},
		{name: "n_images", kind: whole, min: 1, means: groups},
		{name: "n_subsample", kind: whole, min: 1, means: either("n-images", "n-images")},
		{name: "subsample_seed", kind: whole, means: trainOnly("training.seed", "only the selection of patterns is drawn, always the same")},
		{name: "neighbor_count", kind: whole, def: 4, min: 1, means: neighbours},
		{name: "enable_oversampling", kind: yes, def: false, means: nothing(redrawn)},
		{name: "neighbor_pool_size", kind: whole, min: 1, means: trainOnly("training.neighbor-count", "groups belong to training")},
		{name: "positions_provided", kind: yes, def: true, means: only("positions come from the file", "asks for a scan without positions, which cannot be reconstructed here", "true")},
		{name: "probe_trainable", kind: yes, def: false, means: only("the probe of the file is used", "asks to refine the probe during training, which this program does not do", "false")},
		{name: "intensity_scale_trainable", kind: yes, def: true, means: nothing(noScale)},
		{name: "sequential_sampling", kind: yes, def: false, means: sequential},
		{name: "backend", kind: word, def: "tensorflow", enum: []string{"tensorflow", "pytorch"}, means: nothing("the engine is chosen by execution.backend, which has neither")},
		{name: "torch_loss_mode", kind: word, def: "poisson", enum: []string{"poisson", "mae"}, means: torchLoss},
		{name: "torch_mae_pred_l2_match_target", kind: yes, def: false, means: only("predicted patterns are compared as they are", "asks to scale patterns to each other before comparison, which would hide wrong counts", "false")},
		{name: "gradient_clip_val", kind: number, meansNull: true, means: clip},
		{name: "gradient_clip_algorithm", kind: word, def: "norm", enum: refClips, means: becomes("training.gradient-clip-algorithm")},
		{name: "optimizer", kind: word, def: "adam", enum: refOptimizers, means: becomes("training.optimizer")},
		{name: "momentum", kind: number, def: 0.9, means: becomes("training.momentum")},
		{name: "weight_decay", kind: number, def: 0.0, means: becomes("training.weight-decay")},
		{name: "adam_beta1", kind: number, def: 0.9, means: becomes("training.adam-beta1")},
		{name: "adam_beta2", kind: number, def: 0.999, means: becomes("training.adam-beta2")},
		{name: "scheduler", kind: word, def: "Default", enum: refSchedulers, means: becomes("training.scheduler")},
		{name: "lr_warmup_epochs", kind: whole, def: 0, means: warmupEpochs},
		{name: "lr_min_ratio", kind: number, def: 0.1, max: 1, means: becomes("training.learning-rate-floor")},
		{name: "plateau_factor", kind: number, def: 0.5, above: true, means: becomes("training.plateau-factor")},
		{name: "plateau_patience", kind: whole, def: 2, means: becomes("training.plateau-patience")},
		{name: "plateau_min_lr", kind: number, def: 5e-5, means: becomes("training.plateau-min-lr")},
		{name: "plateau_threshold", kind: number, def: 0.0, means: becomes("training.plateau-threshold")},
		{name: "debug", kind: yes, def: false, means: debugging},

		{name: "accelerator", kind: word, def: "auto", enum: []string{"auto", "cpu", "gpu", "cuda", "mps"}, means: becomes("execution.accelerator")},
		{name: "devices", kind: whole, def: 1, min: 1, words: []string{"auto"}, means: deviceCount},
		{name: "strategy", kind: word, def: "auto", means: shared},
		{name: "deterministic", kind: yes, def: true, words: []string{"warn"}, means: becomes("execution.deterministic", "warn", "true")},
		{name: "precision", kind: word, def: "32-true", enum: []string{"32-true", "16-mixed", "bf16-mixed"}, means: becomes("execution.precision", "32-true", "float32")},
		{name: "accum_steps", kind: whole, def: 1, min: 1, means: becomes("training.accumulate-grad-batches")},
		{name: "num_workers", kind: whole, def: 0, means: becomes("execution.num-workers")},
		{name: "pin_memory", kind: yes, def: false, means: becomes("execution.pin-memory")},
		{name: "persistent_workers", kind: yes, def: false, means: becomes("execution.persistent-workers")},
		{name: "prefetch_factor", kind: whole, means: becomes("execution.prefetch-factor")},
		{name: "learning_rate", kind: number, def: 1e-3, above: true, means: becomes("training.learning-rate")},
		{name: "enable_progress_bar", kind: yes, def: false, means: becomes("execution.enable-progress-bar")},
		{name: "enable_checkpointing", kind: yes, def: true, means: becomes("training.enable-checkpointing")},
		{name: "checkpoint_save_top_k", kind: whole, def: 1, min: -1, means: becomes("training.checkpoint-save-top-k")},
		{name: "checkpoint_monitor_metric", kind: word, def: "val_loss", means: becomes("training.checkpoint-monitor", "val_loss", "auto")},
		{name: "checkpoint_mode", kind: word, def: "min", enum: []string{"min", "max"}, means: becomes("training.checkpoint-mode")},
		{name: "early_stop_patience", kind: whole, def: 100, min: 1, means: becomes("training.early-stop-patience")},
		{name: "logger_backend", kind: word, def: "csv", enum: []string{"csv", "tensorboard", "mlflow", "none"}, meansNull: true, means: becomes("execution.logger", "", "none")},
		{name: "recon_log_every_n_epochs", kind: whole, min: 1, means: becomes("execution.preview-every")},
		{name: "recon_log_num_patches", kind: whole, def: 4, min: 1, means: nothing(onePicture)},
		{name: "recon_log_fixed_indices", kind: sequence, means: nothing(onePicture)},
		{name: "recon_log_stitch", kind: yes, def: false, means: nothing(onePicture)},
		{name: "recon_log_max_stitch_samples", kind: whole, min: 1, means: nothing(onePicture)},
		{name: "ffno_encoder_blocks", kind: whole, def: 24, min: 1, means: nothing(noGenerators)},
		{name: "ffno_encoder_modes", kind: whole, def: 12, min: 1, means: nothing(noGenerators)},
		{name: "ffno_encoder_share_weights", kind: yes, def: true, means: nothing(noGenerators)},
		{name: "ffno_encoder_gate_init", kind: number, def: 0.1, above: true, means: nothing(noGenerators)},
		{name: "ffno_encoder_norm", kind: word, def: "instance", means: nothing(noGenerators)},
		{name: "ffno_encoder_mlp_ratio", kind: number, def: 2.0, above: true, means: nothing(noGenerators)},
		{name: "spectral_bottleneck_blocks", kind: whole, def: 6, min: 1, means: nothing(noGenerators)},
		{name: "spectral_bottleneck_modes", kind: whole, def: 12, min: 1, means: nothing(noGenerators)},
		{name: "spectral_bottleneck_share_weights", kind: yes, def: true, means: nothing(noGenerators)},
		{name: "spectral_bottleneck_gate_init", kind: number, def: 0.1, above: true, means: nothing(noGenerators)},
		{name: "spectral_bottleneck_gate_mode", kind: word, def: "shared", enum: []string{"shared", "per_block"}, means: nothing(noGenerators)},
		{name: "inference_batch_size", kind: whole, min: 1, means: ofBatches},
		{name: "middle_trim", kind: whole, def: 0, means: becomes("inference.middle-trim")},
		{name: "pad_eval", kind: yes, def: false, means: becomes("inference.pad-eval")},
	},
}
