package main_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestBenchFeed_MeasuresEachCombinationOnce(t *testing.T) {
	small := []string{"bench", "feed", "--n", "16", "--batch-size", "8", "--n-filters-scale", "1", "--steps", "2", "--quiet"}
	var results []struct {
		Workers    int     `json:"num_workers"`
		Prefetch   int     `json:"prefetch_factor"`
		Persistent bool    `json:"persistent_workers"`
		Pin        bool    `json:"pin_memory"`
		Gather     float64 `json:"gather_s"`
		Step       float64 `json:"step_s"`
		Waited     float64 `json:"waited_s"`
		Share      float64 `json:"waited_share"`
	}
	stdout := must(t, append(small, "--num-workers", "0,2", "--prefetch-factor", "1,3,1", "--persistent-workers", "--json")...)
	if err := json.Unmarshal([]byte(stdout), &results); err != nil {
		t.Fatal(err)
	}
	want := [][2]int{{0, 1}, {0, 3}, {2, 1}, {2, 3}}
	if len(results) != len(want) {
		t.Fatalf("%d results for four combinations", len(results))
	}
	for i, r := range results {
		if [2]int{r.Workers, r.Prefetch} != want[i] || !r.Persistent || r.Pin {
			t.Errorf("result %d is of %+v, want workers and factor %v", i, r, want[i])
		}
		if !(r.Gather > 0 && r.Step > 0 && r.Waited > 0 && r.Waited <= r.Step && r.Share > 0 && r.Share <= 1) {
			t.Errorf("result %d: %+v", i, r)
		}
	}
	if table := must(t, append(small, "--num-workers", "1", "--prefetch-factor", "2")...); strings.Count(table, "\n") != 2 {
		t.Errorf("a table of one line has\n%s", table)
	}
}

func TestBenchFeed_RefusesWrongFlags(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		say  string
	}{
		"negative workers": {[]string{"--num-workers", "-1"}, 10, "--num-workers -1"},
		"a stray word":     {[]string{"quickly"}, 10, `"quickly"`},
		"no steps":         {[]string{"--steps", "0"}, 10, "--steps 0"},
	} {
		if _, stderr, code := run(t, append([]string{"bench", "feed"}, c.args...)...); code != c.code || !strings.Contains(stderr, c.say) {
			t.Errorf("%s: exit %d, want %d with %q: %s", name, code, c.code, c.say, stderr)
		}
	}
}
