package machine

import (
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func availableMemory() (int64, bool) {
	bytes, ok := fromFiles(os.DirFS("/"))
	return min(bytes, underLimits(os.DirFS("/"))), ok
}

// fromFiles reads the machine's memory and that of the control groups from the files below root.
func fromFiles(root fs.FS) (int64, bool) {
	machine := fields(root, "proc/meminfo")
	free, ok := machine["MemAvailable"]
	if !ok {
		return math.MaxInt64, false
	}
	const kib = 1 << 10
	swap := machine["SwapFree"] * kib
	bytes := free*kib + swap
	for _, g := range groups(root) {
		bytes = min(bytes, g.available(root, swap))
	}
	return bytes, true
}

// fields reads a file of lines "NAME[:] NUMBER …".
func fields(root fs.FS, name string) map[string]int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return nil
	}
	out := map[string]int64{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 {
			if v, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				out[strings.TrimSuffix(f[0], ":")] = v
			}
		}
	}
	return out
}

// number reads a file with one number; ok is false for "max" and for a missing file.
func number(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	v, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return int64(min(v, math.MaxInt64)), err == nil
}

// group is a control group that limits memory.
type group struct {
	folder string // below root
	second bool   // of cgroup version 2
}

// groups returns the control groups that can limit this process's memory: its own and all above it.
func groups(root fs.FS) []group {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var all []group
	for line := range strings.Lines(string(own)) { // ID:CONTROLLERS:PATH
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) != 3 {
			continue
		}
		second := part[0] == "0" && part[1] == ""
		if !second && !contains(part[1], "memory") {
			continue
		}
		for _, m := range mounts(root, second) {
			// The path is relative to the whole tree, of which the mount may show a part: remove the mount's root. A path
			// outside of it belongs to another namespace; then the mount itself is the closest visible group.
			below, inside := strings.CutPrefix(part[2], strings.TrimSuffix(m.root, "/"))
			if !inside || below != "" && below[0] != '/' {
				below = ""
			}
			for dir := path.Join(m.point, below); ; dir = path.Dir(dir) {
				all = append(all, group{strings.TrimPrefix(dir, "/"), second})
				if dir == m.point || len(dir) <= 1 {
					break
				}
			}
		}
	}
	return all
}

type mount struct{ root, point string }

// mounts lists the mount points of the memory controller of one version.
func mounts(root fs.FS, second bool) []mount {
	text, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var out []mount
	for line := range strings.Lines(string(text)) { // ID PARENT DEV ROOT POINT OPTIONS … - TYPE SOURCE OPTIONS
		head, tail, ok := strings.Cut(strings.TrimSpace(line), " - ")
		h, t := strings.Fields(head), strings.Fields(tail)
		if !ok || len(h) < 5 || len(t) < 3 {
			continue
		}
		if second && t[0] == "cgroup2" || !second && t[0] == "cgroup" && contains(t[2], "memory") {
			out = append(out, mount{h[3], path.Clean(h[4])})
		}
	}
	return out
}

func contains(list, name string) bool {
	for _, one := range strings.Split(list, ",") {
		if one == name {
			return true
		}
	}
	return false
}

// available returns how much a group still allows. Cached files count as free, because the system drops them before it
// kills a process. Version 2 counts swap separately; for version 1 swap is assumed to be 0.
func (g group) available(root fs.FS, swap int64) int64 {
	limit, usage, files := "memory.max", "memory.current", []string{"inactive_file", "active_file"}
	if !g.second {
		limit, usage, files = "memory.limit_in_bytes", "memory.usage_in_bytes", []string{"total_inactive_file", "total_active_file"}
	}
	most, ok := number(root, path.Join(g.folder, limit))
	used, known := number(root, path.Join(g.folder, usage))
	if !ok || !known {
		return math.MaxInt64
	}
	stat := fields(root, path.Join(g.folder, "memory.stat"))
	for _, f := range files {
		used -= stat[f]
	}
	left := most - max(used, 0)
	if g.second {
		left += g.swap(root, swap)
	}
	return max(left, 0)
}

// swap returns how much of the machine's free swap a group of version 2 may use.
func (g group) swap(root fs.FS, free int64) int64 {
	most, ok := number(root, path.Join(g.folder, "memory.swap.max"))
	if !ok {
		return free
	}
	used, _ := number(root, path.Join(g.folder, "memory.swap.current"))
	return min(max(most-used, 0), free)
}

// underLimits returns how much the process's own limits on address space and data allow.
func underLimits(root fs.FS) int64 {
	status := fields(root, "proc/self/status")
	left := int64(math.MaxInt64)
	for _, l := range []struct {
		resource int
		used     string
	}{{unix.RLIMIT_AS, "VmSize"}, {unix.RLIMIT_DATA, "VmData"}} {
		var limit unix.Rlimit
		if unix.Getrlimit(l.resource, &limit) == nil && limit.Cur < math.MaxInt64 {
			left = min(left, max(int64(limit.Cur)-status[l.used]<<10, 0))
		}
	}
	return left
}
