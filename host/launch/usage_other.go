//go:build !linux

package launch

// Usage is known on Linux alone.
func (p *Process) Usage() (cpuSeconds float64, bytesNow, bytesPeak int64) { return 0, 0, 0 }

// processState is not known here.
func processState(int) byte { return 0 }
