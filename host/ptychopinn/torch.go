package ptychopinn

import "slices"

// Reasons of the torch side.
const (
	theTrainedCNN  = "the network here is the published one"
	notInCNN       = "asks for a block that the network here does not have"
	ofCounts       = "patterns are counts here, and nothing is normalised"
	noStages       = "asks for stages of training that this program does not have"
	noRegular      = "asks for a penalty on the object, which this program does not have"
	ofSimulate     = "it belongs to simulation: ptycho simulate has its own flags"
	nearestOnly    = "partners are drawn from the nearest neighbours"
	followsGroup   = "it follows from gridsize"
	noRectangular  = "the forward model has one form here, in counts"
	loggerSaysIt   = "execution.logger sets how metrics are logged"
	everythingUsed = "every position is used: select some with training.rows"
)

// maxPixels is the largest side of a pattern.
const maxPixels = 4096

// flatRows returns rows of the flat form that a section of the torch side also has.
func flatRows(section string, names ...string) []field {
	var out []field
	for _, name := range names {
		out = append(out, *flatField(section, name))
	}
	return out
}

// withDefault returns a row of the flat form with the torch side's default.
func withDefault(section, name string, def any) field {
	row := *flatField(section, name)
	row.def = def
	return row
}

// torchTable holds the rows of the torch side, by section.
var torchTable = map[string][]field{
	"data": {
		{name: "nphotons", kind: number, def: 1e5, above: true, means: photons},
		{name: "scale_contract_version", kind: word, def: "ci_intensity_v2", enum: []string{"ci_intensity_v2", "legacy_v1"}, means: nothing(ofCounts)},
		{name: "measurement_domain", kind: word, def: "count_intensity", enum: []string{"count_intensity", "normalized_amplitude"}, means: domainOf},
		{name: "N", kind: whole, def: 64, min: 1, max: maxPixels, means: becomes("model.n")},
		{name: "C", kind: whole, def: 4, min: 1, means: patternsOfGroup},
		{name: "K", kind: whole, def: 6, min: 1, means: becomes("training.neighbor-count")},
		{name: "K_quadrant", kind: whole, def: 30, min: 1, means: nothing(nearestOnly)},
		{name: "n_subsample", kind: whole, def: 7, min: 1, means: nothing("the torch side means subsets of a group's neighbours, and " + redrawn)},
		{name: "subsample_seed", kind: whole, means: becomes("training.seed")},
		{name: "grid_size", kind: pair, means: gridSize},
		{name: "neighbor_function", kind: word, def: "Nearest", enum: []string{"Nearest", "Min_dist", "4_quadrant"}, means: only(nearestOnly, "asks for partners other than the nearest neighbours, which this program does not support", "Nearest")},
		{name: "min_neighbor_distance", kind: number, def: 0.0, means: nothing(nearestOnly)},
		{name: "max_neighbor_distance", kind: number, def: 3.0, means: nothing(nearestOnly)},
		{name: "scan_pattern", kind: word, def: "Isotropic", enum: []string{"Isotropic", "Rectangular"}, means: nothing("positions come from the file")},
		{name: "normalize", kind: word, def: "Batch", enum: []string{"Group", "Batch", "None"}, means: nothing(ofCounts)},
		{name: "probe_scale", kind: number, def: 4.0, above: true, means: nothing(noProbeScale)},
		{name: "probe_normalize", kind: yes, def: true, means: nothing(noProbeScale)},
		{name: "data_scaling", kind: word, def: "Parseval", enum: []string{"Parseval", "Max"}, means: nothing(ofCounts)},
		{name: "phase_subtraction", kind: yes, def: true, means: nothing("the global phase is removed when images are compared")},
		{name: "x_bounds", kind: pair, means: nothing(everythingUsed)},
		{name: "y_bounds", kind: pair, means: nothing(everythingUsed)},
	},
	"model": slices.Concat([]field{
		{name: "mode", kind: word, def: "Unsupervised", enum: []string{"Unsupervised", "Supervised"}, means: becomes("model.mode", "Unsupervised", "unsupervised", "Supervised", "supervised")},
		withDefault("model", "amp_activation", "silu"),
		withDefault("training", "intensity_scale_trainable", false),
	}, flatRows("model", "architecture", "fno_modes", "fno_width", "fno_blocks", "fno_cnn_blocks", "learned_input_channels", "max_hidden_channels", "resnet_width", "fno_input_transform",
		"generator_output_mode", "n_filters_scale", "probe_mask_sigma", "probe_mask_diameter", "object_big", "probe_big", "pad_object", "gaussian_smoothing_sigma"),
		flatRows("training", "ffno_encoder_blocks", "ffno_encoder_modes", "ffno_encoder_share_weights", "ffno_encoder_gate_init", "ffno_encoder_norm", "ffno_encoder_mlp_ratio",
			"spectral_bottleneck_blocks", "spectral_bottleneck_modes", "spectral_bottleneck_share_weights", "spectral_bottleneck_gate_init", "spectral_bottleneck_gate_mode"),
		[]field{
			{name: "cnn_output_mode", kind: word, def: "amp_phase", enum: []string{"amp_phase", "real_imag"}, means: only("the decoders predict amplitude and phase", "asks for decoders of the real and imaginary part, which the cnn here does not have", "amp_phase")},
			{name: "use_shared_decoder", kind: yes, def: false, means: only(theTrainedCNN, notInCNN, "false")},
			{name: "intensity_scale", kind: number, def: 10000.0, above: true, means: nothing(noScale)},
			{name: "max_position_jitter", kind: whole, def: 10, means: nothing("the canvas of a group is sized by the scan")},
			{name: "num_datasets", kind: whole, def: 1, min: 1, means: only("a run has one scan", "asks for a run over several scans, which this program does not have", "1")},
			{name: "C_model", kind: whole, def: 4, min: 1, means: nothing(followsGroup)},
			{name: "C_forward", kind: whole, def: 4, min: 1, means: nothing(followsGroup)},
			{name: "batch_norm", kind: yes, def: false, means: only(theTrainedCNN, notInCNN, "false")},
			{name: "probe_mask", kind: anything, def: false, means: maskOf},
			{name: "probe_mask_tensor", kind: anything, means: maskOf},
			{name: "edge_pad", kind: whole, def: 10, means: nothing("the canvas of a group is sized by the scan")},
			{name: "decoder_last_c_outer_fraction", kind: number, def: 0.125, max: 1, means: only("the border has four channels of the decoder", notInCNN, "0.125")},
			{name: "decoder_last_amp_channels", kind: whole, def: 1, min: 1, means: only(theTrainedCNN, notInCNN, "1")},
			{name: "use_legacy_decoder_channel_override", kind: yes, def: false, means: only(theTrainedCNN, notInCNN, "false")},
			{name: "eca_encoder", kind: yes, def: false, means: only(theTrainedCNN, notInCNN, "false")},
			{name: "cbam_encoder", kind: yes, def: true, means: nothing("the cnn here is that of the tensorflow side, without attention")},
			{name: "cbam_bottleneck", kind: yes, def: false, means: only(theTrainedCNN, notInCNN, "false")},
			{name: "cbam_decoder", kind: yes, def: false, means: only(theTrainedCNN, notInCNN, "false")},
			{name: "eca_decoder", kind: yes, def: false, means: only(theTrainedCNN, notInCNN, "false")},
			{name: "spatial_decoder", kind: yes, def: false, means: only(theTrainedCNN, notInCNN, "false")},
			{name: "decoder_spatial_kernel", kind: whole, def: 7, min: 1, means: nothing("the network here has no spatial attention")},
			{name: "offset", kind: whole, def: 6, means: nothing("positions come from the file")},
			{name: "training_patch_weighting", kind: word, def: "central_mask", enum: []string{"central_mask", "probe", "uniform"}, means: nothing("patches of a group are merged with the weight |P|²")},
			{name: "physics_forward_mode", kind: word, def: "amplitude", enum: []string{"amplitude", "rectangular_scaled"}, means: nothing(noRectangular)},
			{name: "rect_s1s2_trainable", kind: yes, def: true, means: nothing(noRectangular)},
			{name: "rect_s1s2_init", kind: word, def: "ones", enum: []string{"ones", "data"}, means: nothing(noRectangular)},
			{name: "amplitude_physics_gain", kind: number, def: 1.0, above: true, means: only("the forward model is in counts", "asks for patterns that differ from the counts by a factor, which this program does not support", "1")},
			{name: "loss_function", kind: word, def: "Poisson", enum: []string{"MAE", "Poisson"}, means: becomes("model.loss", "MAE", "mae", "Poisson", "poisson")},
			{name: "amp_loss", kind: word, enum: []string{"Total_Variation", "Mean_Deviation", "None"}, means: only("the object has no penalty", noRegular, "None")},
			{name: "phase_loss", kind: word, enum: []string{"Total_Variation", "Mean_Deviation", "None"}, means: only("the object has no penalty", noRegular, "None")},
			{name: "amp_loss_coeff", kind: number, def: 1.0, means: nothing("the object has no penalty")},
			{name: "phase_loss_coeff", kind: number, def: 1.0, means: nothing("the object has no penalty")},
		}),
	"training": slices.Concat([]field{
		{name: "training_directories", kind: sequence, means: folders},
		{name: "nll", kind: yes, def: true, means: becomes("model.loss", "true", "poisson", "false", "mae")},
		{name: "device", kind: word, def: "cuda", means: becomes("execution.accelerator")},
		withDefault("training", "strategy", "ddp"),
		{name: "n_devices", kind: whole, def: 1, min: 1, words: []string{"auto"}, means: deviceCount},
		{name: "framework", kind: word, def: "Lightning", means: nothing("this program has one training loop")},
		{name: "orchestrator", kind: word, def: "Mlflow", enum: []string{"Mlflow", "Lightning"}, means: nothing(loggerSaysIt)},
		{name: "epochs", kind: whole, def: 50, min: 1, means: becomes("training.max-epochs")},
		{name: "epochs_fine_tune", kind: whole, def: 0, means: only("there is one stage", noStages, "0")},
		{name: "fine_tune_gamma", kind: number, def: 0.1, means: nothing("there is one stage")},
		withDefault("training", "num_workers", 4),
		{name: "log_grad_norm", kind: yes, def: false, means: nothing("the gradient's norm is always logged")},
		{name: "grad_norm_log_freq", kind: whole, def: 1, min: 1, means: nothing("execution.log-every-n-steps sets how often")},
		{name: "stage_1_epochs", kind: whole, def: 0, means: only("there is one stage", noStages, "0")},
		{name: "stage_2_epochs", kind: whole, def: 0, means: only("there is one stage", noStages, "0")},
		{name: "stage_3_epochs", kind: whole, def: 0, means: only("there is one stage", noStages, "0")},
		{name: "physics_weight_schedule", kind: word, def: "cosine", enum: []string{"cosine", "linear", "exponential"}, means: nothing("there is one stage")},
		{name: "stage_3_lr_factor", kind: number, def: 0.1, means: nothing("there is one stage")},
		{name: "experiment_name", kind: word, def: "Synthetic_Runs", means: becomes("execution.experiment-name")},
		{name: "notes", kind: word, def: "", means: nothing("a run directory has no notes")},
		{name: "model_name", kind: word, def: "PtychoPINNv2", means: nothing("a model is named by its folder")},
	}, flatRows("training", "batch_size", "learning_rate", "scheduler", "lr_warmup_epochs", "lr_min_ratio", "plateau_factor", "plateau_patience", "plateau_min_lr", "plateau_threshold",
		"accum_steps", "gradient_clip_val", "gradient_clip_algorithm", "optimizer", "momentum", "weight_decay", "adam_beta1", "adam_beta2", "torch_loss_mode",
		"torch_mae_pred_l2_match_target", "output_dir", "train_data_file", "test_data_file", "n_groups")),
	"inference": {
		{name: "middle_trim", kind: whole, def: 32, means: middle},
		{name: "batch_size", kind: whole, def: 1000, min: 1, means: becomes("inference.inference-batch-size")},
		{name: "experiment_number", kind: whole, def: 0, means: nothing("a reconstruction is named by its scan and its folder")},
		{name: "pad_eval", kind: yes, def: true, means: becomes("inference.pad-eval")},
		{name: "window", kind: whole, def: 20, means: nothing("the canvas covers the scan")},
		{name: "patch_weighting", kind: word, def: "probe", enum: []string{"uniform", "probe"}, means: becomes("inference.patch-weighting")},
		{name: "varpro_scaling", kind: yes, def: true, means: nothing("the amplitude follows from the counts, so that a fitted scale is not needed")},
		{name: "log_patch_stats", kind: yes, def: false, means: only("patch statistics are not written", "asks for patch statistics, which this program does not write: see metrics.csv and report.json", "false")},
		{name: "patch_stats_limit", kind: whole, min: 1, means: nothing("patch statistics are not written")},
	},
	"datagen": {
		{name: "objects_per_probe", kind: whole, def: 4, min: 1, means: nothing(ofSimulate)},
		{name: "diff_per_object", kind: whole, def: 7000, min: 1, means: nothing(ofSimulate)},
		{name: "object_class", kind: word, def: "dead_leaves", means: nothing(ofSimulate)},
		{name: "image_size", kind: pair, means: nothing(ofSimulate)},
		{name: "probe_paths", kind: sequence, means: nothing(ofSimulate)},
		{name: "beamstop_diameter", kind: number, def: 4.0, means: nothing(ofSimulate)},
	},
	"execution": flatRows("training", "accelerator", "devices", "strategy", "deterministic", "precision", "gradient_clip_val", "gradient_clip_algorithm", "accum_steps", "num_workers",
		"pin_memory", "persistent_workers", "prefetch_factor", "learning_rate", "scheduler", "enable_progress_bar", "enable_checkpointing", "checkpoint_save_top_k",
		"checkpoint_monitor_metric", "checkpoint_mode", "early_stop_patience", "logger_backend", "recon_log_every_n_epochs", "recon_log_num_patches", "recon_log_fixed_indices",
		"recon_log_stitch", "recon_log_max_stitch_samples", "inference_batch_size", "middle_trim", "pad_eval"),
}
