package main

import (
	"fmt"
	"syscall"
	"time"
)

// targetHang is the target of a plugin that is stopped and not killed: the host must notice.
const targetHang = "hang"

// killAt ends host, plugin or both with SIGKILL after a time, or makes the plugin hang.
func killAt(after time.Duration, target string) disturber {
	return func(pid int, done <-chan struct{}) (bool, string) {
		if !wait(after, done) {
			return false, "ended before the kill"
		}
		plugins := children(pid)
		did, what := false, syscall.SIGKILL
		if target == targetHang {
			what = syscall.SIGSTOP
		}
		if target != "host" {
			for _, p := range plugins {
				did = syscall.Kill(p, what) == nil || did
			}
		}
		if target == "host" || target == "both" {
			did = syscall.Kill(pid, syscall.SIGKILL) == nil || did
		}
		return did, fmt.Sprintf("%s: %v after %v", target, what, after.Round(time.Millisecond))
	}
}

// signalAt sends a signal to the host after a time. With epoch, it waits for the end of the first epoch instead.
func (w *worker) signalAt(s syscall.Signal, after time.Duration, epoch bool) disturber {
	return func(pid int, done <-chan struct{}) (bool, string) {
		if epoch {
			for !containsEpoch(w.read("log/stderr")) {
				if !wait(time.Millisecond, done) {
					return false, "ended before the signal"
				}
			}
		} else if !wait(after, done) {
			return false, "ended before the signal"
		}
		sent := syscall.Kill(pid, s) == nil
		if epoch {
			return sent, fmt.Sprintf("%v after the first epoch", s)
		}
		return sent, fmt.Sprintf("%v after %v", s, after.Round(time.Millisecond))
	}
}

// wait returns false when done is closed before the time is over.
func wait(d time.Duration, done <-chan struct{}) bool {
	select {
	case <-done:
		return false
	case <-time.After(d):
		return true
	}
}
