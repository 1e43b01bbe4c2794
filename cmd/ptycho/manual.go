package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/host"
)

// manualDate is the date in the heads of the manual pages. It is a constant so that a page does not change with the day
// on which it is generated.
const manualDate = "2026-11-25"

// roff escapes text for a manual page, so that hyphens can be searched and no line is read as a request.
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

// manual returns the manual page of the program.
func manual(app *cli.App) string {
	var b strings.Builder
	b.WriteString(manualHead("ptycho", app.Usage))
	b.WriteString(".SH SYNOPSIS\n.B ptycho\n.I COMMAND\n[\\fIFLAGS\\fR] [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n" +
		roff("Results go to standard output, everything else to standard error. Flags may be written with underscores for hyphens.") + "\n.SH COMMANDS\n")
	for _, c := range documented(app.Commands) {
		fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s.\n", roff("ptycho-"+c.Name), roff(c.Usage))
	}
	b.WriteString(".SH ENVIRONMENT\n.TP\n.B PTYCHO_SECTION__NAME\n" + roff("sets the setting section.name of train and infer; flags and --set override it, and it overrides files.") + "\n")
	b.WriteString(".SH EXIT STATUS\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s.\n", e.code, roff(e.meaning))
	}
	return b.String()
}

// manualOf returns the manual page of a command, with its subcommands as sections.
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
		manualBody(&b, c, c.Name, ".SH OPTIONS\n")
	}
	if len(leaves) > 0 {
		b.WriteString(".SH COMMANDS\n")
	}
	for _, s := range leaves {
		fmt.Fprintf(&b, ".SS %s\n", roff(s.Name))
		manualBody(&b, s, c.Name+" "+s.Name, "")
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

func manualBody(b *strings.Builder, c *cli.Command, name, options string) {
	fmt.Fprintf(b, "%s.\n", roff(strings.ToUpper(c.Usage[:1])+c.Usage[1:]))
	for line := range strings.Lines(c.Description) {
		request := ".PP"
		line = strings.TrimSpace(line)
		if item, ok := strings.CutPrefix(line, "- "); ok {
			request, line = `.IP \(bu 2`, item
		}
		if line != "" {
			fmt.Fprintf(b, "%s\n%s\n", request, roff(line))
		}
	}
	b.WriteString(".PP\nExamples:\n")
	for _, line := range examples[name] {
		fmt.Fprintf(b, ".RS\n%s\n.RE\n", roff(line))
	}
	groups := groupsOf(c)
	if len(groups) > 0 {
		b.WriteString(options)
	}
	for _, g := range groups {
		if options != "" && len(groups) > 1 {
			fmt.Fprintf(b, ".SS %s\n", g.title)
		}
		for _, f := range g.flags {
			b.WriteString(f.manualItem())
		}
	}
}

// manualItem returns a flag with its value, its text and its default, as an item of a manual page.
func (f flagText) manualItem() string {
	names := make([]string, len(f.names))
	for i, name := range f.names {
		names[i] = `\fB` + roff(name) + `\fR`
	}
	text := strings.Join(names, ", ")
	if f.value != "" {
		text += ` \fI` + roff(f.value) + `\fR`
	}
	text = ".TP\n" + text + "\n" + roff(f.usage)
	if f.def != "" {
		text += "; default: " + roff(f.def)
	}
	return text + "\n"
}
