package main

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// Rows of the table. The trials of a kind are listed for each command.
const (
	kindKill   = "random kill"
	kindCall   = "kill at a system call"
	kindSignal = "signal"
	kindPipe   = "closed pipe"
	kindDisk   = "full disk"
	kindSpool  = "full TMPDIR and /dev/shm"
	kindLimit  = "file size limit"
)

// extent holds the numbers of trials.
type extent struct {
	Kills    int      // random kills, at least
	Stride   int      // kill at every Stride-th system call
	Disks    int      // full disks for each command
	Signals  int      // signals of each kind for each command
	Only     string   // a kind, "" for all
	Commands []string // nil for all
	Minutes  float64  // of all trials
	Seed     uint64
	Backend  string        // a program in place of the bundled backend
	Patience time.Duration // with Backend: until it is killed for its silence, and until it ends without its host
}

// random returns the random numbers of one trial. They depend only on the seed and the trial.
func (t trial) random(seed uint64) *rand.Rand {
	h := uint64(1469598103934665603)
	for _, b := range []byte(t.Kind + t.Command + t.Target) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, h+uint64(t.Number)))
}

// plan lists the trials of an extent, except the kills at system calls, whose number is known only when they run.
func plan(x extent, all []command) []trial {
	var trials []trial
	add := func(kind string, c command, target string, n int) {
		for i := range n {
			trials = append(trials, trial{Kind: kind, Command: c.name, Target: target, Number: i})
		}
	}
	shares := 0
	for _, c := range all {
		shares += share(c) * len(x.targets(c))
	}
	for _, c := range all {
		for _, target := range x.targets(c) {
			add(kindKill, c, target, (x.Kills*share(c)+shares-1)/shares)
		}
		for _, s := range signals {
			add(kindSignal, c, s.String(), x.Signals)
		}
		if x.Signals > 0 {
			add(kindPipe, c, "stdout", 1)
			add(kindPipe, c, "stderr", 1)
		}
		add(kindDisk, c, "", x.Disks)
		if x.Disks > 0 {
			add(kindLimit, c, "", (x.Disks+1)/2)
			add(kindSpool, c, "", 1)
		}
	}
	// A time limit should shorten every kind equally.
	rand.New(rand.NewPCG(x.Seed, 0)).Shuffle(len(trials), func(i, j int) { trials[i], trials[j] = trials[j], trials[i] })
	return trials
}

var signals = []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT}

// targets lists the processes that a random kill can hit. Another backend is also made to hang.
func (x extent) targets(c command) []string {
	switch {
	case !c.plugin:
		return []string{"host"}
	case x.Backend != "":
		return []string{"host", "plugin", "both", targetHang}
	}
	return []string{"host", "plugin", "both"}
}

// share returns the weight of a command among the random kills: training has most states.
func share(c command) int {
	if c.resume {
		return 3
	}
	return 1
}

func (t trial) String() string {
	return fmt.Sprintf("%s: %s %s %d", t.Kind, t.Command, t.Target, t.Number)
}
