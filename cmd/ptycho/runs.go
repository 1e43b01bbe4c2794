package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/host/track"
	"github.com/ptychogo/ptycho/host/train"
	"github.com/ptychogo/ptycho/internal/words"
)

func runsCommand() *cli.Command {
	return &cli.Command{Name: "runs", Category: upkeep, Usage: "send the records of a run to an MLflow server", Subcommands: []*cli.Command{{
		Name: "send", Usage: "send the entries of a run that an MLflow server did not receive", ArgsUsage: "DIRECTORY",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "mlflow-uri", Usage: "MLflow server", DefaultText: "the server of the run"},
			&cli.BoolFlag{Name: "quiet", Usage: "no notices"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage(fmt.Errorf("runs send: %s given, want one", words.Of(c.NArg(), "directory")))
			}
			dir, err := output.Open(c.Args().First(), train.Writes())
			if err != nil {
				return err
			}
			defer dir.Close()
			report, err := track.Flush(c.Context, dir.Target(), track.Options{TrackingURI: c.String("mlflow-uri"), Recorded: trackedAt(dir.Target()), Notice: console(c.Context, c.Bool("quiet")).Notice})
			if err != nil {
				return err
			}
			if report.Left > 0 {
				return host.Failf(host.ExitPartial, "runs send: %s of %s %s not sent: try again when the server answers", words.Of(report.Left, "entry"), dir.Target(), words.Verb(report.Left, "was", "were"))
			}
			return printReport(c, report, func() { stdout.Println(sentSentence(dir.Target(), report)) })
		},
	}}}
}

// trackedAt returns the MLflow address in the settings of a run, or "".
func trackedAt(dir string) string {
	o, err := recordedSettings(dir)
	if err != nil {
		return ""
	}
	v, _ := o.Lookup("execution.mlflow-uri")
	return v.Text
}

// sentSentence describes the result of sending a journal. "Sent" means confirmed by a server.
func sentSentence(dir string, r track.Sent) string {
	text := fmt.Sprintf("%s: %s written to the folder %s; no server is involved", dir, entries(r.Sent), r.Address)
	switch {
	case r.Server && r.Sent == 0:
		text = fmt.Sprintf("%s: nothing left to send; the server %s has the whole run", dir, r.Address)
	case r.Server:
		text = fmt.Sprintf("%s: %s sent to %s and confirmed", dir, entries(r.Sent), r.Address)
	}
	if r.Refused > 0 {
		text += fmt.Sprintf("; the server rejected %s, which stay in the run directory", words.Of(r.Refused, "file"))
	}
	return text
}

func entries(n int) string {
	if n == 1 {
		return "1 entry was"
	}
	return fmt.Sprintf("%d entries were", n)
}
