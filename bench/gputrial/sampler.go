//go:build linux

package main

import (
	"bufio"
	"context"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// sampler measures the used memory of the first GPU with nvidia-smi. A nil sampler measures nothing.
type sampler struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	now  float64 // MiB
	peak float64 // since the last call of start
}

// startSampler starts nvidia-smi, which prints the used memory ten times a second until the context ends.
func startSampler(ctx context.Context, smi string) *sampler {
	if smi == "" {
		return nil
	}
	s := &sampler{cmd: exec.CommandContext(ctx, smi, "--id=0", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--loop-ms=100")}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := s.cmd.StdoutPipe()
	if err != nil || s.cmd.Start() != nil {
		return nil
	}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if v, err := strconv.ParseFloat(strings.TrimSpace(lines.Text()), 64); err == nil {
				s.mu.Lock()
				s.now, s.peak = v, max(s.peak, v)
				s.mu.Unlock()
			}
		}
		_ = s.cmd.Wait() // it is killed at the end
	}()
	return s
}

// pids returns the process that must not be killed after a command.
func (s *sampler) pids() []int {
	if s == nil {
		return nil
	}
	return []int{s.cmd.Process.Pid}
}

// start begins a measurement and returns the memory in use.
func (s *sampler) start() float64 {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peak = s.now
	return s.now
}

// most returns the peak of the used memory since start, in MiB.
func (s *sampler) most() float64 {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}
