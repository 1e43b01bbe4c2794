package reference

import (
	"maps"

	"github.com/ptychogo/ptycho/core/program"
)

// meanings has one entry for each operation of core/program.
var meanings = joined(elementwiseMeanings, structureMeanings, networkMeanings, complexMeanings, physicsMeanings, lossMeanings)

func joined(families ...map[program.OpKind]meaning) map[program.OpKind]meaning {
	out := map[program.OpKind]meaning{}
	for _, f := range families {
		maps.Copy(out, f)
	}
	return out
}
