package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/host"
)

// manualDate is the date in the heads of the manual pages. It is written here, for a page must not change with the day
// on which it is generated.
const manualDate = "2026-11-25"

// roff escapes text for a manual page: hyphens stay hyphens that can be searched, and nothing is taken for a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "’", "'").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

func manualHead(page, about string) string {
	return fmt.Sprintf(".TH %s 1 %q %q %q\n.SH NAME\n%s \\- %s\n", strings.ToUpper(roff(page)), manualDate, "ptycho "+host.Version, "ptycho manual", roff(page), roff(about))
}

// manual is the manual page of the program.
func manual(app *cli.App) string {
	var b strings.Builder
	b.WriteString(manualHead("ptycho", app.Usage))
	b.WriteString(".SH SYNOPSIS\n.B ptycho\n.I COMMAND\n[\\fIFLAGS\\fR] [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n" +
		roff("Results go to standard output, everything else to standard error. Flags may be written with underscores for hyphens.") + "\n.SH COMMANDS\n")
	for _, c := range documented(app.Commands) {
		fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s.\n", roff("ptycho-"+c.Name), roff(c.Usage))
	}
	b.WriteString(".SH ENVIRONMENT\n.TP\n.B PTYCHO_SECTION__NAME\n" + roff("sets the setting section.name of train and infer; flags and --set are above it, files below.") + "\n")
	b.WriteString(".SH EXIT STATUS\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s.\n", e.code, roff(e.meaning))
	}
	return b.String()
}

// manualOf is the manual page of a command, with its subcommands as sections.
func manualOf(c *cli.Command) string {
	var b strings.Builder
	b.WriteString(manualHead("ptycho-"+c.Name, c.Usage))
	b.WriteString(".SH SYNOPSIS\n")
	leaves := documented(c.Subcommands)
	var lines []string
	if runs(c) {
		lines = append(lines, roff(usageLine(c.Name, c)))
	}
	for _, s := range leaves {
		lines = append(lines, roff(usageLine(c.Name+" "+s.Name, s)))
	}
	b.WriteString(strings.Join(lines, "\n.br\n") + "\n")
	if runs(c) {
		b.WriteString(".SH DESCRIPTION\n")
		manualBody(&b, c, ".SH OPTIONS\n")
	}
	if len(leaves) > 0 {
		b.WriteString(".SH COMMANDS\n")
	}
	for _, s := range leaves {
		fmt.Fprintf(&b, ".SS %s\n", roff(s.Name))
		manualBody(&b, s, "")
	}
	b.WriteString(".SH EXIT STATUS\n")
	if runs(c) {
		b.WriteString(roff(codesOf(c.Name)) + "\n")
	}
	for _, s := range leaves {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(s.Name), roff(codesOf(c.Name+" "+s.Name)))
	}
	b.WriteString(".PP\nThe codes are listed in\n.BR ptycho (1).\n.SH SEE ALSO\n.BR ptycho (1)\n")
	return b.String()
}

func manualBody(b *strings.Builder, c *cli.Command, options string) {
	fmt.Fprintf(b, "%s.\n", roff(strings.ToUpper(c.Usage[:1])+c.Usage[1:]))
	if c.Description != "" {
		fmt.Fprintf(b, ".PP\n%s\n", roff(c.Description))
	}
	flags := flagsOf(c)
	if len(flags) > 0 {
		b.WriteString(options)
	}
	for _, f := range flags {
		names := make([]string, len(f.names))
		for i, name := range f.names {
			names[i] = `\fB` + roff(name) + `\fR`
		}
		value := ""
		if f.value != "" {
			value = ` \fI` + f.value + `\fR`
		}
		fmt.Fprintf(b, ".TP\n%s%s\n%s", strings.Join(names, ", "), value, roff(f.usage))
		if f.def != "" {
			fmt.Fprintf(b, "; default: %s", roff(f.def))
		}
		b.WriteString("\n")
	}
}
