package backend

import (
	"maps"

	"github.com/ptychogo/ptycho/core/program"
)

// rules has one entry for each operation of core/program, joined from the tables of the other files.
var rules = joined(elementwiseRules, structureRules, networkRules, complexRules, farFieldRules, groupRules, lossRules)

func joined(families ...map[program.OpKind]rule) map[program.OpKind]rule {
	out := map[program.OpKind]rule{}
	for _, f := range families {
		maps.Copy(out, f)
	}
	return out
}
