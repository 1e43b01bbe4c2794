package backend

import "testing"

func TestOptionsThatAreNotListedAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		o     OpenOptions
		needs Capability
	}{
		"workers that stay": {OpenOptions{Persistent: true}, CanPersist},
		"pinned memory":     {OpenOptions{PinMemory: true}, CanPin},
		"two devices":       {OpenOptions{Devices: []string{"cuda:0", "cuda:1"}}, CanDevices},
		"a strategy":        {OpenOptions{Strategy: "ddp"}, CanStrategy},
	} {
		all := []Capability{CanTrain, CanPersist, CanPin, CanDevices, CanStrategy}
		if err := c.o.Check(Info{Name: "b", Capabilities: all}); err != nil {
			t.Errorf("%s is listed and refused: %v", name, err)
		}
		var others []Capability
		for _, have := range all {
			if have != c.needs {
				others = append(others, have)
			}
		}
		if err := c.o.Check(Info{Name: "b", Capabilities: others}); KindOf(err) != Unsupported {
			t.Errorf("%s is not listed: %v, want unsupported", name, err)
		}
	}
	if err := (OpenOptions{Devices: []string{"cpu"}}).Check(Info{}); err != nil {
		t.Errorf("one device: %v", err)
	}
	for name, o := range map[string]OpenOptions{"threads": {Threads: -1}, "workers": {Workers: -1}, "prefetch": {Prefetch: -1}, "memory": {MemoryLimit: -1}} {
		if err := o.Check(Info{}); KindOf(err) != Invalid {
			t.Errorf("negative %s: %v, want invalid", name, err)
		}
	}
}
