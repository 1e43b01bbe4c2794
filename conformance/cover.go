package conformance

import (
	"maps"
	"slices"

	"github.com/ptychogo/ptycho/core/program"
)

// operations are the kinds of operation in the programs that a case compares with core/reference, value and gradient.
type operations struct {
	kinds    map[program.OpKind]bool
	programs int
}

// comparedOperations returns the operations of each case that compares operations, by the name of the case.
func comparedOperations() map[string]operations {
	out := map[string]operations{}
	for _, c := range comparisons() {
		kinds := map[program.OpKind]bool{}
		if c.single != "" {
			out[c.name] = operations{map[program.OpKind]bool{c.single: true}, 2}
			continue
		}
		for _, p := range c.programs {
			for _, op := range p.Ops {
				kinds[op.Kind] = true
			}
		}
		out[c.name] = operations{kinds, len(c.programs)}
	}
	return out
}

// coverFirst orders the cases for a run that may end early. The first cases together contain every operation; they are
// chosen one at a time, always the case that adds the most operations for each program that the backend has to compile.
// The other cases follow, the first of every level, then the second of every level, and so on.
func coverFirst(all []Case) []Case {
	rest, compared := slices.Clone(all), comparedOperations()
	covered := map[program.OpKind]bool{}
	var out []Case
	for {
		best, most := -1, 0.0
		for i, c := range rest {
			of := compared[c.Name]
			adds := 0
			for k := range of.kinds {
				if !covered[k] {
					adds++
				}
			}
			if each := float64(adds) / float64(of.programs); adds > 0 && each > most {
				best, most = i, each
			}
		}
		if best < 0 {
			return append(out, levelsInTurn(rest)...)
		}
		maps.Copy(covered, compared[rest[best].Name].kinds)
		out = append(out, rest[best])
		rest = slices.Delete(rest, best, best+1)
	}
}

// levelsInTurn takes a case of each level in turn.
func levelsInTurn(cases []Case) []Case {
	place, next := map[string]int{}, map[Level]int{}
	for _, c := range cases {
		place[c.Name] = next[c.Level]
		next[c.Level]++
	}
	slices.SortStableFunc(cases, func(a, b Case) int { return place[a.Name] - place[b.Name] })
	return cases
}

// Coverage lists the operations that a run of the suite has verified.
type Coverage struct {
	Covered []program.OpKind `json:"covered"` // operations in the programs of cases that passed
	Left    []program.OpKind `json:"left"`    // the other operations of core
}

// cover adds the operations of a case that passed.
func (r *Report) cover(by operations) {
	for k := range by.kinds {
		if i, found := slices.BinarySearch(r.Operations.Covered, k); !found {
			r.Operations.Covered = slices.Insert(r.Operations.Covered, i, k)
			r.Operations.Left = slices.DeleteFunc(r.Operations.Left, func(l program.OpKind) bool { return l == k })
		}
	}
}
