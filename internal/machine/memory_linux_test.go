package machine

import (
	"testing"
	"testing/fstest"
)

const gib = 1 << 30

// TestAvailable_SmallestLimit checks that the result is the smallest of all limits in a system's files.
func TestAvailable_SmallestLimit(t *testing.T) {
	machine := "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 8388608 kB\nSwapFree: 0 kB\n" // 8 GiB
	v2 := "25 21 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"machine", map[string]string{"proc/meminfo": machine}, 8 * gib},
		{"swap counts", map[string]string{"proc/meminfo": machine + "SwapFree: 1048576 kB\n"}, 9 * gib},
		{"version 2", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.current": "5368709120\n",
			"sys/fs/cgroup/a/memory.max": "6442450944\n", "sys/fs/cgroup/a/memory.current": "5368709120\n"}, 1 * gib},
		{"cached files count as free", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/memory.max": "6442450944\n", "sys/fs/cgroup/memory.current": "5368709120\n",
			"sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 1073741824\nactive_file 1073741824\n"}, 3 * gib},
		{"shared memory does not", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/memory.max": "6442450944\n", "sys/fs/cgroup/memory.current": "5368709120\n",
			"sys/fs/cgroup/memory.stat": "file 4294967296\nshmem 4294967296\n"}, 1 * gib},
		{"swap of version 2", map[string]string{"proc/meminfo": machine + "SwapFree: 4194304 kB\n", "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/memory.max": "2147483648\n", "sys/fs/cgroup/memory.current": "1073741824\n",
			"sys/fs/cgroup/memory.swap.max": "1073741824\n", "sys/fs/cgroup/memory.swap.current": "0\n"}, 2 * gib},
		{"version 1 in a container", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/x\n0::/\n",
			"proc/self/mountinfo":                        "30 21 0:30 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "1073741824\n"}, 1 * gib},
		{"version 1 without a limit", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "4:memory:/\n",
			"proc/self/mountinfo":                        "30 21 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n"}, 8 * gib},
		{"usage above the limit", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/memory.max": "1\n", "sys/fs/cgroup/memory.current": "2\n"}, 0},
	} {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got, ok := fromFiles(root); !ok || got != c.want {
			t.Errorf("%s: %d bytes, %v, want %d", c.name, got, ok, c.want)
		}
	}
	if _, ok := fromFiles(fstest.MapFS{}); ok {
		t.Error("got an amount without /proc")
	}
}

func TestAvailable_ThisMachine(t *testing.T) {
	if bytes, ok := AvailableMemory(); !ok || bytes < 1<<20 || bytes > 1<<50 {
		t.Errorf("%d bytes, %v", bytes, ok)
	}
}
