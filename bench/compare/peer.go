//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// peer is the script of the other libraries, which answers requests one by one.
type peer struct {
	command  *exec.Cmd
	to       io.WriteCloser
	from     *bufio.Scanner
	reported map[string]bool
}

func startPeer(python, script string) (*peer, error) {
	c := exec.Command(python, script)
	c.Env = append(os.Environ(), "OMP_NUM_THREADS=1")
	c.Stderr = os.Stderr
	to, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	from, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &peer{c, to, bufio.NewScanner(from), map[string]bool{}}, c.Start()
}

// ask sends a request and returns the number that answers it, or NaN where the library of that name is missing.
func (p *peer) ask(request, name string) float64 {
	fmt.Fprintln(p.to, request)
	if !p.from.Scan() {
		return math.NaN()
	}
	answer := p.from.Text()
	t, err := strconv.ParseFloat(answer, 64)
	if err != nil {
		if !p.reported[name] {
			fmt.Fprintf(os.Stderr, "%s was not measured: %s\n", name, strings.TrimPrefix(answer, "- "))
		}
		p.reported[name] = true
		return math.NaN()
	}
	return t
}

func (p *peer) stop() {
	p.to.Close()
	_ = p.command.Wait() // all values have arrived; its exit code does not matter
}
