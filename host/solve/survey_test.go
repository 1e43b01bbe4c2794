package solve

import (
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/core/simulate"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
)

// TestSurvey_StopsWithTheFlag: positions in another orientation end the command with the flag that corrects them; with trusted data the
// finding is recorded, and a sound scan has none.
func TestSurvey_StopsWithTheFlag(t *testing.T) {
	if testing.Short() {
		t.Skip("fits for seconds")
	}
	sim, err := simulate.New(t.Context(), simulate.Options{Object: simulate.Fields, Probe: simulate.Aberrated, N: 32, Height: 96, Patterns: 120, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	for is, trust := range map[iterative.Orientation]bool{{}: false, {FlipRows: true}: true, {Transposed: true}: false, (iterative.Orientation{}).Twin(): false} {
		data := sim.AsRead()
		data.Rows, data.Cols = is.Apply(data.Rows, data.Cols)
		said, found := 0, &dataset.Examined{}
		err := Survey{Threads: 1, TrustData: trust, Examined: found, Notice: func(string, ...any) { said++ }}.Positions(t.Context(), data, data)
		if is == (iterative.Orientation{}) {
			if err != nil || len(found.Findings)+said > 0 {
				t.Errorf("as they are: %v, %v, %d notices", err, found.Findings, said)
			}
			continue
		}
		if len(found.Findings) != 1 || found.Findings[0].ID != examine.Orientation || found.Findings[0].Severity != examine.Wrong {
			t.Errorf("%v: %+v", is, found.Findings)
		}
		if trust != (err == nil) || !trust && (host.ExitCode(err) != host.ExitData || !strings.Contains(err.Error(), "--positions "+is.Flag()) || !strings.Contains(err.Error(), "--trust-data")) {
			t.Errorf("%v, trusted %v: %v", is, trust, err)
		}
	}
}
