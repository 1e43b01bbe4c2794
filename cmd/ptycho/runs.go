package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/rundir"
	"github.com/ptychogo/ptycho/host/track"
)

func runsCommand() *cli.Command {
	return &cli.Command{Name: "runs", Usage: "look after run directories", Subcommands: []*cli.Command{{
		Name: "send", Usage: "send what an MLflow server did not get of a run", ArgsUsage: "DIRECTORY",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "mlflow-uri", Usage: "MLflow server; empty is where the run wanted to send it"},
			&cli.BoolFlag{Name: "quiet", Usage: "no notices"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage(fmt.Errorf("runs send: %d directories given, want one", c.NArg()))
			}
			dir, err := rundir.Open(c.Args().First())
			if err != nil {
				return usage(err)
			}
			defer dir.Close()
			left, err := track.Flush(c.Context, dir.Target(), track.Options{TrackingURI: c.String("mlflow-uri"), Notice: console(c.Bool("quiet")).Notice})
			if err != nil {
				return host.Fail(host.ExitOther, err)
			}
			if left > 0 {
				return host.Failf(host.ExitPartial, "runs send: %d entries of %s were not taken: try again when the server answers", left, dir.Target())
			}
			return tell(c, map[string]int{"left": left}, func() { fmt.Printf("%s: everything was sent\n", dir.Target()) })
		},
	}}}
}
