package feed

import "testing"

func TestMachineMemory_IsSmallestLimit(t *testing.T) {
	const meminfo, group = "/proc/meminfo", "/proc/self/cgroup"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"machine":          {map[string]string{meminfo: "MemTotal:       1024 kB\nMemFree: 1 kB\n"}, 1 << 20},
		"group":            {map[string]string{meminfo: "MemTotal: 1024 kB\n", group: "0::/slurm/job\n", "/sys/fs/cgroup/slurm/job/memory.max": "4096\n"}, 4096},
		"group above":      {map[string]string{meminfo: "MemTotal: 1024 kB\n", group: "0::/slurm/job\n", "/sys/fs/cgroup/slurm/job/memory.max": "max\n", "/sys/fs/cgroup/slurm/memory.max": "8192\n"}, 8192},
		"root of a box":    {map[string]string{meminfo: "MemTotal: 1024 kB\n", group: "0::/\n", "/sys/fs/cgroup/memory.max": "512\n"}, 512},
		"larger than it":   {map[string]string{meminfo: "MemTotal: 1 kB\n", group: "0::/\n", "/sys/fs/cgroup/memory.max": "99999\n"}, 1024},
		"nothing readable": {nil, 0},
	} {
		if got := machineMemory(func(f string) string { return c.files[f] }); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}
