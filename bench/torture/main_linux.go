package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// taskVariable holds the task of a worker.
const taskVariable = "PTYCHO_TORTURE_TASK"

func main() {
	selfMode()
	x := extent{}
	program := flag.String("program", "bin/ptycho", "program to disturb")
	workers := flag.Int("workers", 2, "number of parallel trials")
	report := flag.String("json", "", "file to write every trial to as JSON")
	flag.Float64Var(&x.Minutes, "minutes", 25, "time limit of all trials")
	flag.IntVar(&x.Kills, "kills", 320, "number of random kills")
	flag.IntVar(&x.Stride, "stride", 1, "kill at every N-th system call that changes a file system; 0: none")
	flag.IntVar(&x.Disks, "disks", 8, "full disks for each command")
	flag.IntVar(&x.Signals, "signals", 4, "signals of each kind for each command")
	flag.StringVar(&x.Only, "only", "", "a kind: "+kindKill+", "+kindCall+", "+kindSignal+", "+kindPipe+", "+kindDisk+", "+kindSpool+", "+kindLimit)
	flag.StringVar(&x.Backend, "backend", "", "program of a backend in place of the bundled one; it is also made to hang")
	flag.DurationVar(&x.Patience, "patience", time.Minute, "time in which another backend must answer and end; the import of its engine takes part of it, more on a busy machine")
	only := flag.String("commands", "", "comma-separated commands, such as \"train --overwrite,infer\"; empty: all")
	flag.Uint64Var(&x.Seed, "seed", 1, "seed of all times and choices")
	flag.Parse()
	if x.Backend != "" {
		path, err := filepath.Abs(x.Backend)
		if err != nil {
			fmt.Fprintln(os.Stderr, "torture:", err)
			os.Exit(1)
		}
		x.Backend = path
	}
	if *only != "" {
		x.Commands = strings.Split(*only, ",")
	}
	bad, err := torture(x, *program, *workers, *report)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
	}
	if err != nil || bad {
		os.Exit(1)
	}
}

// selfMode runs this program as a worker or as the shim before ptycho, if it started itself so, and then exits.
func selfMode() {
	var err error
	code := 1
	switch os.Getenv(modeVariable) {
	case "work":
		err = work()
	case "shim":
		err, code = shim(), shimFailed
	default:
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(code)
	}
	os.Exit(0)
}

// torture runs all trials, prints the table and reports whether anything is wrong.
func torture(x extent, program string, workers int, report string) (bad bool, err error) {
	begun := time.Now()
	progress := func(o *outcome, n int) {
		if o.bad() {
			fmt.Fprintf(os.Stderr, "%s (%s): %s\n", o.trial, o.Note, strings.Join(o.Found, "\n    "))
		} else if n%50 == 0 {
			fmt.Fprintf(os.Stderr, "%d trials in %v\n", n, time.Since(begun).Round(time.Second))
		}
	}
	all, err := runWorkers(x, program, workers, progress)
	if err != nil {
		return true, err
	}
	bad = printTable(os.Stdout, all)
	fmt.Fprintf(os.Stderr, "%v, seed %d\n", time.Since(begun).Round(time.Second), x.Seed)
	if report != "" {
		content, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			return true, err
		}
		if err := os.WriteFile(report, append(content, '\n'), 0o644); err != nil {
			return true, err
		}
	}
	return bad, nil
}

// runWorkers shares the trials among worker processes and collects their outcomes.
func runWorkers(x extent, program string, workers int, progress func(*outcome, int)) ([]*outcome, error) {
	runtime.LockOSThread() // the workers end with the thread that started them
	defer runtime.UnlockOSThread()
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("--program: %w; run make build", err)
	}
	dir, err := os.MkdirTemp("", "ptycho-torture-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // each worker's files are in its own namespace
	deadline := time.Now().Add(time.Duration(x.Minutes * float64(time.Minute)))
	lines := make(chan *outcome)
	ends := make(chan error, workers)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(stop)
	for i := range workers {
		t := task{Dir: dir, Program: program, Extent: x, Index: i, Workers: workers, Deadline: deadline}
		cmd, out, err := startWorker(t)
		if err != nil {
			return nil, err
		}
		defer func() { _ = cmd.Process.Kill() }() // it has ended unless another worker failed
		go func() { ends <- follow(cmd, out, lines) }()
	}
	var all []*outcome
	for left := workers; left > 0; {
		select {
		case o := <-lines:
			all = append(all, o)
			progress(o, len(all))
		case err := <-ends:
			if err != nil {
				return nil, err
			}
			left--
		case <-stop:
			return nil, errors.New("interrupted")
		}
	}
	return all, nil
}

// startWorker starts this program as a worker in a mount namespace, and in a user namespace if it is not root.
func startWorker(t task) (*exec.Cmd, io.Reader, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), modeVariable+"=work", taskVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = namespace()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("a mount namespace cannot be created: %w", err)
	}
	return cmd, out, nil
}

// namespace starts a process in a mount namespace.
func namespace() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return a
}

// follow passes on the outcomes of a worker until it ends.
func follow(cmd *exec.Cmd, out io.Reader, lines chan<- *outcome) error {
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		o := &outcome{}
		if err := json.Unmarshal(line, o); err != nil {
			return fmt.Errorf("worker: %w: %s", err, line)
		}
		lines <- o
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	return nil
}
