package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ptychogo/ptycho/internal/words"
)

// kindLate marks the trials that the time limit prevented.
const kindLate = "not tried"

// row sums the outcomes of one kind and command.
type row struct {
	outcome
	trials int
	names  map[string]int // of the system calls
}

// printTable prints one line for each kind and command and one with the totals. It reports whether any count that must be 0
// is not.
func printTable(out io.Writer, all []*outcome) bool {
	rows := map[string]*row{}
	total := &row{}
	skipped := map[string]bool{}
	late := 0
	for _, o := range all {
		if o.Kind == kindLate {
			late += o.Number
			continue
		}
		if o.Skipped != "" {
			skipped[o.Kind+": skipped: "+o.Skipped] = true
			continue
		}
		key := o.Kind + ": " + o.Command
		if rows[key] == nil {
			rows[key] = &row{names: map[string]int{}}
		}
		rows[key].sum(o)
		total.sum(o)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "count\tlost\tin memory\ton disk\tother bits\tprocesses\tfailures\t  kind")
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		rows[key].print(w, key)
	}
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		fmt.Fprintf(w, "-\t-\t-\t-\t-\t-\t-\t  %s\n", reason)
	}
	total.print(w, "all")
	w.Flush()
	if late > 0 {
		fmt.Fprintf(out, "The time limit prevented %s: raise MINUTES.\n", words.Of(late, "trial"))
	}
	return total.bad() || late > 0
}

func (r *row) sum(o *outcome) {
	r.trials++
	r.Done += o.Done
	r.Lost += o.Lost
	r.Memory += o.Memory
	r.Disk += o.Disk
	r.Bits += o.Bits
	r.Processes += o.Processes
	r.Failures += o.Failures
	if o.Kind == kindCall && o.Done > 0 && r.names != nil {
		r.names[o.Note]++
	}
}

func (r *row) print(w io.Writer, name string) {
	var parts []string
	for _, call := range slices.Sorted(maps.Keys(r.names)) {
		parts = append(parts, fmt.Sprintf("%s %d", call, r.names[call]))
	}
	if len(parts) > 0 {
		name += " (" + strings.Join(parts, ", ") + ")"
	}
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t  %s\n", r.Done, r.Lost, r.Memory, r.Disk, r.Bits, r.Processes, r.Failures, name)
}
