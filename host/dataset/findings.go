package dataset

import (
	"context"

	"github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/host"
)

// Findings examines the scan of a conversion, which it reads again. The result of the conversion is the scan as it is.
func (o Conversion) Findings(ctx context.Context) ([]examine.Finding, error) {
	spool := NewSpool()
	defer spool.Remove()
	source := o.source()
	source.Spool = spool
	s, err := source.Read(ctx, nil)
	if err != nil {
		return nil, err
	}
	found, err := examine.Scan(ctx, s)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, host.Fail(host.ExitData, err)
	}
	return append([]examine.Finding{}, found...), nil // [] in JSON, not null
}
