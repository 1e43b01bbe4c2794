package config

import "testing"

func TestAdaptedSide_ChangesTheFewestPixels(t *testing.T) {
	for _, c := range []struct {
		arch, mode string
		n, want    int
	}{
		{"unet", "auto", 64, 64}, {"unet", "auto", 66, 64}, {"unet", "auto", 70, 72}, {"unet", "auto", 68, 72}, {"unet", "crop", 70, 64}, {"unet", "pad", 66, 72}, {"unet", "off", 66, 66},
		{"cnn", "auto", 100, 128}, {"cnn", "auto", 130, 128}, {"cnn", "pad", 300, 300}, {"cnn", "auto", 300, 256}, {"cnn", "crop", 62, 62}, {"cnn", "auto", 62, 64},
	} {
		d, err := Check(Train, Set("training.train-data-file=a.npz", "training.output-dir=b", "model.arch="+c.arch, "scan.adapt-size="+c.mode))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.AdaptedSide(c.n); got != c.want {
			t.Errorf("%s, %s: %d becomes %d, want %d", c.arch, c.mode, c.n, got, c.want)
		}
	}
}
