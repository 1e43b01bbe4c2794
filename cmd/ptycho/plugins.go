package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/plugin"
	"github.com/ptychogo/ptycho/internal/words"
	"github.com/ptychogo/ptycho/sdk"
)

func pluginsCommand() *cli.Command {
	return &cli.Command{Name: "plugins", Category: backing, Usage: "list, check, install and write backends", Subcommands: []*cli.Command{{
		Name: "list", Usage: "list the backends without starting them",
		Flags: []cli.Flag{
			pluginDirFlag(),
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: func(c *cli.Context) error {
			p, err := searchPlaces(c.String("plugin-dir"))
			if err != nil {
				return err
			}
			list := plugin.List(p)
			return printReport(c, list, func() {
				for _, f := range list {
					printPlugin(f, "")
					for _, s := range f.Shadowed {
						printPlugin(s, "  shadowed: ")
					}
				}
			})
		},
	}, {
		Name: "doctor", ArgsUsage: "[NAME]", Usage: "check what works on this machine, and print the command that fixes the rest",
		Flags: []cli.Flag{
			pluginDirFlag(),
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: runDoctor,
	}, {
		Name: "setup", ArgsUsage: "NAME", Usage: "download and install the libraries of a backend",
		Flags: []cli.Flag{
			pluginDirFlag(),
			&cli.StringFlag{Name: "device", Usage: "kind of device to set up: cpu or cuda"},
			&cli.StringFlag{Name: "cuda", Usage: "version of CUDA", DefaultText: "the newest that the driver runs"},
			&cli.BoolFlag{Name: "no-nvidia", Usage: "install the XLA library without NVIDIA's packages (about 2 GB)"},
			&cli.StringFlag{Name: "from", Usage: "wheel or folder of wheels to install, for a machine without a network"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: runSetup,
	}, installCommand(), verifyCommand(), removeCommand(), newCommand()}}
}

// maxPluginLine is the greatest length of a line about a plugin, in characters: a path may have 4096.
const maxPluginLine = 8192

func printPlugin(f plugin.Found, prefix string) {
	line := fmt.Sprintf("%s%-12s %-20s %s", prefix, f.Name, f.Source, f.Path)
	if f.Problem != "" {
		line += " — cannot be used: " + f.Problem
	}
	stdout.Println(words.Line(line, maxPluginLine))
}

// tool returns how to start a backend's program as the tool of that name.
func tool(f plugin.Found, name string, args ...string) plugin.Spec {
	s := plugin.Spec{Name: f.Name, Path: f.Path, SHA256: f.SHA256, Args: append([]string{name}, args...)}
	if f.Source == plugin.Bundled {
		s.Args = append([]string{"plugin", name, f.Name}, args...)
	}
	return s
}

// diagnosis holds the findings of the doctor of one backend.
type diagnosis struct {
	Backend  string        `json:"backend"`
	Path     string        `json:"path"`
	Findings []sdk.Finding `json:"findings"`
}

func runDoctor(c *cli.Context) error {
	p, err := searchPlaces(c.String("plugin-dir"))
	if err != nil {
		return err
	}
	list := plugin.List(p)
	if name := c.Args().First(); name != "" {
		f, err := plugin.Find(name, p)
		if err != nil {
			return err
		}
		list = []plugin.Found{f}
	}
	var all []diagnosis
	for _, f := range list {
		d := diagnosis{Backend: f.Name, Path: f.Path}
		if f.Problem != "" {
			d.Findings = []sdk.Finding{{Check: "program", Found: f.Problem}}
		} else if d.Findings, err = examine(c, f); err != nil {
			return err
		}
		all = append(all, d)
	}
	return printReport(c, all, func() {
		for _, d := range all {
			stdout.Printf("%s  %s\n", d.Backend, d.Path)
			for _, f := range d.Findings {
				mark, fix := "works", ""
				if !f.Works {
					mark = "NOT"
				}
				if f.Fix != "" && !strings.HasSuffix(f.Found, f.Fix) {
					fix = "; to fix: " + f.Fix
				}
				stdout.Printf("  %-5s %-18s %s%s\n", mark, f.Check, f.Found, fix)
			}
		}
	})
}

// capped keeps the first megabyte of the output of a plugin's tool. A doctor's report is some kilobytes.
type capped struct{ bytes.Buffer }

func (c *capped) Write(b []byte) (int, error) {
	const most = 1 << 20
	_, _ = c.Buffer.Write(b[:min(len(b), max(most-c.Len(), 0))]) // never fails
	return len(b), nil
}

// doctorTime limits the time of a backend's doctor, which loads libraries and asks drivers but computes nothing.
const doctorTime = time.Minute

// examine runs the doctor of a backend.
func examine(c *cli.Context, f plugin.Found) ([]sdk.Finding, error) {
	var out, log capped
	ctx, cancel := context.WithTimeout(c.Context, doctorTime)
	defer cancel()
	code, err := plugin.Tool(ctx, tool(f, "doctor"), nil, &out, &log)
	if c.Err() != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return []sdk.Finding{{Check: "program", Found: fmt.Sprintf("the doctor did not answer within %v and was killed", doctorTime)}}, nil
	}
	var findings []sdk.Finding
	if err == nil && code == 0 && json.Unmarshal(out.Bytes(), &findings) == nil {
		for i, f := range findings {
			findings[i] = sdk.Finding{Check: words.Name(f.Check), Works: f.Works, Found: words.Line(f.Found, words.LineLength), Fix: words.Line(f.Fix, words.LineLength)}
		}
		return findings, nil
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	found := fmt.Sprintf("the doctor failed with code %d: %s", code, words.Line(lines[len(lines)-1], words.LineLength))
	if err != nil {
		found = err.Error()
	}
	return []sdk.Finding{{Check: "program", Found: found}}, nil
}

func runSetup(c *cli.Context) error {
	if c.NArg() != 1 {
		return usage(fmt.Errorf("plugins setup: want one backend, such as: ptycho plugins setup xla"))
	}
	p, err := searchPlaces(c.String("plugin-dir"))
	if err != nil {
		return err
	}
	f, err := plugin.Find(c.Args().First(), p)
	if err != nil {
		return err
	}
	announce(console(c.Context, false), f)
	var args []string
	for _, name := range []string{"device", "cuda", "from"} {
		if v := c.String(name); v != "" {
			args = append(args, "--"+name+"="+v)
		}
	}
	for _, name := range []string{"no-nvidia", "json"} {
		if c.Bool(name) {
			args = append(args, "--"+name)
		}
	}
	spec := tool(f, "setup", args...)
	spec.Network = true
	code, err := plugin.Tool(c.Context, spec, os.Stdin, os.Stdout, os.Stderr)
	if err != nil {
		return err
	}
	if code != 0 {
		return host.Failf(code, "plugins setup: %s was not set up", f.Name)
	}
	return nil
}
