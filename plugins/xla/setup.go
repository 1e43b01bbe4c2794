package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/ptychogo/ptycho/core/backend"
	xla "github.com/ptychogo/ptycho/plugins/xla/backend"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/library"
	"github.com/ptychogo/ptycho/sdk"
)

// setup brings the XLA library of a device.
func setup(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("setup", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	device := flags.String("device", "cpu", "")
	from := flags.String("from", "", "")
	asJSON := flags.Bool("json", false, "")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("setup: what is %q? --device cpu|cuda, --from FILE.whl and --json are known", flags.Arg(0))
	}
	if *device != string(library.CPU) && *device != string(library.CUDA) {
		return fmt.Errorf("setup: --device %s, want cpu or cuda", *device)
	}
	pin, err := library.For(library.Device(*device))
	if err != nil {
		return err
	}
	r, err := library.Setup(ctx, pin, *from, os.Stderr)
	if err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	word := "brought"
	if r.Already {
		word = "was there already, verified"
	}
	fmt.Printf("%s %s for the device %s %s: %s\n", r.Package, r.Version, r.Device, word, r.Path)
	return nil
}

// doctor looks at what the backend needs beside itself.
func doctor(context.Context) []sdk.Finding {
	built := sdk.Finding{Check: "program", Works: engine.Built, Found: "built with cgo"}
	if !engine.Built {
		built.Found, built.Mend = "built without cgo, which XLA needs", "build it on Linux with a C compiler: make"
	}
	out := []sdk.Finding{built}
	for _, d := range []library.Device{library.CPU, library.CUDA} {
		f := sdk.Finding{Check: "library for " + string(d), Works: true}
		found, err := xla.Library(d)
		switch {
		case err == nil && found.SHA256 == "":
			f.Found = fmt.Sprintf("%s, chosen by %s", found.Path, library.Variable(d))
		case err == nil:
			f.Found = fmt.Sprintf("%s %s, SHA-256 as it should be: %s", found.Pin.Package, found.Pin.Version, found.Path)
		default:
			f.Works, f.Found, f.Mend = false, err.Error(), library.Mend(d)
			if backend.KindOf(err) == backend.Unsupported {
				f.Mend = ""
			}
		}
		out = append(out, f)
	}
	return out
}
