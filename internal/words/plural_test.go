package words

import "testing"

func TestOf_OneIsSingular(t *testing.T) {
	for _, c := range []struct {
		n    int
		noun string
		want string
	}{
		{0, "pattern", "0 patterns"},
		{1, "pattern", "1 pattern"},
		{2, "pattern", "2 patterns"},
		{1, "training pattern", "1 training pattern"},
		{3, "training pattern", "3 training patterns"},
		{2, "entry", "2 entries"},
		{2, "axis", "2 axes"},
		{2, "batch", "2 batches"},
		{2, "epoch", "2 epochs"},
		{2, "key", "2 keys"},
		{2, "pass", "2 passes"},
	} {
		if got := Of(c.n, c.noun); got != c.want {
			t.Errorf("%d of %s: %q, want %q", c.n, c.noun, got, c.want)
		}
	}
}
