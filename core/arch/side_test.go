package arch

import "testing"

func TestSides_AreTheNearest(t *testing.T) {
	for _, c := range []struct {
		name        string
		n, down, up int
	}{{"unet", 64, 64, 64}, {"unet", 66, 64, 72}, {"unet", 71, 64, 72}, {"unet", 12, 0, 16}, {"unet", 1030, 1024, 0}, {"cnn", 64, 64, 64}, {"cnn", 66, 64, 128}, {"cnn", 62, 0, 64}, {"cnn", 300, 256, 0}, {"none", 64, 0, 0}} {
		if down, up := Sides(c.name, c.n); down != c.down || up != c.up {
			t.Errorf("%s, %d: %d and %d, want %d and %d", c.name, c.n, down, up, c.down, c.up)
		}
	}
}
