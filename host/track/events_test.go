//go:build unix

package track

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shown is a run as TensorBoard shows it.
type shown struct {
	Scalars map[string][][2]any `json:"scalars"` // step, value
	Images  map[string][][4]any `json:"images"`  // step, width, height, base64
	Texts   map[string][][2]any `json:"texts"`
}

// steps returns the steps and values of a tag as text.
func (s shown) steps(tag string) string {
	var b strings.Builder
	for _, v := range s.Scalars[tag] {
		fmt.Fprintf(&b, "%v:%v ", v[0], v[1])
	}
	return b.String()
}

// losses returns the loss values that record logs, in float32.
func losses(from, to, every int, numerator float64) string {
	var b strings.Builder
	for step := from; step <= to; step++ {
		if step%every == 0 {
			fmt.Fprintf(&b, "%d:%v ", step, float64(float32(numerator/float64(step))))
		}
	}
	return b.String()
}

// preview returns a small PNG file.
func preview(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 6, 4)) // 4 rows, 6 columns
	for i := range 6 {
		img.Set(i, i%4, color.RGBA{255, uint8(40 * i), 0, 255})
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, img))
	return b.Bytes()
}

func TestEvents_ResumedEqualsUninterrupted(t *testing.T) {
	python := python(t, "tensorboard")
	dir := t.TempDir()
	folder := filepath.Join(dir, eventDir)
	run := Run{Params: map[string]string{"batch_size": "16", "comment": "a|b"}}
	picture := preview(t)

	l := open(t, dir, run, Options{}, "tensorboard")
	must(t, l.Picture(0, "phase", picture))
	record(t, l, 1, 27)
	must(t, l.Scalars(28, 2.8, map[string]float64{"loss": math.NaN()}))
	must(t, l.Picture(28, "phase", picture))
	must(t, l.Sync())
	var before, after, fresh shown
	next := script(t, python, &before, "events.py", folder, "follow")
	if got, want := before.steps("loss"), losses(1, 27, 1, 1)+"28:NaN "; got != want {
		t.Errorf("a running TensorBoard shows\n%s\nwant\n%s", got, want)
	}

	// The process is killed in the middle of a record.
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	must(t, err)
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write([]byte{40, 0, 0, 0, 0, 0, 0, 0, 1, 2})
	must(t, err)
	must(t, f.Close())

	run.Resumed, run.Step = true, 20
	l = open(t, dir, run, Options{}, "tensorboard")
	record(t, l, 21, 33)
	must(t, l.Rewind(30))
	record(t, l, 31, 40)
	must(t, l.Picture(40, "phase", picture))
	must(t, l.Close(Finished))
	next("", &after)
	script(t, python, &fresh, "events.py", folder)
	for name, s := range map[string]shown{"a TensorBoard that was running": after, "one that starts now": fresh} {
		if got, want := s.steps("loss"), losses(1, 40, 1, 1); got != want {
			t.Errorf("%s shows\n%s\nwant\n%s", name, got, want)
		}
		if got, want := s.steps("validation_loss"), losses(1, 40, 10, 2); got != want {
			t.Errorf("%s shows validation\n%s\nwant\n%s", name, got, want)
		}
		if want := fmt.Sprint([][4]any{{0, 6, 4, base64.StdEncoding.EncodeToString(picture)}, {40, 6, 4, base64.StdEncoding.EncodeToString(picture)}}); fmt.Sprint(s.Images["phase"]) != want {
			t.Errorf("%s shows the pictures %v", name, s.Images)
		}
		if got := fmt.Sprint(s.Texts); !strings.Contains(got, "| batch_size | 16 |") || !strings.Contains(got, `| comment | a\|b |`) {
			t.Errorf("%s shows the settings as %s", name, got)
		}
	}
}

func TestEvents_ReadAfterCutFile(t *testing.T) {
	python := python(t, "tensorboard")
	dir := t.TempDir()
	l := open(t, dir, Run{}, Options{}, "tensorboard")
	record(t, l, 1, 5)
	must(t, l.Close(Killed))
	files, err := filepath.Glob(filepath.Join(dir, eventDir, "*"))
	must(t, err)
	whole := []byte(text(t, files[0]))
	for _, cut := range []int{1, 3, 4, 5, 20, 60} { // in the last checksum, the last payload, at the end of a record
		must(t, os.WriteFile(files[0], whole[:len(whole)-cut], 0o644))
		var steps []int
		script(t, python, &steps, "events.py", files[0], "records")
		if got := fmt.Sprint(steps); got != "[0 0 1 2 3 4]" {
			t.Errorf("%d bytes short: records of steps %s", cut, got)
		}
	}
}

// The TensorBoard program reads files with other code than its Python package.
//
// Long: one run from its beginning to its end.
func TestEvents_ServerShowsEachStepOnce(t *testing.T) {
	python := python(t, "tensorboard")
	dir := t.TempDir()
	l := open(t, dir, Run{}, Options{}, "tensorboard")
	record(t, l, 1, 27)
	must(t, l.Close(Killed))
	l = open(t, dir, Run{Resumed: true, Step: 20}, Options{}, "tensorboard")
	record(t, l, 21, 40)
	must(t, l.Picture(40, "phase", preview(t)))
	must(t, l.Close(Finished))

	cmd := exec.Command(python, "-m", "tensorboard.main", "--logdir", dir, "--port", "0", "--host", "127.0.0.1")
	cmd.Dir = t.TempDir() // not among the folders of this package, which Python would import
	out, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	address, said := "", make([]byte, 0, 4096)
	for buffer := make([]byte, 1024); address == ""; {
		n, err := out.Read(buffer)
		said = append(said, buffer[:n]...)
		if found := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).Find(said); found != nil {
			address = string(found)
		} else if err != nil {
			t.Fatalf("tensorboard did not start: %s", said)
		}
	}
	go io.Copy(io.Discard, out) // its further output

	get := func(into any, plugin string, query url.Values) {
		t.Helper()
		time.Sleep(20 * time.Millisecond) // between looks
		answer, err := http.Get(address + "data/plugin/" + plugin + "?" + query.Encode())
		must(t, err)
		defer answer.Body.Close()
		must(t, json.NewDecoder(answer.Body).Decode(into))
	}
	var tags map[string]map[string]any
	for len(tags[eventDir]) == 0 { // it reads in the background
		get(&tags, "scalars/tags", nil)
	}
	var points [][3]float64 // time, step, value
	for len(points) < 40 {
		get(&points, "scalars/scalars", url.Values{"run": {eventDir}, "tag": {"loss"}})
	}
	var b strings.Builder
	for _, p := range points {
		fmt.Fprintf(&b, "%v:%v ", p[1], p[2])
	}
	if got, want := b.String(), losses(1, 40, 1, 1); got != want {
		t.Errorf("it shows\n%s\nwant\n%s", got, want)
	}
	var images []map[string]any
	get(&images, "images/images", url.Values{"run": {eventDir}, "tag": {"phase"}, "sample": {"0"}})
	if len(images) != 1 || images[0]["step"] != 40.0 {
		t.Errorf("it shows the pictures %v", images)
	}
}
