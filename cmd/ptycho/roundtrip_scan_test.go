package main_test

import (
	"fmt"
	"maps"

	"github.com/ptychogo/ptycho/core/backend"
)

// The positions of the scan are taken as micrometres, and object pixels of 1 µm leave them as they are. A value that is wrong by
// orders of magnitude tears the patterns apart, and the run is refused.
var (
	micrometres = args("--position-units", "um")
	energetic   = args("--position-units", "um", "--distance", "1m", "--detector-pixel-size", "77.5um")
)

// scanTrips are the settings of the section "scan".
var scanTrips = map[string]trip{
	"scan.format":              {flag: args("--format", "eiger"), sees: exitCode},
	"scan.data-path":           {flag: args("--data-path", "/patterns"), sees: exitCode},
	"scan.y-path":              {flag: args("--y-path", "/y"), sees: exitCode},
	"scan.x-path":              {flag: args("--x-path", "/x"), sees: exitCode},
	"scan.probe-path":          {flag: args("--probe-path", "/probe"), sees: exitCode},
	"scan.positions":           {flag: args("--positions", "exchange"), sees: offsets},
	"scan.crop":                {with: wide(), flag: args("--crop", "32"), sees: bound(0, "counts")},
	"scan.dark":                {flag: args("--dark", "DIR/plate.npy"), sees: bound(0, "counts")},
	"scan.flat":                {flag: args("--flat", "DIR/plate.npy"), sees: bound(0, "mask")},
	"scan.offset":              {flag: args("--offset", "1"), sees: bound(0, "counts")},
	"scan.gain":                {flag: args("--gain", "2"), sees: bound(0, "counts")},
	"scan.mask":                {with: args("--mask-polarity", "good"), flag: args("--mask", "DIR/plate.npy"), sees: bound(0, "mask")},
	"scan.mask-polarity":       {with: args("--mask", "DIR/plate.npy"), flag: args("--mask-polarity", "good"), sees: exitCode},
	"scan.hot-pixels":          {flag: args("--hot-pixels", "3,4;5,6"), sees: bound(0, "mask")},
	"scan.patterns":            {flag: args("--patterns", "exchange"), sees: answer},
	"scan.zero-frequency":      {flag: args("--zero-frequency", "corner"), sees: answer},
	"scan.centre":              {with: wide("--crop", "32"), flag: args("--centre", "29,33"), sees: bound(0, "counts")},
	"scan.bin":                 {with: wide(), flag: args("--bin", "2"), sees: bound(0, "mask")},
	"scan.pad":                 {flag: args("--pad", "32"), sees: answer},
	"scan.position-units":      {with: args("--pixel-size", "1um"), flag: args("--position-units", "mm"), sees: exitCode},
	"scan.pixel-size":          {with: micrometres, before: args("--pixel-size", "1um"), flag: args("--pixel-size", "1nm"), sees: exitCode},
	"scan.energy":              {with: energetic, before: args("--energy", "1keV"), flag: args("--energy", "1MeV"), sees: exitCode},
	"scan.electron-energy":     {with: energetic, before: args("--electron-energy", "1eV"), flag: args("--electron-energy", "1MeV"), sees: exitCode},
	"scan.wavelength":          {with: energetic, before: args("--wavelength", "1.24nm"), flag: args("--wavelength", "1.24pm"), sees: exitCode},
	"scan.distance":            {with: args("--position-units", "um", "--wavelength", "1.24nm", "--detector-pixel-size", "77.5um"), before: args("--distance", "1m"), flag: args("--distance", "1mm"), sees: exitCode},
	"scan.detector-pixel-size": {with: args("--position-units", "um", "--wavelength", "1.24nm", "--distance", "1m"), before: args("--detector-pixel-size", "77.5um"), flag: args("--detector-pixel-size", "10mm"), sees: exitCode},
	"scan.override":            {with: args("--position-units", "um", "--wavelength", "1.24nm", "--distance", "1m", "--detector-pixel-size", "77.5um", "--pixel-size", "1.2um"), flag: args("--override"), sees: exitCode},
	"scan.examine":             {with: args("--train-data-file", "DIR/marked.npz"), flag: args("--examine", "off"), sees: bound(0, "counts")},
	"scan.repair":              {with: args("--train-data-file", "DIR/marked.npz", "--trust-data"), flag: args("--repair", "frames"), sees: bound(0, "counts")},
	"scan.adapt-size":          {with: wide("--crop", "44"), flag: args("--adapt-size", "crop"), sees: bound(0, "counts")},
	"scan.shape":               {with: raw("--shape"), flag: args("--shape", "16,16"), sees: exitCode},
	"scan.dtype":               {with: raw("--dtype"), flag: args("--dtype", ">u2"), sees: exitCode},
	"scan.skip-bytes":          {with: raw("--skip-bytes"), flag: args("--skip-bytes", "4"), sees: exitCode},
	"scan.gap-bytes":           {with: raw("--gap-bytes"), flag: args("--gap-bytes", "8"), sees: exitCode},
	"scan.trust-data":          {with: args("--train-data-file", "DIR/marked.npz", "--repair", "none"), flag: args("--trust-data"), sees: exitCode},
}

// wide returns the arguments of a step with wide patterns.
func wide(more ...string) []string {
	return append(args("--train-data-file", "DIR/wide.npz", "--gridsize", "1", "--batch-size", "4", "--max-steps", "1"), more...)
}

var answer = observable{"notices", func(o *outcome) any { return o.stderr }}

var offsets = plan("offsets in the groups", func(p backend.StepPlan) any {
	var out []any
	for _, s := range p.Steps {
		for _, b := range s.Batches {
			out = append(out, b.Offsets)
		}
	}
	return fmt.Sprint(out)
})

// allTrainingTrips are those of train.
func allTrainingTrips() map[string]trip {
	all := maps.Clone(trainingTrips)
	maps.Copy(all, scanTrips)
	return all
}
