package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/launch"
	"github.com/ptychogo/ptycho/host/registry"
	"github.com/ptychogo/ptycho/host/ui"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
	"github.com/ptychogo/ptycho/sdk"
)

// bundled are the backends inside this executable. They run as processes of their own all the same.
var bundled = map[string]func() backend.Backend{
	"gorgonia":  func() backend.Backend { return gorgonia.New() },
	"reference": func() backend.Backend { return oracle.New() }, // slow; for checking others against it
}

func places(dirs ...string) (registry.Places, error) {
	var list []registry.Bundle
	for name := range bundled {
		list = append(list, registry.Bundle{Name: name, Args: []string{"plugin", "serve", name}})
	}
	var given []string
	for _, d := range dirs {
		if d != "" {
			given = append(given, d)
		}
	}
	return registry.DefaultPlaces(given, list...)
}

// running is the surroundings of a run with a backend that waits for it.
type running struct {
	host.Host
	waiting host.Engine
}

// surroundings makes the surroundings of a run: a backend that is found now and started when needed.
func surroundings(ctx context.Context, meter *ui.Meter, x config.Execution) (*running, error) {
	p, err := places(x.PluginDir)
	if err != nil {
		return nil, err
	}
	found, err := registry.Find(x.Backend, p)
	if err != nil {
		return nil, host.Fail(host.ExitBackend, err)
	}
	announce(meter, found)
	r := &running{}
	r.Host = host.Host{
		Notice: meter.Notice,
		Progress: func(p host.Progress) {
			meter.Update(shown(p))
		},
		Stop: signalsOf(ctx).stop, Hurry: signalsOf(ctx).hurry,
	}
	r.Start = func(ctx context.Context) (host.Engine, error) {
		if engine := r.waiting; engine != nil {
			r.waiting = nil
			return engine, nil
		}
		process, err := launch.Start(ctx, launch.Spec{Name: found.Name, Path: found.Path, Args: found.Args, SHA256: found.SHA256, Logger: logger(x.LogLevel),
			Timeout: x.BackendTimeout, Notice: meter.Notice, Hurry: r.Hurry})
		if err != nil {
			return nil, host.Fail(host.ExitBackend, err)
		}
		signalsOf(ctx).child(process.Kill)
		return process, nil
	}
	return r, nil
}

// announce says that a backend is not the one that the user would expect under its name.
func announce(meter *ui.Meter, f registry.Found) {
	if f.ReplacesBundled() {
		meter.Notice("backend %s: %s is used in place of the bundled one (%s)", f.Name, f.Path, f.Source)
	}
}

// shown is the progress of a run as the console shows it.
func shown(p host.Progress) ui.Progress {
	return ui.Progress{Phase: p.Phase, Epoch: p.Epoch, Epochs: p.Epochs, Step: p.Step, Steps: p.Steps, Patterns: p.Patterns, Deviance: p.Deviance, Expected: p.Expected, Text: p.Description}
}

// ready finds and starts the backend of a command with settings, refuses what it cannot honour, chooses its device and
// says so. No patterns have been read by then. The caller ends it with close.
func ready(ctx context.Context, meter *ui.Meter, x config.Execution, values []config.Value, what string) (*running, error) {
	r, err := surroundings(ctx, meter, x)
	if err != nil {
		return nil, err
	}
	if r.waiting, err = r.Start(ctx); err != nil {
		return nil, err
	}
	info := r.waiting.Info()
	err = host.Admit(info, values)
	if err == nil {
		r.Devices, err = host.ChooseDevices(ctx, r.waiting, x)
	}
	if err != nil {
		r.close(ctx)
		return nil, err
	}
	device := strings.Join(r.Devices, ", ")
	if device == "" {
		device = "not known yet"
	}
	meter.Notice("backend %s %s (%s), device %s, %s", info.Name, info.Version, info.Engine, device, what)
	return r, nil
}

// close ends a backend that no run has taken.
func (r *running) close(ctx context.Context) {
	if r.waiting != nil {
		_ = r.waiting.Stop(context.WithoutCancel(ctx)) // it has done nothing that could be lost
		r.waiting = nil
	}
}

// pluginCommand runs a bundled backend as the process that the host starts, and its tools.
func pluginCommand() *cli.Command {
	named := func(c *cli.Context) (backend.Backend, error) {
		open, ok := bundled[c.Args().First()]
		if !ok {
			return nil, usage(fmt.Errorf("no bundled backend %q", c.Args().First()))
		}
		return open(), nil
	}
	return &cli.Command{Name: "plugin", Hidden: true, Subcommands: []*cli.Command{{
		Name: "serve", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			b, err := named(c)
			if err != nil {
				return err
			}
			sdk.Serve(b)
			return nil
		},
	}, {
		Name: "doctor", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			b, err := named(c)
			if err != nil {
				return err
			}
			return sdk.WriteFindings(stdout, sdk.Findings(c.Context, b))
		},
	}, {
		Name: "setup", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			return usage(fmt.Errorf("the %s backend is part of this program and needs no setup", c.Args().First()))
		},
	}}}
}
