package train

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/train/loop"
)

// verified is a Keeper that writes no checkpoint of patterns that were changed while they were in use.
type verified struct {
	loop.Keeper
	inputs *inputs
}

// Last implements loop.Keeper.
func (v verified) Last(at loop.Position, state backend.State, optional bool) error {
	for _, s := range []*scan.Scan{v.inputs.Scan, v.inputs.Test} {
		if s == nil {
			continue
		}
		if err := dataset.Verify(context.Background(), s); err != nil {
			return err
		}
	}
	return v.Keeper.Last(at, state, optional)
}
