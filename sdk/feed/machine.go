package feed

import (
	"os"
	"path"
	"strconv"
	"strings"
)

// MachineMemory returns the number of bytes of memory that this process may use: the machine's memory, or the lower limit
// of a control group, as set by batch systems. It is 0 if it cannot be read.
func MachineMemory() int64 {
	return machineMemory(func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			return ""
		}
		return string(text)
	})
}

func machineMemory(read func(name string) string) int64 {
	var least int64
	_, rest, _ := strings.Cut(read("/proc/meminfo"), "MemTotal:")
	if fields := strings.Fields(rest); len(fields) > 0 {
		kib, _ := strconv.ParseInt(fields[0], 10, 64)
		least = kib << 10
	}
	// The limits of version 2 are set along the path of the group; each applies to everything below it.
	for line := range strings.Lines(read("/proc/self/cgroup")) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		for ; ok; group = path.Dir(group) {
			limit, err := strconv.ParseInt(strings.TrimSpace(read(path.Join("/sys/fs/cgroup", group, "memory.max"))), 10, 64)
			if err == nil && limit > 0 && (least == 0 || limit < least) {
				least = limit
			}
			ok = group != "/" && group != "."
		}
	}
	return least
}
