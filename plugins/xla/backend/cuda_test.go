package backend

import (
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/xla/library"
)

// A limit in bytes and a share of the GPU's memory both apply. Without them a batch must fit into XLA's default share.
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
		{"0.5", 20 << 30, 0, 0.5, 20 << 30}, // a driver that does not report the memory
	} {
		t.Setenv(fractionKey, c.share)
		fraction, bytes, err := memory(c.limit, c.card)
		if err != nil || fraction != c.fraction || bytes != c.bytes {
			t.Errorf("share %q, limit %d: %v, %d, error %v; want %v, %d", c.share, c.limit, fraction, bytes, err, c.fraction, c.bytes)
		}
	}
	for _, bad := range []string{"0", "-1", "1.5", "NaN", "half", "90%"} {
		t.Setenv(fractionKey, bad)
		if _, _, err := memory(0, card); backend.KindOf(err) != backend.Invalid {
			t.Errorf("%q: error %v, want it refused", bad, err)
		}
	}
}

// More GPUs than the driver shows are unavailable (exit code 13). The smallest of several GPUs limits the memory.
func TestSmallestCard_RefusesMoreGPUsThanThereAre(t *testing.T) {
	d := library.Driver{Cards: []library.Card{{Memory: 80 << 30}, {Memory: 40 << 30}}}
	if bytes, err := smallestCard(d, []int{0, 1}); err != nil || bytes != 40<<30 {
		t.Errorf("two GPUs of two: %d bytes, error %v", bytes, err)
	}
	if _, err := smallestCard(d, []int{0, 1, 2}); backend.KindOf(err) != backend.Unavailable || !strings.Contains(err.Error(), "cuda:2: the driver shows 2 GPUs") {
		t.Errorf("three GPUs of two: error %v", err)
	}
}

func TestFirstUsable_ReportsTheGPUThatIsNotUsable(t *testing.T) {
	gpu := backend.Device{ID: "cuda:0", Reason: "ptxas is missing"}
	cpu := backend.Device{ID: "cpu", Usable: true}
	for name, c := range map[string]struct {
		all    []backend.Device
		chosen string
		says   string
	}{
		"a GPU that lacks a part": {[]backend.Device{gpu, cpu}, "cpu", "cpu is used, because cuda:0 is not usable: ptxas is missing"},
		"no GPU":                  {[]backend.Device{cpu}, "cpu", ""},
		"a usable GPU":            {[]backend.Device{{ID: "cuda:0", Usable: true}, cpu}, "cuda:0", ""},
	} {
		said := ""
		if chosen := firstUsable(c.all, func(e backend.Event) { said += e.Message }); chosen != c.chosen || said != c.says {
			t.Errorf("%s: %s with %q, want %s with %q", name, chosen, said, c.chosen, c.says)
		}
	}
}
