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
	maxPixels  = 4096 // side of a pattern
	maxEpochs  = 1000000
	maxBatch   = 65536 // patterns
	maxThreads = 4096
	maxSteps   = 1000000000
	maxKept    = 1000000 // checkpoints
)

// table lists every setting, in the order of the documentation. A row is a value of Go beside the field that it sets, not a tag of the
// field: the compiler then checks defaults, choices and functions, many of which are computed. A test finds fields without a row.
var table = slices.Concat(modelTable, trainingTable, optimiserTable, monitoringTable, loggingTable, inferenceTable, scanTable, adaptTable, examineTable, executionTable, engineTable)
