package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// candidates returns the first column of the output of complete for the words.
func candidates(t *testing.T, words ...string) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(must(t, append([]string{"complete", "--"}, words...)...)) {
		name, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		out = append(out, name)
	}
	return out
}

func TestComplete_Candidates(t *testing.T) {
	for name, c := range map[string]struct {
		words []string
		want  []string // all candidates, in order
	}{
		"a command":                   {[]string{"tr"}, []string{"train"}},
		"a subcommand":                {[]string{"config", "s"}, []string{"show", "schema"}},
		"a flag":                      {[]string{"train", "--plateau-m"}, []string{"--plateau-min-lr"}},
		"a flag after others":         {[]string{"train", "--quiet", "--seed", "3", "--max-t"}, []string{"--max-time"}},
		"a flag with underscores":     {[]string{"train", "--max_t"}, []string{"--max-time"}},
		"the value of a setting":      {[]string{"train", "--checkpoint-mode", ""}, []string{"min", "max"}},
		"the same behind equals":      {[]string{"train", "--checkpoint-mode=m"}, []string{"--checkpoint-mode=min", "--checkpoint-mode=max"}},
		"the same parted by a shell":  {[]string{"train", "--checkpoint-mode", "=", "mi"}, []string{"min"}},
		"an item of a list":           {[]string{"train", "--logger", "csv,t"}, []string{"csv,tensorboard"}},
		"a key of --set":              {[]string{"train", "--set", "training.plateau-m"}, []string{"training.plateau-min-lr="}},
		"a value of --set":            {[]string{"train", "--set", "model.arch=c"}, []string{"model.arch=cnn"}},
		"a preset":                    {[]string{"train", "--preset", "q"}, []string{"quick"}},
		"a backend":                   {[]string{"train", "--backend", "gor"}, []string{"gorgonia"}},
		"several backends":            {[]string{"bench", "--backend", "gorgonia,ref"}, []string{"gorgonia,reference"}},
		"a value that usage lists":    {[]string{"simulate", "--probe", ""}, []string{"disk", "gaussian", "aberrated"}},
		"an engine of solve":          {[]string{"solve", "--engine", ""}, []string{"epie", "rpie", "dm", "raar", "lsqml", "adam"}},
		"an engine behind equals":     {[]string{"solve", "--engine=ls"}, []string{"--engine=lsqml"}},
		"what solve fits":             {[]string{"solve", "--fit", "probe,b"}, []string{"probe,background"}},
		"the scan of solve":           {[]string{"solve", "--data", "sc"}, []string{":files"}},
		"the folder of solve":         {[]string{"solve", "--output-dir", ""}, []string{":folders"}},
		"the units of solve":          {[]string{"solve", "--diffraction-units", "c"}, []string{"counts"}},
		"the level of conformance":    {[]string{"conformance", "--level", ""}, []string{"0", "1", "2", "3", "4"}},
		"the device of bench":         {[]string{"bench", "--device", "c"}, []string{"cpu", "cuda", "cuda:0"}},
		"the device of a setup":       {[]string{"plugins", "setup", "--device", ""}, []string{"cpu", "cuda"}},
		"a file":                      {[]string{"train", "--train-data-file", "sc"}, []string{":files"}},
		"a folder":                    {[]string{"train", "--output-dir", "r"}, []string{":folders"}},
		"an argument that is a file":  {[]string{"inspect", ""}, []string{":files"}},
		"an argument that is a name":  {[]string{"plugins", "doctor", "ref"}, []string{"reference"}},
		"a shell":                     {[]string{"completion", ""}, []string{"bash", "zsh", "fish"}},
		"nothing behind a number":     {[]string{"train", "--seed", ""}, nil},
		"nothing of an unknown word":  {[]string{"frobnicate", "x"}, nil},
		"no commands that are hidden": {[]string{"complet"}, []string{"completion"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := candidates(t, c.words...); !slices.Equal(got, c.want) {
				t.Errorf("%q can become %q, want %q", c.words, got, c.want)
			}
		})
	}
}

