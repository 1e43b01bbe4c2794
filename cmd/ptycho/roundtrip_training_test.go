package main_test

import "strings"

// trip is a setting with two values and the observable that must differ. Its arguments are appended to those of a short
// training run, or of a reconstruction.
type trip struct {
	with   []string // in both runs
	before []string // the unchanged setting; none: omitted
	flag   []string // the setting changed
	sees   observable

	program bool // the trip is about the plugin's process, so it is made by the program
}

func args(words ...string) []string { return words }

// trainingTrips are the settings of train by their keys.
var trainingTrips = map[string]trip{
	"model.arch":            {with: args("--train-data-file", "DIR/wide.npz", "--gridsize", "1", "--batch-size", "4", "--max-steps", "1"), flag: args("--arch", "cnn"), sees: operations},
	"model.n":               {flag: args("--n", "32"), sees: exitCode},
	"model.gridsize":        {flag: args("--gridsize", "1"), sees: operations},
	"model.n-filters-scale": {flag: args("--n-filters-scale", "2"), sees: parameters},
	"model.mode":            {flag: args("--mode", "supervised"), sees: losses},
	"model.loss":            {flag: args("--loss", "amplitude"), sees: losses},
	"model.amp-activation":  {with: cnn, flag: args("--amp-activation", "relu"), sees: operations},
	"model.pad-object":      {with: cnn, flag: args("--no-pad-object"), sees: operations},
	"model.probe-big":       {with: cnn, flag: args("--no-probe-big"), sees: operations},

	"model.standardise-input": {with: cnn, flag: args("--no-standardise-input"), sees: operations},
	"model.back-projection":   {with: cnn, flag: args("--no-back-projection"), sees: parameters},
	"model.align-input":       {with: cnn, flag: args("--align-input"), sees: operations},
	"model.start":             {flag: args("--start", "back-projection"), sees: operations},
	"model.separate-patterns": {with: args("--train-data-file", "DIR/wide.npz", "--batch-size", "4", "--max-steps", "1", "--arch", "cnn"), flag: args("--separate-patterns"), sees: operations},

	"training.train-data-file":     {flag: args("--train-data-file", "DIR/other.npz"), sees: bound(0, "counts")},
	"training.test-data-file":      {flag: args("--test-data-file", "DIR/other.npz"), sees: number("bind")},
	"training.first-pass":          {flag: args("--first-pass", "DIR/model"), sees: bound(1, "first_image")},
	"training.output-dir":          {before: args("--output-dir", "here"), flag: args("--output-dir", "there"), sees: written},
	"training.diffraction-layout":  {flag: args("--diffraction-layout", "hwn"), sees: exitCode},
	"training.diffraction-units":   {flag: args("--diffraction-units", "amplitude"), sees: bound(0, "counts")},
	"training.nphotons":            {with: args("--diffraction-units", "normalised"), before: args("--nphotons", "1e4"), flag: args("--nphotons", "3e4"), sees: bound(0, "counts")},
	"training.rows":                {flag: args("--rows", "0:16"), sees: patterns},
	"training.n-images":            {flag: args("--n-images", "16"), sees: patterns},
	"training.val-split":           {flag: args("--val-split", "0.25"), sees: number("evaluate")},
	"training.probe-mask":          {flag: args("--probe-mask"), sees: bound(0, "probe")},
	"training.probe-mask-diameter": {with: args("--probe-mask"), flag: args("--probe-mask-diameter", "5"), sees: bound(0, "probe")},
	"training.probe-mask-sigma":    {with: args("--probe-mask"), flag: args("--probe-mask-sigma", "3"), sees: bound(0, "probe")},
	"training.background":          {flag: args("--background", "0.5"), sees: bound(0, "background")},
	"training.fit-background":      {flag: args("--fit-background"), sees: bound(0, "background")},
	"training.calibrate":           {flag: args("--calibrate", "probe"), sees: bound(0, "probe")},
	"training.check-geometry":      {before: args("--check-geometry"), flag: args("--no-check-geometry"), sees: observable{"a line about the orientation of the positions", func(o *outcome) any { return strings.Contains(o.stderr, "positions") }}},
	"training.seed":                {flag: args("--seed", "5"), sees: start},
	"training.neighbor-count":      {flag: args("--neighbor-count", "3"), sees: groups},

	"training.batch-size":              {flag: args("--batch-size", "4"), sees: batchSizes},
	"training.inference-batch-size":    {with: args("--val-split", "0.25", "--preview-every", "1"), flag: args("--inference-batch-size", "4"), sees: validationSizes},
	"training.accumulate-grad-batches": {flag: args("--accumulate-grad-batches", "2"), sees: microBatches},
	"training.max-epochs":              {flag: args("--max-epochs", "3"), sees: stepsDone},
	"training.schedule-epochs":         {flag: args("--schedule-epochs", "9"), sees: rates},

	"training.optimizer":               {flag: args("--optimizer", "adamw"), sees: optimiser},
	"training.learning-rate":           {flag: args("--learning-rate", "1e-4"), sees: rates},
	"training.adam-beta1":              {flag: args("--adam-beta1", "0.8"), sees: optimiser},
	"training.adam-beta2":              {flag: args("--adam-beta2", "0.99"), sees: optimiser},
	"training.adam-epsilon":            {flag: args("--adam-epsilon", "1e-4"), sees: optimiser},
	"training.momentum":                {with: args("--optimizer", "sgd", "--learning-rate", "1e-6"), flag: args("--momentum", "0.5"), sees: optimiser},
	"training.weight-decay":            {flag: args("--weight-decay", "1e-4"), sees: optimiser},
	"training.gradient-clip-val":       {flag: args("--gradient-clip-val", "0.5"), sees: clipping},
	"training.gradient-clip-algorithm": {flag: args("--gradient-clip-algorithm", "agc"), sees: clipping},
	"training.ema-decay":               {with: args("--val-split", "0.25"), flag: args("--ema-decay", "0.9"), sees: averaging},

	"training.scheduler":             {flag: args("--scheduler", "none"), sees: rates},
	"training.warmup-steps":          {flag: args("--warmup-steps", "1"), sees: rates},
	"training.learning-rate-floor":   {with: args("--scheduler", "cosine"), flag: args("--learning-rate-floor", "0.5"), sees: rates},
	"training.scheduler-step-epochs": {with: args("--scheduler", "step"), flag: args("--scheduler-step-epochs", "1"), sees: rates},
	"training.scheduler-gamma":       {with: args("--scheduler", "exponential"), flag: args("--scheduler-gamma", "0.5"), sees: rates},
	"training.scheduler-milestones":  {with: args("--scheduler", "multistage", "--max-epochs", "3"), flag: args("--scheduler-milestones", "2"), sees: rates},
	"training.plateau-factor":        {with: plateau, flag: args("--plateau-factor", "0.1"), sees: rates},
	"training.plateau-patience":      {with: plateau, flag: args("--plateau-patience", "1"), sees: rates},
	"training.plateau-min-lr":        {with: plateau, flag: args("--plateau-min-lr", "1.5e-3"), sees: rates},
	"training.plateau-threshold":     {with: args("--scheduler", "plateau", "--plateau-patience", "0", "--max-epochs", "4", "--scheduler", "plateau"), flag: args("--plateau-threshold", "1"), sees: rates},

	"training.val-check-interval":    {with: args("--val-split", "0.25"), flag: args("--val-check-interval", "1"), before: args("--val-check-interval", "0.34"), sees: number("evaluate")},
	"training.early-stop-patience":   {with: args("--checkpoint-mode", "max", "--max-epochs", "5"), flag: args("--early-stop-patience", "1"), sees: reported("ended")},
	"training.divergence-factor":     {flag: args("--divergence-factor", "1e-9"), sees: exitCode},
	"training.restarts":              {with: args("--divergence-factor", "1e-9"), flag: args("--restarts", "1"), sees: number("open")},
	"training.final-weights":         {flag: args("--final-weights", "best"), sees: reported("weights")},
	"training.checkpoint-every":      {with: args("--max-epochs", "3"), flag: args("--checkpoint-every", "3"), sees: checkpoints},
	"training.enable-checkpointing":  {flag: args("--disable-checkpointing"), sees: checkpoints},
	"training.checkpoint-save-top-k": {with: args("--max-epochs", "3"), flag: args("--checkpoint-save-top-k", "-1"), sees: checkpoints},
	"training.checkpoint-monitor":    {flag: args("--checkpoint-monitor", "grad_norm"), sees: reported("monitor")},
	"training.checkpoint-mode":       {with: args("--max-epochs", "4"), flag: args("--checkpoint-mode", "max"), sees: reported("best")},

	"execution.logger":            {flag: args("--logger", "none"), sees: stepRows},
	"execution.log-every-n-steps": {flag: args("--log-every-n-steps", "2"), sees: stepRows},
	"execution.experiment-name":   {flag: args("--experiment-name", "star"), sees: reported("experiment")},
	"execution.mlflow-uri":        {with: args("--logger", "mlflow"), flag: args("--mlflow-uri", "OUT-tracking"), sees: observable{"folder of the runs", func(o *outcome) any { return len(o.files("../out-tracking")) > 0 }}},
	"execution.preview-every":     {flag: args("--preview-every", "1"), sees: previews},
	"execution.max-time":          {flag: args("--max-time", "1ns"), sees: reported("ended")},
	"execution.stop-after":        {flag: args("--stop-after", "1"), sees: reported("epochs")},
	"execution.max-steps":         {flag: args("--max-steps", "3"), sees: stepsDone},
	"execution.resume":            {with: args("--max-epochs", "4"), flag: args("--resume", "COPY"), sees: firstStep},
	"execution.force":             {with: args("--resume", "COPY", "--max-epochs", "4", "--learning-rate", "1e-4"), flag: args("--force"), sees: exitCode},

	"execution.backend":             {before: args("--backend", "gorgonia"), flag: args("--backend", "PLUGIN"), sees: number("open")},
	"execution.plugin-dir":          {with: args("--backend", "recorder"), flag: args("--plugin-dir", "DIR/plugins"), sees: number("open")},
	"execution.default-root-dir":    {with: args("--output-dir", "run"), flag: args("--default-root-dir", "root"), sees: written},
	"execution.overwrite":           {with: args("--output-dir", "COPY"), flag: args("--overwrite"), sees: exitCode},
	"execution.dry-run":             {flag: args("--dry-run"), sees: observable{"files of the run", func(o *outcome) any { return len(o.files("")) > 0 }}},
	"execution.enable-progress-bar": {flag: args("--disable-progress-bar"), sees: observable{"a line on the terminal is rewritten", nil}},
	"execution.quiet":               {flag: args("--quiet"), sees: notices},
	"execution.backend-timeout":     {with: cnn, flag: args("--backend-timeout", "1ns"), sees: exitCode, program: true}, // its step takes longer than the watchdog's interval
	"execution.allow-high-compression": {with: args("--train-data-file", "DIR/dark.npz"), flag: args("--allow-high-compression"), sees: observable{"advice to allow it", func(o *outcome) any {
		return strings.Contains(o.stderr, "--allow-high-compression")
	}}},
	"execution.json":      {before: args("--json=true"), flag: args("--json=false"), sees: isJSON},
	"execution.log-level": {flag: args("--log-level", "trace"), sees: logLines, program: true},

	"execution.device":             {flag: args("--device", "cuda:1"), sees: options("devices", func(o opened) any { return o.Devices[0] })},
	"execution.accelerator":        {flag: args("--accelerator", "cuda"), sees: options("devices", func(o opened) any { return o.Devices[0] })},
	"execution.devices":            {with: args("--accelerator", "gpu"), flag: args("--devices", "2"), sees: options("devices", func(o opened) any { return len(o.Devices) })},
	"execution.strategy":           {flag: args("--strategy", "ddp"), sees: options("strategy", func(o opened) any { return o.Strategy })},
	"execution.threads":            {flag: args("--threads", "2"), sees: options("threads", func(o opened) any { return o.Threads })},
	"execution.deterministic":      {flag: args("--no-deterministic"), sees: options("deterministic", func(o opened) any { return o.Deterministic })},
	"execution.precision":          {flag: args("--precision", "float64"), sees: options("precision", func(o opened) any { return o.DType })},
	"execution.tf32":               {flag: args("--tf32"), sees: options("reduced precision", func(o opened) any { return o.TF32 })},
	"execution.memory-limit":       {flag: args("--memory-limit", "4096"), sees: options("memory limit", func(o opened) any { return o.MemoryLimit })},
	"execution.num-workers":        {flag: args("--num-workers", "2"), sees: options("workers", func(o opened) any { return o.Workers })},
	"execution.prefetch-factor":    {with: args("--num-workers", "2"), flag: args("--prefetch-factor", "3"), sees: options("prefetch", func(o opened) any { return o.Prefetch })},
	"execution.persistent-workers": {flag: args("--persistent-workers"), sees: options("workers that stay", func(o opened) any { return o.Persistent })},
	"execution.pin-memory":         {flag: args("--pin-memory"), sees: options("locked memory", func(o opened) any { return o.PinMemory })},
}

// cnn holds the flags that settings of this architecture need.
var cnn = args("--train-data-file", "DIR/wide.npz", "--gridsize", "1", "--batch-size", "4", "--max-steps", "1", "--arch", "cnn")

// plateau holds the flags of a run whose monitored metric never improves: larger would be better, but the deviance falls.
var plateau = args("--scheduler", "plateau", "--checkpoint-mode", "max", "--plateau-patience", "0", "--max-epochs", "4")
