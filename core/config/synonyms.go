package config

import "slices"

// synonyms are names that people use for the same thing, here and in other programs. For an unknown name, the first
// other name of its group that the command knows is suggested. A name may be in several groups; the first counts.
var synonyms = [][]string{
	{"patterns", "n-patterns", "num-patterns", "images", "num-images", "frames", "n-images", "rows"},
	{"select", "subset", "range", "rows", "n-images"},
	{"data", "scan", "input", "data-file", "dataset", "train-data-file", "test-data"},
	{"epochs", "n-epochs", "num-epochs", "max-epochs", "iterations"},
	{"iters", "n-iterations", "num-iterations", "iterations", "max-epochs"},
	{"iterations", "max-epochs"},
	{"max-epochs", "iterations"},
	{"lr", "rate", "learning-rate"},
	{"photons", "dose", "nphotons"},
	{"gpu", "cuda", "device"},
	{"cpus", "cores", "jobs", "processes", "threads"},
	{"workers", "num-workers", "threads"},
	{"out", "output", "output-file", "output-path", "output-folder", "save", "output-dir"},
	{"output-dir", "output"},
	{"force", "clobber", "replace", "overwrite"},
	{"verbose", "debug", "verbosity", "log-level"},
	{"silent", "quiet"},
	{"model", "weights", "checkpoint", "model-path"},
	{"size", "side", "pattern-size", "image-size", "n"},
	{"algorithm", "method", "engine", "arch"},
	{"units", "diffraction-units"},
	{"layout", "axes", "diffraction-layout"},
	{"probe-size", "probe-diameter", "probe-radius"},
	{"truth", "ground-truth", "reference"},
	{"random-seed", "seed"},
	{"predict", "reconstruct", "infer"},
	{"fit", "learn", "train"},
	{"describe", "info", "show", "check", "inspect"},
	{"compare", "score", "evaluate"},
	{"generate", "synthesize", "sim", "simulate"},
	{"benchmark", "measure", "bench"},
	{"example", "tutorial", "demo"},
}

// synonym returns the index in names of a synonym of unknown, -1 if there is none.
func synonym(unknown string, names []string) int {
	for _, group := range synonyms {
		if !slices.Contains(group, unknown) {
			continue
		}
		for _, other := range group {
			if i := slices.Index(names, other); i >= 0 && other != unknown {
				return i
			}
		}
	}
	return -1
}
