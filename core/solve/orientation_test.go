package solve

import "testing"

func TestOrientation_FlagNamesIt(t *testing.T) {
	for want, o := range map[string]Orientation{
		"none": {}, "exchange": {Transposed: true}, "flip-rows": {FlipRows: true}, "flip-columns": {FlipCols: true},
		"flip-rows,flip-columns": {FlipRows: true, FlipCols: true}, "exchange,flip-columns": {Transposed: true, FlipCols: true},
	} {
		if got := o.Flag(); got != want {
			t.Errorf("%v: --positions %s, want %s", o, got, want)
		}
	}
}
