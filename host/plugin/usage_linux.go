package plugin

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ticks is the number of the kernel's units of processor time per second: 100 in every Linux ABI.
const ticks = 100

// Usage returns the resources used so far by the plugin: processor time in seconds (user and system, all threads), and its
// current and peak memory in bytes. Values that cannot be read are 0.
func (p *Process) Usage() (cpuSeconds float64, bytesNow, bytesPeak int64) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, 0, 0
	}
	// The name in parentheses may contain anything. User and system time are the 12th and 13th field after it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) > 12 {
		user, _ := strconv.ParseFloat(fields[11], 64)
		system, _ := strconv.ParseFloat(fields[12], 64)
		cpuSeconds = (user + system) / ticks
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	return cpuSeconds, kibibytes(string(status), "VmRSS:"), kibibytes(string(status), "VmHWM:")
}

// kibibytes returns the value of a line of the kernel's status file, in bytes.
func kibibytes(status, name string) int64 {
	_, rest, _ := strings.Cut(status, name)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10
}

// processState returns the state of a process from the kernel's stat file, such as 'T' for stopped, or 0 if it cannot be read.
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
