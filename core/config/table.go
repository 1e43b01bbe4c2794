package config

import "slices"

const both = Train | Infer

// Sources of defaults.
const (
	measured  = "measured with simulated and measured scans"
	neutral   = "off"
	decided   = "a design decision"
	published = "the published network"
	customary = "the reference's default"
	authors   = "the authors' value"
)

// Bounds that only reject typing errors, which would ask for the impossible.
const (
	mostPixels  = 4096 // side of a pattern
	mostEpochs  = 1000000
	mostBatch   = 65536 // patterns
	mostThreads = 4096
	mostSteps   = 1000000000
	mostKept    = 1000000 // checkpoints
)

// table lists every setting, in the order of the documentation.
var table = slices.Concat(modelTable, trainingTable, optimiserTable, monitoringTable, loggingTable, inferenceTable, executionTable, engineTable)
