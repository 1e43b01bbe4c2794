package main

import (
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
)

// highCompression is the name of the flag in commands without settings that read a scan.
const highCompression = "allow-high-compression"

// scanFlags returns the flags of the settings that say how a scan is read, in commands without settings.
func scanFlags() []cli.Flag { return flagsOfRows(config.ScanRows()) }

// examineFlags returns the flags of the settings of the examination, in commands without settings.
func examineFlags() []cli.Flag { return flagsOfRows(config.ExamineRows()) }

func flagsOfRows(rows []config.Setting) []cli.Flag {
	var flags []cli.Flag
	for _, s := range rows {
		if s.IsBool() {
			flags = append(flags, &cli.BoolFlag{Name: s.Name, Usage: s.Help()})
		} else {
			flags = append(flags, &cli.StringFlag{Name: s.Name, Usage: s.Help(), DefaultText: s.DefaultText()})
		}
	}
	return flags
}

// scanOf reads the flags of scanFlags and examineFlags.
func scanOf(c *cli.Context) (config.ScanSettings, error) {
	given := map[string]string{}
	for _, s := range append(config.ScanRows(), config.ExamineRows()...) {
		switch {
		case !c.IsSet(s.Name):
		case s.IsBool():
			given[s.Name] = strconv.FormatBool(c.Bool(s.Name))
		default:
			given[s.Name] = c.String(s.Name)
		}
	}
	return config.ScanFlags(given)
}

// The flags below mean the same as settings, in commands without settings.

func highCompressionFlag() cli.Flag {
	return &cli.BoolFlag{Name: highCompression, Usage: "read compressed arrays that expand more than 1000 times"}
}

func unitsFlag() cli.Flag {
	return &cli.StringFlag{Name: "diffraction-units", Value: "auto", Usage: "unit of the patterns; auto detects it"}
}

func layoutFlag() cli.Flag {
	return &cli.StringFlag{Name: "diffraction-layout", Value: "auto", Usage: "order of the axes of the patterns; auto detects it"}
}

func pluginDirFlag() cli.Flag {
	return &cli.StringFlag{Name: "plugin-dir", Usage: "folder to search first for backends"}
}

func deviceFlag() cli.Flag {
	return &cli.StringFlag{Name: "device", Value: "auto", Usage: "device of the backend: auto, cpu or cuda:N"}
}

func logLevelFlag() cli.Flag {
	return &cli.StringFlag{Name: "log-level", Value: "warn", Usage: "lowest level of the backend's log lines to show"}
}

func backendTimeoutFlag() cli.Flag {
	return &cli.DurationFlag{Name: "backend-timeout", Value: 10 * time.Minute, Usage: "time without an answer before the backend is killed; 0: no limit"}
}

func tf32Flag() cli.Flag {
	return &cli.BoolFlag{Name: "tf32", Usage: "allow products of reduced precision on GPUs"}
}
