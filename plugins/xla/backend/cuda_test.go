package backend

import (
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

// A limit in bytes and a share of the GPU's memory both hold; without them XLA's own share is what a batch has to fit in.
func TestMemory_TakesTheSmallerOfLimitAndShare(t *testing.T) {
	const card = 80 << 30
	for _, c := range []struct {
		share       string
		limit, card int64
		fraction    float64
		bytes       int64
	}{
		{"", 0, card, 0, 60 << 30},
		{"", 20 << 30, card, 0.25, 20 << 30},
		{"0.5", 0, card, 0.5, 40 << 30},
		{"0.5", 20 << 30, card, 0.25, 20 << 30},
		{"0.125", 20 << 30, card, 0.125, 10 << 30},
		{"", 100 << 30, card, 1, 80 << 30},
		{"0.5", 20 << 30, 0, 0.5, 20 << 30}, // a driver that does not tell the memory
	} {
		t.Setenv(FractionKey, c.share)
		fraction, bytes, err := memory(c.limit, c.card)
		if err != nil || fraction != c.fraction || bytes != c.bytes {
			t.Errorf("share %q, limit %d: %v, %d, error %v; want %v, %d", c.share, c.limit, fraction, bytes, err, c.fraction, c.bytes)
		}
	}
	for _, bad := range []string{"0", "-1", "1.5", "NaN", "half", "90%"} {
		t.Setenv(FractionKey, bad)
		if _, _, err := memory(0, card); backend.KindOf(err) != backend.Invalid {
			t.Errorf("%q: error %v, want it refused", bad, err)
		}
	}
}
