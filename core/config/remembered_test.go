package config

import "testing"

func TestRemembered_NamesFilesFromAnyFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	s := ScanSettings{Preparation: Preparation{Dark: "dark.npy", Flat: "/entry/flat", Mask: "sub/mask.h5:/bad_pixels"}}
	got := s.Remembered()
	here := absolute("x")[:len(absolute("x"))-1]
	if got["dark"] != here+"dark.npy" || got["flat"] != "/entry/flat" || got["mask"] != here+"sub/mask.h5:/bad_pixels" || here[0] != '/' {
		t.Errorf("%v", got)
	}
}
