//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/core/tensor"
)

func TestParse_DefaultsFollowTheDevice(t *testing.T) {
	gpu, err := parse([]string{"--output-dir", "out"})
	if err != nil {
		t.Fatal(err)
	}
	cpu, err := parse([]string{"--output-dir", "out", "--cpu", "--limit", "20m"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(gpu.sizes, []int{64, 128, 256}) || !slices.Equal(gpu.batches, []int{64, 256, 1024}) || gpu.patterns != 10000 || gpu.limit != 6*time.Minute || gpu.device() != "cuda:0" {
		t.Errorf("for a GPU: %+v", gpu)
	}
	if !slices.Equal(cpu.sizes, []int{64}) || !slices.Equal(cpu.batches, []int{16}) || cpu.limit != 20*time.Minute || cpu.device() != "cpu" {
		t.Errorf("for a CPU: %+v", cpu)
	}
}

func TestParse_RefusesWrongFlags(t *testing.T) {
	for say, args := range map[string][]string{
		"--output-dir is missing":       {},
		"unknown stage \"nothing\"":     {"--output-dir", "out", "--only", "machine,nothing"},
		"--sizes 64,65":                 {"--output-dir", "out", "--sizes", "64,65"},
		"unknown backend \"torch\"":     {"--output-dir", "out", "--backend", "torch"},
		"--batches 10":                  {"--output-dir", "out", "--batches", "10"},
		"--limit 1s is too short":       {"--output-dir", "out", "--limit", "1s"},
		"unknown argument \"out\"":      {"--output-dir", "out", "out"},
		"--steps -1 and --patterns 500": {"--output-dir", "out", "--cpu", "--steps", "-1"},
	} {
		if _, err := parse(args); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%v: %v, want %q", args, err, say)
		}
	}
}

func TestTable_CellsStayInTheirCells(t *testing.T) {
	r := &result{Device: "cpu", Stages: []*Stage{{Name: "s", Title: "t", State: Failed, Note: "one | two\nthree\x1b[31m", Columns: []string{"found"}, Rows: []row{{What: "a|b", Failed: true, Note: "no"}}}}}
	text := r.table()
	for _, want := range []string{`one \| two three`, `| a\|b |  | FAILED: no |`} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("the table contains a terminal escape sequence")
	}
}

// sample is output of ncu --csv: log lines, then a table with quoted texts and commas in numbers.
const sample = `==PROF== Connected to process 4711 (/tmp/ptycho-backend-xla)
==PROF== Disconnected from process 4711
"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC","Section Name","Metric Name","Metric Unit","Metric Value"
"0","4711","ptycho","localhost","fusion_1","1","13","(128, 1, 1)","(64, 1, 1)","0","9.0","Command line profiler metrics","gpu__time_duration.sum","nsecond","1,500"
"1","4711","ptycho","localhost","void cutlass<float, 3>(int)","1","13","(128, 1, 1)","(64, 1, 1)","0","9.0","Command line profiler metrics","gpu__time_duration.sum","usecond","7"
"2","4711","ptycho","localhost","fusion_1","1","13","(128, 1, 1)","(64, 1, 1)","0","9.0","Command line profiler metrics","dram__throughput.avg.pct_of_peak_sustained_elapsed","%","50"
"2","4711","ptycho","localhost","fusion_1","1","13","(128, 1, 1)","(64, 1, 1)","0","9.0","Command line profiler metrics","sm__throughput.avg.pct_of_peak_sustained_elapsed","%","n/a"
"2","4711","ptycho","localhost","fusion_1","1","13","(128, 1, 1)","(64, 1, 1)","0","9.0","Command line profiler metrics","gpu__time_duration.sum","nsecond","1,500"
`

