package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/plugin"
	"github.com/ptychogo/ptycho/internal/words"
)

// installedPlugin is the report of a command that changes or checks an installed plugin.
type installedPlugin struct {
	Backend string `json:"backend"`
	Version string `json:"version,omitempty"`
	Path    string `json:"path"`
	SHA256  string `json:"sha256,omitempty"` // of the file, as recorded
	Problem string `json:"problem,omitempty"`
}

func describePlugin(f plugin.Found) installedPlugin {
	return installedPlugin{Backend: f.Name, Version: f.Version(), Path: f.Path, SHA256: f.SHA256, Problem: f.Problem}
}

// print writes one line that begins with what was done.
func (i installedPlugin) print(done string) {
	line := fmt.Sprintf("%-9s %s %s  %s", done, i.Backend, i.Version, i.Path)
	if i.Problem != "" {
		line += ": " + i.Problem
	}
	stdout.Println(words.Line(line, maxPluginLine))
}

// flagMissing gives the code of a usage error to an error that asks for a flag.
func flagMissing(err error) error {
	if f := (*plugin.FlagError)(nil); errors.As(err, &f) {
		return usage(err)
	}
	return err
}

func installCommand() *cli.Command {
	return &cli.Command{
		Name: "install", ArgsUsage: "PROGRAM|WHEEL...", Usage: "copy a backend to where every command finds it by name",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "overwrite", Usage: "replace an installed version of the same number"},
			&cli.StringFlag{Name: "python", Usage: "Python for the packages of wheels", Value: "python3"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return usage(errors.New("plugins install: want a backend's program, or the wheels of a Python package: ptycho plugins install ./ptycho-backend-mine"))
			}
			p, err := searchPlaces()
			if err != nil {
				return err
			}
			var f plugin.Found
			if files := c.Args().Slice(); strings.HasSuffix(files[0], ".whl") {
				f, err = plugin.InstallWheels(c.Context, files, c.String("python"), plugin.Spec{}, p, c.Bool("overwrite"), os.Stderr)
			} else if len(files) > 1 {
				err = usage(fmt.Errorf("plugins install: %d programs given, want one", len(files)))
			} else {
				f, err = installProgram(c, files[0], p)
			}
			if err != nil {
				return flagMissing(err)
			}
			i := describePlugin(f)
			return printReport(c, i, func() { i.print("installed") })
		},
	}
}

func installProgram(c *cli.Context, path string, p plugin.Places) (plugin.Found, error) {
	f, err := plugin.Find("."+string(filepath.Separator)+path, p)
	if filepath.IsAbs(path) {
		f, err = plugin.Find(path, p)
	}
	if err != nil {
		return plugin.Found{}, err
	}
	return plugin.Install(c.Context, plugin.Spec{Name: f.Name, Path: f.Path}, p, c.Bool("overwrite"))
}

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name: "verify", ArgsUsage: "[NAME]", Usage: "compare installed backends with the digests of their installation",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "report as JSON"}},
		Action: func(c *cli.Context) error {
			p, err := searchPlaces()
			if err != nil {
				return err
			}
			all, err := plugin.AllInstalled(c.Args().First(), p)
			if err != nil {
				return err
			}
			reports, wrong := []installedPlugin{}, 0
			for _, f := range all {
				i := describePlugin(f)
				if err := plugin.Verify(f); err != nil {
					i.Problem = err.Error()
					wrong++
				}
				reports = append(reports, i)
			}
			err = printReport(c, reports, func() {
				for _, i := range reports {
					done := "unchanged"
					if i.Problem != "" {
						done = "NOT"
					}
					i.print(done)
				}
			})
			if err == nil && wrong > 0 {
				err = host.Failf(host.ExitBackend, "plugins verify: %d of %d installed backends cannot be used as they were installed", wrong, len(all))
			}
			return err
		},
	}
}

func removeCommand() *cli.Command {
	return &cli.Command{
		Name: "remove", ArgsUsage: "NAME", Usage: "remove an installed backend",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "version", Usage: "version to remove, where several are installed"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage(errors.New("plugins remove: want one backend, such as: ptycho plugins remove mine"))
			}
			p, err := searchPlaces()
			if err != nil {
				return err
			}
			f, err := plugin.Remove(c.Args().First(), c.String("version"), p)
			if err != nil {
				return flagMissing(err)
			}
			i := describePlugin(f)
			i.Problem = ""
			return printReport(c, i, func() { i.print("removed") })
		},
	}
}
