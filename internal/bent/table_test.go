package bent

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ptychogo/ptycho/host"
)

// report prints how runs ended, by command and by the last corruption.
func report(all []outcome) {
	ends := []int{0, host.ExitBackend, host.ExitDevice, host.ExitCrashed, host.ExitDiverged}
	rows := map[string]map[int]int{}
	add := func(row string, o outcome) {
		if rows[row] == nil {
			rows[row] = map[int]int{}
		}
		if len(o.faults) > 0 {
			rows[row][-1]++
			return
		}
		rows[row][o.code]++
	}
	answers := 0
	for _, o := range all {
		answers += len(o.changes)
		add("all "+o.command, o)
		if len(o.changes) > 0 {
			last := o.changes[len(o.changes)-1] // the change that ended the run, or that passed
			add(last.How+" "+last.Where, o)
		}
	}
	fmt.Printf("%d runs, %d answers corrupted\n\n%-60s %8s", len(all), answers, "last corruption", "runs")
	for _, c := range ends {
		fmt.Printf(" %7s", fmt.Sprint("exit ", c))
	}
	fmt.Printf(" %7s\n", "faults")
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		sum := 0
		for _, n := range rows[row] {
			sum += n
		}
		fmt.Printf("%-60s %8d", row, sum)
		for _, c := range append(ends, -1) {
			fmt.Printf(" %7d", rows[row][c])
		}
		fmt.Println()
	}
}