func TestLongest_AddsUpEachKernel(t *testing.T) {
	rows, err := longest([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].What != "void cutlass<float, 3>(int)" || rows[1].Values["microseconds"] != 3.0 || rows[1].Values["launches"] != 2 || rows[1].Values["share %"] != 30.0 ||
		rows[1].Values["memory %"] != 25.0 {
		t.Errorf("%+v", rows)
	}
}

func TestLongest_RefusesUnreadableOutput(t *testing.T) {
	for name, c := range map[string]struct{ text, say string }{
		"no permission":   {"==ERROR== ERR_NVGPUCTRPERM - The user does not have permission\n", "ERR_NVGPUCTRPERM"},
		"another column":  {strings.Replace(sample, "Metric Unit", "Unit", 1), "want Kernel Name"},
		"an unknown unit": {strings.ReplaceAll(sample, "usecond", "cycle"), `"cycle"`},
		"nothing at all":  {"", "no table"},
	} {
		if _, err := longest([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want %q", name, err, c.say)
		}
	}
}

func TestPeers_ReadsUpToATruncatedLine(t *testing.T) {
	one, _ := begin(t, time.Minute, stage{name: "training", run: fine})
	one.result.Stages[0].Rows = []row{{What: "N = 64, 16 patterns", Values: map[string]any{"patterns/s": 100.0}}}
	rows, err := one.peers([]byte(`{"n": 64, "patterns": 16, "mode": "eager", "wall_s": 0.08, "compile_s": 0.5, "peak_mib": 800}
{"n": 128, "patterns": 16, "mode": "eager", "failed": "OutOfMemoryError: 80 GiB"}
{"n": 256, "patt`))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].Values["patterns/s"] != 200.0 || rows[0].Values["ours / PyTorch"] != 0.5 || !rows[1].Failed {
		t.Errorf("%+v", rows)
	}
	if _, err := one.peers([]byte("Traceback\n")); err == nil {
		t.Error("output without a result is accepted")
	}
}

func TestDistance_DetectsOneBit(t *testing.T) {
	a := map[string]tensor.Tensor{"w": tensor.Must([]float32{1, 2}, 2), "b": tensor.Must([]float32{3}, 1)}
	b := map[string]tensor.Tensor{"w": tensor.Must([]float32{1, 2.5}, 2), "b": tensor.Must([]float32{3}, 1)}
	if differ, largest, err := distance(a, a); differ != 0 || largest != 0 || err != nil {
		t.Errorf("of itself: %d arrays, %v, %v", differ, largest, err)
	}
	if differ, largest, err := distance(a, b); differ != 1 || largest != 0.5 || err != nil {
		t.Errorf("of another: %d arrays, %v, %v", differ, largest, err)
	}
	delete(b, "w")
	if _, _, err := distance(a, b); err == nil {
		t.Error("a missing array is accepted")
	}
}

// TestWrapper_RunsTheBackendUnderNCU uses shell scripts for ncu and the backend, in a folder whose name needs quotes.
func TestWrapper_RunsTheBackendUnderNCU(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "it's here")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(folder, name) }
	for name, text := range map[string]string{
		"ncu":     "#!/bin/sh\nwhile [ \"$1\" != gpu__time_duration.sum ]; do if [ \"$1\" = --log-file ]; then echo report >\"$2\"; fi; shift; done; shift\n\"$@\"\n",
		"backend": "#!/bin/sh\necho \"$1, $# argument, lifeline $PTYCHO_LIFELINE_FD.\"\n",
		"wrapper": wrapper(at("ended"), at("ncu"), "--log-file", at("log"), "--metrics", durationMetric, at("backend")),
	} {
		if err := os.WriteFile(at(name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(at("wrapper"), "two words")
	cmd.Env = append(os.Environ(), "PTYCHO_LIFELINE_FD=3")
	out, err := cmd.CombinedOutput()
	if want := "two words, 1 argument, lifeline .\n"; err != nil || string(out) != want {
		t.Errorf("it prints %q (%v), want %q", out, err, want)
	}
	for _, name := range []string{"ended", "log"} {
		if _, err := os.Stat(at(name)); err != nil {
			t.Errorf("a file of ncu or the wrapper is missing: %v", err)
		}
	}
}

func TestConcerns_TheOtherDeviceMayBeMissing(t *testing.T) {
	for check, of := range map[string]struct{ cpu, gpu bool }{"library for cpu": {true, false}, "device cuda:0": {false, true}, "NVIDIA driver": {false, true}, "needed by CUDA": {false, true}, "program": {true, true}} {
		if concerns(check, true) != of.cpu || concerns(check, false) != of.gpu {
			t.Errorf("%s concerns a CPU: %v, a GPU: %v", check, concerns(check, true), concerns(check, false))
		}
	}
}

// TestEnvironment_SetsOnlyUnsetVariables uses the layout of pip.
func TestEnvironment_SetsOnlyUnsetVariables(t *testing.T) {
	site := t.TempDir()
	for _, folder := range []string{"nvidia/cu13/bin", "nvidia/cu13/nvvm", "nvidia/cu13/lib", "nvidia/cudnn/lib"} {
		if err := os.MkdirAll(filepath.Join(site, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"CUDA_HOME", "PTYCHO_XLA_CUDA_LIBRARY"} {
		t.Setenv(name, "")
	}
	t.Setenv("LD_LIBRARY_PATH", "/own")
	one := &trial{work: "/work"}
	one.found = tools{python: "/usr/bin/python3", nvcc: site + "/nvidia/cu13/bin/nvcc",
		about: answers{Plugins: []string{site + "/plugin.so"}, NVIDIA: []string{site + "/nvidia/cu13", site + "/nvidia/cudnn"}}}
	env := one.environment("/bundle/ptycho")
	for _, want := range []string{"PTYCHO_XLA_CUDA_LIBRARY=" + site + "/plugin.so", "CUDA_HOME=" + site + "/nvidia/cu13",
		"LD_LIBRARY_PATH=" + site + "/nvidia/cu13/lib:" + site + "/nvidia/cudnn/lib:/own", "TMPDIR=/work"} {
		if !slices.Contains(env, want) {
			t.Errorf("ptycho does not see %s", want)
		}
	}
	if slices.Contains(one.environment("/usr/bin/python3"), "CUDA_HOME="+site+"/nvidia/cu13") {
		t.Error("Python sees the libraries of ptycho")
	}
	t.Setenv("CUDA_HOME", "/chosen")
	if slices.Contains(one.environment("/bundle/ptycho"), "CUDA_HOME="+site+"/nvidia/cu13") {
		t.Error("the user's CUDA_HOME is replaced")
	}
}

func TestSanitized_CountsErrors(t *testing.T) {
	clean := "========= COMPUTE-SANITIZER\n========= ERROR SUMMARY: 0 errors\n"
	for name, c := range map[string]struct {
		report string
		failed bool
		note   string
		errors any
	}{
		"clean":       {clean, false, "", 0},
		"an error":    {"========= Invalid __global__ read of size 4 bytes\n=========     at conv\n========= ERROR SUMMARY: 3 errors\n", true, "Invalid __global__ read", 3},
		"a race":      {"========= Error: Race reported between Write access and Read access\n========= RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)\n", true, "Race reported", 1},
		"two reports": {clean + "========= ERROR SUMMARY: 1 error\n", true, "", 1},
		"no report":   {"", true, "no summary", nil},
	} {
		row := sanitized("memcheck", c.report, 7, nil)
		if row.Failed != c.failed || row.Values["errors"] != c.errors || row.Values["passed"] != 7 || !strings.Contains(row.Note, c.note) {
			t.Errorf("%s: the row is %+v", name, row)
		}
	}
}

// TestPairs_LeaveOutWhatIsMissing lists what each trial is compared with.
func TestPairs_LeaveOutWhatIsMissing(t *testing.T) {
	t.Setenv("PTYCHO_XLA_CUDA_LIBRARY", "")
	for name, c := range map[string]struct {
		o       options
		plugins []string
		want    string
	}{
		"XLA on a GPU":                    {options{backend: xla}, nil, "gorgonia,xla cpu,cuda:0"},
		"XLA on the CPU":                  {options{backend: xla, cpu: true}, nil, "gorgonia,xla cpu,cpu"},
		"Gorgonia on a GPU":               {options{backend: gorgonia}, []string{"/plugin.so"}, "gorgonia,gorgonia cpu,cuda:0; xla,gorgonia cuda:0,cuda:0"},
		"Gorgonia on a GPU without XLA":   {options{backend: gorgonia}, nil, "gorgonia,gorgonia cpu,cuda:0; XLA's CUDA library was not found"},
		"Gorgonia on the CPU against XLA": {options{backend: gorgonia, cpu: true}, nil, "xla,gorgonia cpu,cpu"},
	} {
		one := &trial{options: c.o}
		one.found.about.Plugins = c.plugins
		pairs, left := one.pairs()
		var words []string
		for _, p := range pairs {
			words = append(words, p.backends+" "+p.devices)
		}
		if left != "" {
			words = append(words, left)
		}
		if got := strings.Join(words, "; "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
