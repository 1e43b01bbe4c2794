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

// Usage is what the plugin has used so far: processor time in seconds (user and system, all threads), the memory that it
// holds and the most that it held, in bytes. All are 0 where they cannot be read.
func (p *Process) Usage() (cpuSeconds float64, bytesNow, bytesPeak int64) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, 0, 0
	}
	// The name, in parentheses, may hold anything; user and system time are the 12th and 13th field after it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) > 12 {
		user, _ := strconv.ParseFloat(fields[11], 64)
		system, _ := strconv.ParseFloat(fields[12], 64)
		cpuSeconds = (user + system) / ticks
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	return cpuSeconds, kibibytes(string(status), "VmRSS:"), kibibytes(string(status), "VmHWM:")
}

// kibibytes is a line of the kernel's status file in bytes.
func kibibytes(status, name string) int64 {
	_, rest, _ := strings.Cut(status, name)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10
}

// processState is the state of a process as the kernel's stat file has it, such as 'T' for stopped; 0 where it cannot be read.
func processState(pid int) byte {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) == 0 {
		return 0
	}
	return fields[0][0]
}
