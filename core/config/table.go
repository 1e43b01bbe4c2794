package config

import "slices"

const both = Train | Infer

// Sources of defaults.
const (
	measured  = "measured: the training recipe on simulated and measured scans"
	neutral   = "does nothing unless asked"
	decided   = "a decision of the design"
	published = "the published network"
	customary = "the reference's default"
	authors   = "the authors' value"
)

// Bounds that only keep a slip of the keyboard from asking for the impossible.
const (
	mostPixels  = 4096    // side of a pattern
	mostEpochs  = 1000000 //
	mostBatch   = 65536   // patterns
	mostThreads = 4096
	mostSteps   = 1000000000
	mostKept    = 1000000 // checkpoints
)

// table is every setting there is, in the order of the documentation.
var table = slices.Concat(modelTable, trainingTable, optimiserTable, followingTable, hearingTable, inferenceTable, executionTable, engineTable)
