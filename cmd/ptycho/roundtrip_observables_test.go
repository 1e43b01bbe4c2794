package main_test

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// observable is a property of a run that can be compared.
type observable struct {
	name string
	of   func(*outcome) any
}

// options observes the options with which the backend was opened.
func options(name string, of func(opened) any) observable {
	return observable{"opened with " + name, func(o *outcome) any {
		c := o.first("open")
		if c.Options == nil {
			return "was not opened: " + o.stderr
		}
		return of(*c.Options)
	}}
}

// plan observes all optimiser steps of the run as one plan.
func plan(name string, of func(backend.StepPlan) any) observable {
	return observable{"steps: " + name, func(o *outcome) any {
		var whole backend.StepPlan
		for i, c := range o.named("step") {
			if i == 0 {
				whole = *c.Plan
				continue
			}
			whole.Steps = append(whole.Steps, c.Plan.Steps...)
		}
		return of(whole)
	}}
}

// bound observes an array of the first, or another, dataset.
func bound(nth int, input string) observable {
	return observable{fmt.Sprintf("values of %s in dataset %d", input, nth), func(o *outcome) any {
		if all := o.named("bind"); nth < len(all) {
			return all[nth].Sums[input]
		}
		return "not bound: " + o.stderr
	}}
}

// reported observes a field of the report. A dot separates nested fields.
func reported(field string) observable {
	return observable{"report: " + field, func(o *outcome) any {
		var v any = o.report
		for _, name := range strings.Split(field, ".") {
			m, ok := v.(map[string]any)
			if !ok {
				return "no report: " + o.stderr
			}
			v = m[name]
		}
		return fmt.Sprint(v)
	}}
}

// number counts calls.
func number(calls string) observable {
	return observable{"number of calls: " + calls, func(o *outcome) any { return len(o.named(calls)) }}
}

var (
	exitCode   = observable{"exit code", func(o *outcome) any { return o.code }}
	operations = observable{"operations of the program", func(o *outcome) any { return strings.Join(o.first("open").Program, "\n") }}
	parameters = observable{"parameters of the program", func(o *outcome) any { return o.first("open").Parameters }}
	patterns   = observable{"patterns of the dataset", func(o *outcome) any { return o.first("bind").Patterns }}
	start      = observable{"initial weights", func(o *outcome) any { return o.first("state").Sums["weights"] }}
	batches    = observable{"patterns of each batch that is predicted", func(o *outcome) any {
		all := o.named("reconstruct")
		if len(all) == 0 {
			return o.stderr
		}
		return fmt.Sprint(all[len(all)-1].Batches)
	}}
	validationSizes = observable{"patterns of each batch of validation and previews", func(o *outcome) any {
		var all []string
		for _, name := range []string{"evaluate", "reconstruct"} {
			all = append(all, fmt.Sprint(o.first(name).Batches))
		}
		return strings.Join(all, " ")
	}}
	checkpoints = observable{"checkpoints", func(o *outcome) any { return fmt.Sprint(o.files("checkpoints")) }}
	previews    = observable{"files of previews", func(o *outcome) any { return len(o.files("previews")) }}
	stepRows    = observable{"rows of steps.csv", func(o *outcome) any { return strings.Count(o.text("steps.csv"), "\n") }}
	notices     = observable{"standard error is empty", func(o *outcome) any { return o.stderr == "" }}
	isJSON      = observable{"standard output is JSON", func(o *outcome) any { return o.report != nil }}
	logLines    = observable{"log lines on standard error", func(o *outcome) any { return strings.Contains(o.stderr, "[TRACE]") }}
	firstStep   = observable{"first step that is done", func(o *outcome) any {
		if c := o.first("step"); c.Plan != nil && len(c.Plan.Steps) > 0 {
			return c.Plan.Steps[0].Number
		}
		return o.stderr
	}}
	written = observable{"the run folder in the report", func(o *outcome) any {
		dir, _ := o.report["output_dir"].(string)
		rel, err := filepath.Rel(o.dir, dir)
		if err != nil {
			return dir
		}
		return rel
	}}

	rates = plan("learning rates", func(p backend.StepPlan) any {
		var out []float64
		for _, s := range p.Steps {
			out = append(out, s.LearningRates[""])
		}
		return fmt.Sprint(out)
	})
	groups = plan("patterns of the groups", func(p backend.StepPlan) any {
		var out []any
		for _, s := range p.Steps {
			for _, b := range s.Batches {
				out = append(out, b.Rows)
			}
		}
		return fmt.Sprint(out)
	})
	batchSizes = plan("patterns of each micro-batch", func(p backend.StepPlan) any {
		var out []int
		for _, s := range p.Steps {
			out = append(out, sizes(s.Batches)...)
		}
		return fmt.Sprint(out)
	})
	microBatches = plan("micro-batches of a step", func(p backend.StepPlan) any {
		if len(p.Steps) == 0 {
			return 0
		}
		return len(p.Steps[0].Batches)
	})
	stepsDone = plan("number", func(p backend.StepPlan) any { return len(p.Steps) })
	losses    = plan("losses", func(p backend.StepPlan) any { return fmt.Sprint(p.LossWeights) })
	optimiser = plan("optimiser", func(p backend.StepPlan) any { return fmt.Sprintf("%+v", p.Optimiser) })
	clipping  = plan("clipping", func(p backend.StepPlan) any { return fmt.Sprintf("%+v", p.Clip) })
	averaging = plan("decay of the moving average", func(p backend.StepPlan) any { return p.EMADecay })
)
