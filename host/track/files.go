package track

// Writes returns patterns (path.Match) of the files that loggers write in the run directory. Patterns that end with a slash
// are folders whose files have random names.
func Writes() []string {
	return []string{stepsFile, previewDir + "/step-*.png", eventDir + "/" + eventPattern, journalFile, sentFile, mlrunsFolder + "/"}
}
