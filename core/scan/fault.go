package scan

// Fault is an error in a scan that makes an image impossible or worthless.
type Fault struct {
	ID       string // of the finding in docs/findings.md
	What     string // what was found, with figures
	Fix      string // what to do
	Patterns []int  // concerned, ascending; nil: all
}

// The identifiers of faults of the probe and the positions.
const (
	FaultProbeCentre = "probe-off-centre"
	FaultUnit        = "position-unit"
	FaultFar         = "lone-positions"
	FaultSame        = "duplicate-positions"
	FaultOverlap     = "low-overlap"
	FaultEmpty       = "empty-frames"
)

func (f *Fault) Error() string { return f.What + "; " + f.Fix }
