package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"
)

// The library's errors about the value of a flag.
var (
	badValue   = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([a-z0-9_-]+): (.*)$`)
	badPart    = regexp.MustCompile(`parsing (".*"): `) // of a list
	noArgument = regexp.MustCompile(`^flag needs an argument: -([a-z0-9_-]+)$`)
)

// flagError says what the value of a flag must be. Other errors are returned unchanged.
func flagError(c *cli.Command, err error) error {
	if m := noArgument.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%s: --%s needs a value; %s --help describes it", c.Name, m[1], c.HelpName)
	}
	m := badValue.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	want := wanted(c, m[2])
	if m[3] == "value out of range" {
		want += " of 64 bits"
	}
	value := m[1]
	if v, err := strconv.Unquote(value); err == nil && v == "" {
		value = "is empty"
	}
	if part := badPart.FindStringSubmatch(m[3]); part != nil && part[1] != m[1] {
		value += ", of which " + part[1] + " cannot be read"
	}
	return fmt.Errorf("%s: --%s %s: want %s", c.Name, m[2], value, want)
}

// wanted names the values of a flag.
func wanted(c *cli.Command, name string) string {
	for _, f := range c.Flags {
		if !slices.Contains(f.Names(), name) {
			continue
		}
		switch f.(type) {
		case *cli.IntFlag, *cli.Int64Flag:
			return "a whole number"
		case *cli.UintFlag, *cli.Uint64Flag:
			return "a whole number, at least 0"
		case *cli.Float64Flag:
			return "a number"
		case *cli.DurationFlag:
			return "a time such as 90s, 10m or 1h30m"
		case *cli.BoolFlag:
			return "true or false"
		case *cli.IntSliceFlag, *cli.Int64SliceFlag:
			return "whole numbers"
		}
	}
	return "what " + c.HelpName + " --help describes"
}
