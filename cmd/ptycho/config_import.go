package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/host/ptychopinn"
	"github.com/ptychogo/ptycho/internal/disk"
	"github.com/ptychogo/ptycho/internal/words"
)

// importReport is the report of config import.
type importReport struct {
	File   string                `json:"file"`
	Kind   string                `json:"kind"`
	Keys   []ptychopinn.Imported `json:"keys"`
	Output string                `json:"output,omitempty"`
}

func runConfigImport(c *cli.Context) error {
	if c.NArg() != 1 {
		return usage(fmt.Errorf("config import: %s given, want one: ptycho config import FILE", words.Of(c.NArg(), "file")))
	}
	imported, err := ptychopinn.ReadImport(c.Args().First())
	if err != nil {
		return err
	}
	wrong := imported.Err()
	output := c.String("output")
	if output != "" && wrong == nil {
		if err := writeImported(output, imported.YAML(), c.Args().First(), c.Bool("overwrite")); err != nil {
			return usage(fmt.Errorf("config import: %w", err))
		}
	}
	err = printReport(c, importReport{imported.Name, imported.Kind, imported.Keys, output}, func() {
		if output == "" && wrong == nil {
			stdout.Print(string(imported.YAML()))
			return
		}
		w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tVALUE\tLINE\tBECAME")
		for _, k := range imported.Keys {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", k.Key, k.Value, k.Line, k.Outcome())
		}
		_ = w.Flush() // stdout keeps the error
	})
	if wrong != nil {
		return wrong // after the explanation of every key
	}
	return err
}

// writeImported writes the settings file. Without overwrite it never replaces a file, even one that appears meanwhile.
func writeImported(output string, text []byte, source string, overwrite bool) error {
	there, err := os.Stat(output)
	if err == nil {
		if !overwrite {
			return fmt.Errorf("%s exists: give another --output, or --overwrite to replace it", output)
		}
		if read, err := os.Stat(source); err == nil && os.SameFile(there, read) {
			return fmt.Errorf("%s is the file that is imported: give another --output", output)
		}
		return format.WriteFile(output, text)
	}
	file, err := disk.Create(output)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(text); err != nil {
		return err
	}
	if err := file.CommitNew(); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists: give another --output, or --overwrite to replace it", output)
	} else if err != nil {
		return err
	}
	return nil
}

// showLegacy prints the flat dictionary that PtychoPINN builds from its configuration.
func showLegacy(c *cli.Context, file string) error {
	if c.NArg() > 0 {
		return usage(errors.New("config show: --legacy names the file and cannot be combined with a run directory"))
	}
	imported, err := ptychopinn.ReadImport(file)
	if err != nil {
		return err
	}
	dictionary, err := imported.Dictionary()
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(dictionary, "", "  ")
	return printed(append(b, '\n'), err)
}
