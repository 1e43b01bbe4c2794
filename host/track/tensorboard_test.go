package track

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/host/output"
)

// The vectors of RFC 3720, B.4, with the mask. iSCSI's CRC is CRC-32C.
func TestMasked_IsMaskedCRC32C(t *testing.T) {
	mask := func(c uint32) uint32 { return (c>>15 | c<<17) + 0xa282ead8 }
	ascending := make([]byte, 32)
	for i := range ascending {
		ascending[i] = byte(i)
	}
	for name, c := range map[string]struct {
		data []byte
		crc  uint32
	}{
		"zeros":     {make([]byte, 32), 0x8a9136aa},
		"ones":      {bytes.Repeat([]byte{0xff}, 32), 0x62a8ab43},
		"ascending": {ascending, 0x46dd794e},
	} {
		if got := masked(c.data); got != mask(c.crc) {
			t.Errorf("%s: %#x, want %#x", name, got, mask(c.crc))
		}
	}
	// The head of a record of 24 bytes, as at the beginning of TensorFlow's files.
	want := []byte{0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22}
	if got := appendRecord(nil, make([]byte, 24))[:12]; !bytes.Equal(got, want) {
		t.Errorf("the head of a record is % x, want % x", got, want)
	}
}

func TestReadRecord_DetectsDamage(t *testing.T) {
	at := time.Unix(1700000000, 0)
	whole := appendRecord(nil, scalarsEvent(at, 7, map[string]float64{"loss": 0.5}))
	payload, rest, err := readRecord(whole)
	if err != nil || len(rest) != 0 {
		t.Fatalf("the whole record: %d bytes left, %v", len(rest), err)
	}
	if step, err := event(payload).Step(); err != nil || step != 7 {
		t.Errorf("its step is %d, %v", step, err)
	}
	for n := 1; n < len(whole); n++ {
		if _, _, err := readRecord(whole[:n]); !errors.Is(err, errTorn) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
		broken := slices.Clone(whole)
		broken[n] ^= 1
		if _, _, err := readRecord(broken); !errors.Is(err, errTorn) {
			t.Errorf("byte %d changed: %v", n, err)
		}
	}
	if _, _, err := readRecord(nil); !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v", err)
	}
}

func TestRewind_RemovesLaterSteps(t *testing.T) {
	dir := t.TempDir()
	root, err := output.OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	at := time.Unix(1700000000, 0)
	for first := 1; first <= 21; first += 10 { // files of steps 1..10, 11..20, 21..30
		f, err := createEventFile(root, "tb", at, first-1)
		if err != nil {
			t.Fatal(err)
		}
		for step := first; step < first+10; step++ {
			if err := f.Write(scalarsEvent(at, step, map[string]float64{"loss": 1})); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := rewindEventFiles(root, "tb", 14); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "tb", "*"))
	if err != nil || len(names) != 2 {
		t.Fatalf("%v is left, %v", names, err)
	}
	var steps []int
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for {
			var payload []byte
			if payload, data, err = readRecord(data); err != nil {
				break
			}
			if step, err := event(payload).Step(); err == nil && event(payload).has(eventSummary) {
				steps = append(steps, step)
			}
		}
		if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
	if want := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}; !slices.Equal(steps, want) {
		t.Errorf("steps %v are left", steps)
	}
}

func TestImage_RefusesOtherData(t *testing.T) {
	if _, err := imageEvent(time.Now(), 1, "phase", []byte("GIF89a")); err == nil {
		t.Error("it was taken")
	}
}

func FuzzReadRecord(f *testing.F) {
	at := time.Unix(1700000000, 0)
	f.Add(appendRecord(appendRecord(nil, header(at)), textEvent(at, 1, "settings", "| a | b |")))
	f.Add(appendRecord(nil, start(at, 5)))
	f.Fuzz(func(t *testing.T, data []byte) {
		kept, _, dropped := until(data, 3)
		if again, _, torn := until(kept, 3); torn || !bytes.Equal(again, kept) {
			t.Error("what was kept is not whole")
		}
		if !dropped && !bytes.Equal(kept, data) {
			t.Error("lost values were not reported")
		}
		_, _ = event(data).Step()
	})
}
