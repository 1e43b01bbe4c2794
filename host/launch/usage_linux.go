package launch

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ticks is how many parts of a second the kernel counts processor time in: 100 in every Linux ABI.
const ticks = 100

// Usage is the processor time of the plugin so far, in seconds (user and system, all threads), and the most memory that
// it held, in bytes. Both are 0 where they cannot be read.
func (p *Process) Usage() (cpuSeconds float64, peakBytes int64) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, 0
	}
	// The name, in parentheses, may hold anything; user and system time are the 12th and 13th field after it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) > 12 {
		user, _ := strconv.ParseFloat(fields[11], 64)
		system, _ := strconv.ParseFloat(fields[12], 64)
		cpuSeconds = (user + system) / ticks
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if fields := strings.Fields(rest); len(fields) > 0 {
		kib, _ := strconv.ParseInt(fields[0], 10, 64)
		peakBytes = kib << 10
	}
	return cpuSeconds, peakBytes
}
