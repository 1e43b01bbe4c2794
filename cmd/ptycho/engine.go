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
	"github.com/ptychogo/ptycho/host/plugin"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
	"github.com/ptychogo/ptycho/sdk"
)

// bundled lists the backends inside this executable. Each runs as a separate process too.
var bundled = map[string]func() backend.Backend{
	"gorgonia":  func() backend.Backend { return gorgonia.New() },
	"reference": func() backend.Backend { return oracle.New() }, // slow; other backends are checked against it
}

func searchPlaces(dirs ...string) (plugin.Places, error) {
	var list []plugin.Bundle
	for name := range bundled {
		list = append(list, plugin.Bundle{Name: name, Args: []string{"plugin", "serve", name}})
	}
	var given []string
	for _, d := range dirs {
		if d != "" {
			given = append(given, d)
		}
	}
	return plugin.DefaultPlaces(given, list...)
}

// runHost is the host of a run, with a backend that may have been started before the run needs it.
type runHost struct {
	host.Host
	waiting host.Engine
}

// newRunHost returns the host of a run. The backend is found immediately and started when the run needs it.
func newRunHost(ctx context.Context, meter *progressMeter, x config.Execution) (*runHost, error) {
	p, err := searchPlaces(x.PluginDir)
	if err != nil {
		return nil, err
	}
	found, err := plugin.Find(x.Backend, p)
	if err != nil {
		return nil, err
	}
	announce(meter, found)
	r := &runHost{}
	r.Host = host.Host{
		Notice: meter.Notice, Progress: meter.Update,
		Stop: signalsOf(ctx).stop, Hurry: signalsOf(ctx).hurry,
	}
	r.Start = func(ctx context.Context) (host.Engine, error) {
		if engine := r.waiting; engine != nil {
			r.waiting = nil
			return engine, nil
		}
		engine, err := start(ctx, plugin.Spec{Name: found.Name, Path: found.Path, Args: found.Args, SHA256: found.SHA256, Logger: logger(x.LogLevel),
			Timeout: x.BackendTimeout, Notice: meter.Silent, Hurry: r.Hurry})
		return engine, host.Fail(host.ExitBackend, err)
	}
	return r, nil
}

// start starts a backend's process. Most tests replace it, so that a bundled backend computes in their own process.
var start = func(ctx context.Context, s plugin.Spec) (host.Engine, error) {
	process, err := plugin.Start(ctx, s)
	if err != nil {
		return nil, err
	}
	signalsOf(ctx).child(process.Kill)
	return process, nil
}

// announce notifies the user that a plugin replaces the bundled backend of its name.
func announce(meter *progressMeter, f plugin.Found) {
	if f.ReplacesBundled() {
		meter.Notice("backend %s: %s replaces the bundled backend (%s)", f.Name, f.Path, f.Source)
	}
}

// startBackend finds and starts the backend of a command with settings, rejects settings that the backend does not support,
// chooses its device and announces both. It runs before any pattern is read. The caller must call close.
func startBackend(ctx context.Context, meter *progressMeter, x config.Execution, values []config.Value, what string) (*runHost, error) {
	r, err := newRunHost(ctx, meter, x)
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
	meter.Notice("backend %s %s (%s), %s, %s", info.Name, info.Version, info.Engine, computesOn(r.Devices), what)
	return r, nil
}

// computesOn names the devices of a run.
func computesOn(devices []string) string {
	switch len(devices) {
	case 0:
		return "device not known yet"
	case 1:
		return "device " + devices[0]
	}
	return fmt.Sprintf("%d devices %s", len(devices), strings.Join(devices, ", "))
}

// close stops a backend that was started and not used by a run.
func (r *runHost) close(ctx context.Context) {
	if r.waiting != nil {
		_ = r.waiting.Stop(context.WithoutCancel(ctx)) // no work can be lost
		r.waiting = nil
	}
}

// pluginCommand runs a bundled backend, or one of its tools, as the process that the host starts.
func pluginCommand() *cli.Command {
	named := func(c *cli.Context) (backend.Backend, error) {
		open, ok := bundled[c.Args().First()]
		if !ok {
			return nil, usage(fmt.Errorf("unknown bundled backend %q", c.Args().First()))
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
