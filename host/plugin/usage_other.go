//go:build !linux

package plugin

// Usage returns 0: the values are read only on Linux.
func (p *Process) Usage() (cpuSeconds float64, bytesNow, bytesPeak int64) { return 0, 0, 0 }

// processState returns 0: the state is read only on Linux.
func processState(int) byte { return 0 }
