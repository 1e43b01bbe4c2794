package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// TestRoundTrip follows every setting from the command line through the resolved configuration and the protocol to what the plugin
// receives, and to something that can be seen to change. It runs the command twice: without and with a change of the setting. The
// observable of the trip must differ, and the changed run must store the changed value with its flag as origin. The list of settings
// is the table of core/config: a setting without a trip fails, and so does a trip whose setting stops short anywhere on its way.
// make test follows every third setting, make test-all each.
func TestRoundTrip(t *testing.T) {
	long(t)
	b := prepareTrips(t)
	b.install(t)
	done, all := map[string]bool{}, fixture.All()
	for _, s := range config.Settings(config.Train | config.Infer) {
		key := s.Key()
		if done[key] {
			continue
		}
		done[key] = true
		if _, ok := allTrainingTrips()[key]; ok && !all && len(done)%3 != 0 {
			continue
		}
		t.Run(key, func(t *testing.T) {
			command, trips := b.train("scan.npz"), allTrainingTrips()
			if s.Commands&config.Train == 0 {
				command, trips = b.infer(), inferenceTrips
			}
			one, ok := trips[key]
			if !ok {
				t.Fatalf("%s has no trip: nothing shows that it does anything", key)
			}
			b.follow(t, s, one, command)
		})
	}
	for key := range allTrainingTrips() {
		if !done[key] {
			t.Errorf("there is a trip for %s, and no such setting", key)
		}
	}
}

// follow makes the two runs of a trip.
func (b *bench) follow(t *testing.T, s config.Setting, one trip, command []string) {
	if s.Key() == "execution.enable-progress-bar" {
		b.followProgress(t, one, command)
		return
	}
	before := b.unchanged(t, slices.Concat(command, one.with, one.before), one.program)
	after := b.run(t, t.TempDir(), b.copied(t, slices.Concat(command, one.with, one.flag)), one.program)
	was, is := one.sees.of(before), one.sees.of(after)
	if reflect.DeepEqual(was, is) {
		t.Errorf("%s: %s is %v with and without it; exit %d: %s", strings.Join(one.flag, " "), one.sees.name, was, after.code, after.stderr)
	}
	t.Logf("%s: %s was %.60s, is %.60s", strings.Join(one.flag, " "), one.sees.name, fmt.Sprint(was), fmt.Sprint(is))
	b.stored(t, s, one, after)
}

// unchanged returns the run without the change of a setting. Most trips share one, in a folder that stays until the last trip.
func (b *bench) unchanged(t *testing.T, args []string, program bool) *outcome {
	if slices.Contains(args, "COPY") {
		return b.run(t, t.TempDir(), b.copied(t, args), program)
	}
	key := fmt.Sprint(program, " ", strings.Join(args, " "))
	if b.shared[key] == nil {
		dir, err := os.MkdirTemp(b.dir, "unchanged-")
		if err != nil {
			t.Fatal(err)
		}
		b.shared[key] = b.run(t, dir, args, program)
	}
	return b.shared[key]
}

// stored holds a run that wrote its configuration to the changed value.
func (b *bench) stored(t *testing.T, s config.Setting, one trip, o *outcome) {
	if o.text("config.json") == "" || s.Resume == config.Forget {
		return
	}
	flag := strings.TrimPrefix(one.flag[0], "--")
	if !strings.Contains(o.text("config.json"), `"origin": "--`+flag+`"`) {
		t.Errorf("the run does not store --%s as an origin", flag)
	}
}

// copied replaces COPY in the arguments by a separate copy of the model directory for each run.
func (b *bench) copied(t *testing.T, args []string) []string {
	if !slices.Contains(args, "COPY") {
		return args
	}
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(b.dir, "model"))); err != nil {
		t.Fatal(err)
	}
	out := []string{args[0]}
	for i := 1; i < len(args); i++ { // a resumed run keeps its settings: only those after --resume are given
		if args[i] == "COPY" {
			out = append(out, dir)
			continue
		}
		if args[i] == "--n-filters-scale" || args[i] == "--divergence-factor" {
			i++
			continue
		}
		out = append(out, args[i])
	}
	return out
}

// install puts the recorder where --plugin-dir finds it by name.
func (b *bench) install(t *testing.T) {
	dir := filepath.Join(b.dir, "plugins")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(b.plugin)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ptycho-backend-recorder"), program, 0o755); err != nil {
		t.Fatal(err)
	}
}

// followProgress observes the output on a terminal, where the progress line is rewritten.
func (b *bench) followProgress(t *testing.T, one trip, command []string) {
	rewritten := func(args []string) bool {
		script, err := exec.LookPath("script")
		if err != nil {
			t.Skip("script is missing, the program that gives a terminal (util-linux)")
		}
		dir := t.TempDir()
		if out, err := exec.Command(script, "-qec", "true", filepath.Join(dir, "typescript")).CombinedOutput(); err != nil {
			t.Skipf("no pseudo-terminal: script: %v: %s", err, out)
		}
		words := append(slices.Clone(args), "--output-dir", filepath.Join(dir, "out"), "--max-epochs", "20")
		cmd := exec.Command(script, "-qec", fixture.Program(t)+" "+strings.Join(words, " "), filepath.Join(dir, "typescript"))
		cmd.Env = append(os.Environ(), recordKey+"="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		seen, err := os.ReadFile(filepath.Join(dir, "typescript"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(seen), "\r\x1b[K") || strings.Contains(string(seen), "\repoch")
	}
	if !rewritten(command) || rewritten(slices.Concat(command, one.flag)) {
		t.Errorf("%s: %s with and without it", strings.Join(one.flag, " "), one.sees.name)
	}
}