// TestComplete_StartsNoPlugin installs a plugin that leaves a trace if it is started.
func TestComplete_StartsNoPlugin(t *testing.T) {
	dir := t.TempDir()
	trace := filepath.Join(dir, "started")
	plugins := filepath.Join(dir, "plugins")
	if err := os.Mkdir(plugins, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(plugins, "ptycho-backend-mine"), []byte("#!/bin/sh\ntouch "+trace+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PTYCHO_PLUGIN_PATH", plugins)
	if got := candidates(t, "train", "--backend", "m"); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("m can become %q", got)
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("completion started a plugin")
	}
}

// shell writes the completion script of a shell and returns an environment in which the shell finds the program.
func shell(t *testing.T, name string) (script string, env []string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not here to try its completion", name)
	}
	script = put(t, "ptycho."+name, must(t, "completion", name))
	home := t.TempDir()
	return script, append(os.Environ(), "PATH="+filepath.Dir(ptycho(t))+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+home, "ZDOTDIR="+home, "XDG_CONFIG_HOME="+home, "TERM=dumb")
}

func ask(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir = env, t.TempDir()
	if err := os.WriteFile(filepath.Join(cmd.Dir, "my scan.npz"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestCompletion_Bash(t *testing.T) {
	script, env := shell(t, "bash")
	for line, want := range map[string]string{
		`ptycho tra`:                            "train",
		`ptycho train --checkpoint-mo`:          "--checkpoint-monitor|--checkpoint-mode",
		`ptycho train --checkpoint-mode m`:      "min|max",
		`ptycho train --checkpoint-mode = mi`:   "min", // bash splits --checkpoint-mode=mi like this
		`ptycho train --train-data-file my`:     "my scan.npz",
		`ptycho plugins doctor gor`:             "gorgonia",
		`ptycho train --set training.plateau-m`: "training.plateau-min-lr=",
	} {
		got := ask(t, env, "bash", append([]string{"--norc", "-c", `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _ptycho; IFS='|'; echo "${COMPREPLY[*]}"`, script}, strings.Fields(line)...)...)
		if got != want {
			t.Errorf("%q can become %q, want %q", line, got, want)
		}
	}
}

func TestCompletion_Fish(t *testing.T) {
	script, env := shell(t, "fish")
	for line, want := range map[string]string{
		`ptycho tra`:                        "train",
		`ptycho train --checkpoint-mo`:      "--checkpoint-mode|--checkpoint-monitor",
		`ptycho train --checkpoint-mode m`:  "max|min",
		`ptycho train --train-data-file my`: "my scan.npz",
		`ptycho plugins doctor gor`:         "gorgonia",
	} {
		out := ask(t, env, "fish", "--no-config", "-c", "source "+script+"; complete -C '"+line+"'")
		var got []string
		for l := range strings.Lines(out) {
			name, _, _ := strings.Cut(strings.TrimSpace(l), "\t")
			got = append(got, name)
		}
		slices.Sort(got)
		if strings.Join(got, "|") != want {
			t.Errorf("%q can become %q, want %q", line, got, want)
		}
	}
}

// zshTyping types lines, each followed by a tab, into an interactive zsh in a separate terminal, and prints the resulting
// lines.
const zshTyping = `
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "PS1=; autoload -U compinit; compinit -u -d \$HOME/dump; source $1"
zpty -w shell 'show() { print -r -- "<<$BUFFER""END>>"; BUFFER=; zle accept-line }; zle -N show; bindkey "^X" show; print rea''dy'
zpty -r shell out '*ready*'
for line in "${@[2,-1]}"; do
	zpty -w -n shell "$line"$'\t\x18'
	zpty -r shell out '*END>>*'
	print -r -- "$out"
done
zpty -d shell
`

func TestCompletion_Zsh(t *testing.T) {
	script, env := shell(t, "zsh")
	lines := []string{`ptycho tra`, `ptycho train --plateau-m`, `ptycho train --checkpoint-mode mi`, `ptycho train --train-data-file my`, `ptycho plugins doctor gor`}
	want := []string{`ptycho train `, `ptycho train --plateau-min-lr `, `ptycho train --checkpoint-mode min `, `ptycho train --train-data-file my\ scan.npz `, `ptycho plugins doctor gorgonia `}
	out := ask(t, env, "zsh", append([]string{"-f", "-c", zshTyping, "zsh", script}, lines...)...)
	shown := strings.Split(out, "<<")[1:]
	if len(shown) != len(want) {
		t.Fatalf("the terminal shows %q", out)
	}
	for i := range want {
		if got, _, _ := strings.Cut(shown[i], "END>>"); got != want[i] {
			t.Errorf("%q becomes %q, want %q; the terminal shows %q", lines[i], got, want[i], out)
		}
	}
}
