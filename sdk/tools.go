package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/ptychogo/ptycho/core/backend"
)

// A plugin's program can also be run by hand, or by "ptycho plugins" for the user. The tool doctor checks what works and
// names the fix for the rest; the tool setup installs what the backend needs and does not contain.

// Finding is one result of a doctor.
type Finding struct {
	Check string `json:"check"`
	Works bool   `json:"works"`
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"` // the one command, or sentence, that fixes it
}

// Doctor adds the backend's findings to those that every doctor reports: the backend itself and its devices.
func Doctor(f func(ctx context.Context) []Finding) Option {
	return func(o *options) { o.doctor = f }
}

// Setup sets the function of the tool setup, which receives the tool's arguments. It must write its result to standard
// output and everything else to standard error.
func Setup(f func(ctx context.Context, args []string) error) Option {
	return func(o *options) { o.setup = f }
}

// Exit codes of the tools; they equal the host's.
const (
	exitUsage   = 10
	exitBackend = 12
)

// tool runs a tool by its name and returns the exit code. known is false for an unknown name.
func (o options) tool(b backend.Backend, args []string) (code int, known bool) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch args[0] {
	case "doctor":
		if err := WriteFindings(os.Stdout, o.findings(ctx, b)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1, true
		}
		return 0, true
	case "setup":
		name := b.Info().Name
		if o.setup == nil {
			fmt.Fprintf(os.Stderr, "the %s backend needs no setup\n", name)
			return exitUsage, true
		}
		err := o.setup(ctx, args[1:])
		var e *backend.Error
		switch {
		case err == nil:
			return 0, true
		case ctx.Err() != nil:
			fmt.Fprintln(os.Stderr, "setup: stopped; files that were complete are kept")
			return 130, true
		case errors.As(err, &e):
			fmt.Fprintln(os.Stderr, err)
			return exitBackend, true
		}
		fmt.Fprintln(os.Stderr, err)
		return exitUsage, true
	}
	return 0, false
}

// Findings returns all findings for a backend.
func Findings(ctx context.Context, b backend.Backend, opts ...Option) []Finding {
	return collect(opts).findings(ctx, b)
}

func (o options) findings(ctx context.Context, b backend.Backend) []Finding {
	i := b.Info()
	out := []Finding{{Check: "backend", Works: true, Found: fmt.Sprintf("%s %s, %s, protocol %d.%d", i.Name, i.Version, i.Engine, i.ProtocolMajor, i.ProtocolMinor)}}
	if o.doctor != nil {
		out = append(out, o.doctor(ctx)...)
	}
	devices, err := b.Devices(ctx)
	if err != nil {
		return append(out, Finding{Check: "devices", Found: err.Error()})
	}
	for _, d := range devices {
		f := Finding{Check: "device " + d.ID, Works: d.Usable, Found: d.Name}
		if !d.Usable {
			f.Fix = d.Reason
		}
		out = append(out, f)
	}
	return out
}

// WriteFindings writes findings in the format that the host reads: a JSON array.
func WriteFindings(w io.Writer, findings []Finding) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(findings)
}
