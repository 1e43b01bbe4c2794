//go:build unix

package track

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A failing server loses no value, never delays the training, and is reported once.
func TestSender_BadServerCostsNothing(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"hanging": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"500":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"429":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"HTML":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		},
		"refused": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(answer)
			defer s.Close()
			if answer == nil {
				s.Close()
			}
			dir, told := t.TempDir(), &notices{}
			address := strings.Replace(s.URL, "://", "://ada:secret@", 1)
			o := Options{TrackingURI: address, Notice: told.add, CloseWithin: 2500 * time.Millisecond, Later: "sending it again"}
			l := open(t, dir, Run{Name: "r", Experiment: "e"}, o, "csv", "mlflow")
			record(t, l, 1, 30)
			must(t, l.Close(Finished))
			lines := told.all()
			if len(lines) != 1 || !strings.Contains(lines[0], s.URL) || !strings.Contains(lines[0], "kept in mlflow/journal.jsonl") || !strings.HasSuffix(lines[0], "sending it again") {
				t.Errorf("the notices are %q", lines)
			}
			if got := strings.Count(text(t, dir, journalFile), `"values":{`); got != 33 { // 3 of them validations
				t.Errorf("%d rows are kept", got)
			}
			for _, line := range lines {
				if strings.Contains(line, "secret") {
					t.Errorf("a notice shows the password: %s", line)
				}
			}
			must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					if data, err := os.ReadFile(path); err != nil || strings.Contains(string(data), "secret") {
						t.Errorf("%s holds the password, or cannot be read: %v", path, err)
					}
				}
				return err
			}))
		})
	}
}

func TestSent_DamagedFileLosesNothing(t *testing.T) {
	for _, content := range []string{"", "{", `{"offset":-5}`, `{"offset":999999,"address":"http://other"}`} {
		dir := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(dir, "mlflow"), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, sentFile), []byte(content), 0o644))
		l := open(t, dir, Run{Experiment: "e"}, Options{TrackingURI: filepath.Join(dir, "runs")}, "mlflow")
		record(t, l, 1, 10)
		must(t, l.Close(Finished))
		losses, err := filepath.Glob(filepath.Join(dir, "runs", "*", "*", "metrics", "loss"))
		must(t, err)
		if len(losses) != 1 || strings.Count(text(t, losses[0]), "\n") != 10 {
			t.Errorf("with %q: %v", content, losses)
		}
	}
}

func TestOpen_RefusesUnusableAddress(t *testing.T) {
	for _, address := range []string{"sqlite:///mlflow.db", "http:", "ftp://host"} {
		_, err := Open([]string{"mlflow"}, Run{Dir: t.TempDir()}, Options{TrackingURI: address})
		if err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
