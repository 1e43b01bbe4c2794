//go:build unix

package track

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/host/output"
)

// rowsOf lists the steps of a journal's rows that the sender may read, and of the rows after them.
func rowsOf(t *testing.T, j *journal) string {
	t.Helper()
	var b strings.Builder
	_, err := j.scan(0, j.size, func(e entry, end int64) error {
		switch {
		case !e.row():
			fmt.Fprintf(&b, "%s ", e.Kind)
		case end <= j.kept:
			fmt.Fprintf(&b, "%d ", e.Step)
		default:
			fmt.Fprintf(&b, "(%d) ", e.Step)
		}
		return nil
	})
	must(t, err)
	return strings.TrimSpace(b.String())
}

func written(t *testing.T, dir string) *journal {
	t.Helper()
	root, err := output.OpenFiles(dir)
	must(t, err)
	t.Cleanup(func() { root.Close() })
	j, err := openJournal(root)
	must(t, err)
	t.Cleanup(func() { j.file.Close() })
	return j
}

func rows(t *testing.T, j *journal, from, to int) {
	t.Helper()
	for step := from; step <= to; step++ {
		must(t, j.add(entry{Kind: values, Step: step, Values: map[string]value{"loss": value(1 / float64(step))}}))
	}
}

func TestJournal_SenderReadsOnlyKept(t *testing.T) {
	j := written(t, t.TempDir())
	must(t, j.add(entry{Kind: beginning}))
	rows(t, j, 1, 3)
	taken, _, err := j.take(0, 1000)
	must(t, err)
	if len(taken) != 1 || taken[0].Kind != beginning {
		t.Fatalf("it read %v", taken)
	}
	_, at, err := j.take(0, 1000)
	must(t, err)
	if taken, _, _ := j.take(at, 1000); len(taken) != 0 {
		t.Errorf("it read %v", taken)
	}
	must(t, j.add(entry{Kind: kept, Step: 3}))
	for _, most := range []int{1, 2, 1000} {
		if taken, _, _ := j.take(at, most); len(taken) != min(most, 3) {
			t.Errorf("of at most %d it read %v", most, taken)
		}
	}
}

func TestJournal_RewindDropsUnkept(t *testing.T) {
	for name, c := range map[string]struct {
		step int
		read int // entries that the sender has
		want string
	}{
		"to the checkpoint":          {4, 0, "run 1 2 kept 3 4 kept"},
		"between checkpoints":        {3, 0, "run 1 2 kept 3"},
		"to the start":               {0, 0, "run"},
		"to nothing new":             {9, 0, "run 1 2 kept 3 4 kept 5"},
		"not what the sender has":    {2, 5, "run 1 2 kept 3"},
		"to the end of what it has":  {4, 7, "run 1 2 kept 3 4 kept"},
		"a checkpoint that was read": {1, 4, "run 1 2 kept"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := written(t, dir)
			must(t, j.add(entry{Kind: beginning}))
			rows(t, j, 1, 2)
			must(t, j.add(entry{Kind: kept, Step: 2}))
			rows(t, j, 3, 4)
			must(t, j.add(entry{Kind: kept, Step: 4}))
			rows(t, j, 5, 5)
			at := int64(0)
			for read := 0; read < c.read; {
				taken, end, err := j.take(at, 1)
				must(t, err)
				at, read = end, read+len(taken)
			}
			must(t, j.rewind(c.step))
			if got := rowsOf(t, j); got != c.want {
				t.Errorf("left are %s, want %s", got, c.want)
			}
			rows(t, j, 6, 6)
			if got := rowsOf(t, written(t, dir)); !strings.HasSuffix(got, " (6)") {
				t.Errorf("after it: %s", got)
			}
		})
	}
}

func TestJournal_ResumeDropsEnd(t *testing.T) {
	j := written(t, t.TempDir())
	must(t, j.add(entry{Kind: beginning}))
	rows(t, j, 1, 2)
	must(t, j.add(entry{Kind: kept, Step: 2}))
	rows(t, j, 3, 3)
	must(t, j.dropUnkept())
	must(t, j.add(entry{Kind: artifact, File: "config.json"}))
	must(t, j.add(entry{Kind: status, Status: "KILLED"}))
	if got := rowsOf(t, j); got != "run 1 2 kept artifact status" {
		t.Errorf("at the end: %s", got)
	}
	must(t, j.rewind(2))
	if got := rowsOf(t, j); got != "run 1 2 kept" {
		t.Errorf("going on: %s", got)
	}
}

func TestJournal_ReadUpToCut(t *testing.T) {
	for _, tail := range []string{"", `{"kind":"val`, `{"kind":"values","step":9,"values":{"loss":"9"}}`, "\x00\x00\x00\x00\n", "{}\n", "[1]\n", "null\n"} {
		dir := t.TempDir()
		j := written(t, dir)
		must(t, j.add(entry{Kind: beginning}))
		must(t, j.add(entry{Kind: values, Step: 1, Values: map[string]value{"a": value(math.NaN()), "b": value(math.Inf(1)), "c": value(math.Inf(-1)), "d": 0.1}}))
		must(t, j.add(entry{Kind: kept, Step: 1}))
		name := filepath.Join(dir, journalFile)
		must(t, os.WriteFile(name, []byte(text(t, name)+tail), 0o644))
		again := written(t, dir)
		if got := rowsOf(t, again); got != "run 1 kept" {
			t.Errorf("with the tail %q: %s", tail, got)
		}
		_, _ = again.scan(0, again.size, func(e entry, _ int64) error {
			if v := e.Values; e.Kind == values && (!math.IsNaN(float64(v["a"])) || v["b"] != value(math.Inf(1)) || v["c"] != value(math.Inf(-1)) || v["d"] != 0.1) {
				t.Errorf("the values came back as %v", v)
			}
			return nil
		})
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte("{\"kind\":\"run\"}\n{\"kind\":\"values\",\"step\":1,\"values\":{\"a\":\"NaN\"}}\n{\"kind\":\"kept\",\"step\":1}\n"), 1)
	file, err := os.Create(filepath.Join(f.TempDir(), "journal"))
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		must(t, file.Truncate(0))
		_, err := file.WriteAt(data, 0)
		must(t, err)
		j := &journal{file: file, size: int64(len(data))}
		end, err := j.holds(step)
		must(t, err)
		if end > j.size {
			t.Fatalf("%d of %d bytes hold", end, j.size)
		}
		_, err = j.scan(0, end, func(e entry, _ int64) error {
			if e.row() && e.Step > step {
				t.Errorf("a row of step %d is left after %d", e.Step, step)
			}
			return nil
		})
		must(t, err)
	})
}
