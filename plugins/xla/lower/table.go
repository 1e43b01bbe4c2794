package lower

import (
	"maps"

	"github.com/ptychogo/ptycho/core/program"
)

// rules has one entry for each operation of core/program: the rows of the files that hold them.
var rules = joined(elementwiseRules, structureRules, networkRules, complexRules, farFieldRules, groupRules, lossRules)

func joined(families ...map[program.OpKind]rule) map[program.OpKind]rule {
	out := map[program.OpKind]rule{}
	for _, f := range families {
		maps.Copy(out, f)
	}
	return out
}
