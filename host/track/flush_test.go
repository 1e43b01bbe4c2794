//go:build unix

package track

import (
	"context"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// ledger is a tracking server that stores nothing. It answers the calls of a run, and requires a password if it has one.
type ledger struct {
	mu       sync.Mutex
	password string
	requests int
	seen     []string // Authorization headers
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	l.seen = append(l.seen, r.Header.Get("Authorization"))
	if _, password, _ := r.BasicAuth(); l.password != "" && password != l.password {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answer := map[string]any{}
	switch {
	case strings.Contains(r.URL.Path, "experiments/get-by-name"):
		answer["experiment"] = map[string]string{"experiment_id": "1"}
	case strings.Contains(r.URL.Path, "runs/"):
		answer["run"] = map[string]any{"info": map[string]string{"run_id": "r1", "experiment_id": "1", "artifact_uri": "mlflow-artifacts:/1/r1"}}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (l *ledger) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests
}

// recordAt records a whole run at an address, with a variable of the environment.
func recordAt(t *testing.T, dir, address string, env map[string]string) *notices {
	t.Helper()
	told := &notices{}
	o := Options{TrackingURI: address, Notice: told.add, CloseWithin: 1500 * time.Millisecond, Getenv: func(name string) string { return env[name] }}
	l := open(t, dir, Run{Name: "r", Experiment: "e", Params: map[string]string{"execution.mlflow-uri": ""}}, o, "mlflow")
	record(t, l, 1, 5)
	must(t, l.Close(Finished))
	return told
}

// unused is an address without a server, on which a server can be started later.
func unused(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return listener.Addr().String()
}

func serveAt(t *testing.T, at string, h http.Handler) {
	t.Helper()
	listener, err := net.Listen("tcp", at)
	must(t, err)
	s := httptest.NewUnstartedServer(h)
	must(t, s.Listener.Close())
	s.Listener = listener
	s.Start()
	t.Cleanup(s.Close)
}

func holds(t *testing.T, dir, secret string) []string {
	t.Helper()
	var found []string
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			data, err := os.ReadFile(path)
			must(t, err)
			if strings.Contains(string(data), secret) {
				found = append(found, path)
			}
		}
		return err
	}))
	return found
}

// TestFlush_NeverClaimsWhatNoServerConfirmed uses a server that is down for the whole run, with its address in the setting or
// in the environment. Nothing may be sent elsewhere or be reported as sent.
func TestFlush_NeverClaimsWhatNoServerConfirmed(t *testing.T) {
	for name, byEnvironment := range map[string]bool{"setting": false, "environment": true} {
		t.Run(name, func(t *testing.T) {
			at, dir := unused(t), t.TempDir()
			address, env := "http://ada:s3cret@"+at, map[string]string{}
			if byEnvironment {
				address, env = "", map[string]string{"MLFLOW_TRACKING_URI": address}
			}
			recordAt(t, dir, address, env)
			none := Options{Getenv: func(string) string { return "" }}
			report, err := Flush(t.Context(), dir, none)
			if err == nil || report.Sent != 0 || report.Left == 0 || !strings.Contains(err.Error(), at) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%+v, %v", report, err)
			}
			if _, err := os.Stat(filepath.Join(dir, mlrunsFolder)); err == nil {
				t.Error("the run was written to a folder that nobody asked for")
			}
			other := &ledger{}
			elsewhere := httptest.NewServer(other)
			defer elsewhere.Close()
			serveAt(t, at, &ledger{})
			report, err = Flush(t.Context(), dir, Options{Getenv: func(name string) string {
				return map[string]string{"MLFLOW_TRACKING_URI": elsewhere.URL}[name]
			}})
			if err != nil || report.Sent == 0 || report.Left != 0 || !report.Server || report.Address != "http://"+at || other.asked() != 0 {
				t.Errorf("%+v, %v, another server was asked %d times", report, err, other.asked())
			}
			if found := holds(t, dir, "s3cret"); len(found) > 0 {
				t.Errorf("the password is in %v", found)
			}
		})
	}
}

// TestFlush_AsksForThePasswordAgain checks each way to give the password, and the error without it.
func TestFlush_AsksForThePasswordAgain(t *testing.T) {
	server := &ledger{password: "s3cret"}
	s := httptest.NewServer(server)
	defer s.Close()
	withPassword := strings.Replace(s.URL, "://", "://ada:s3cret@", 1)
	for name, env := range map[string]map[string]string{
		"none":     {},
		"wrong":    {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "wr0ng"},
		"address":  {"MLFLOW_TRACKING_URI": withPassword},
		"password": {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "s3cret"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			told := recordAt(t, dir, s.URL, nil)
			if lines := strings.Join(told.all(), "\n"); !strings.Contains(lines, "MLFLOW_TRACKING_PASSWORD") {
				t.Errorf("a run whose server refuses says %q", lines)
			}
			report, err := Flush(context.Background(), dir, Options{Getenv: func(name string) string { return env[name] }})
			if name == "none" || name == "wrong" {
				if err == nil || report.Sent != 0 || !strings.Contains(err.Error(), "set MLFLOW_TRACKING_USERNAME") || strings.Contains(err.Error(), "wr0ng") {
					t.Errorf("%+v, %v", report, err)
				}
				return
			}
			if err != nil || report.Left != 0 || report.Sent == 0 {
				t.Errorf("%+v, %v", report, err)
			}
			if found := holds(t, dir, "s3cret"); len(found) > 0 {
				t.Errorf("the password is in %v", found)
			}
		})
	}
}

// TestFlush_GivesNoPasswordToAServerThatOnlyTheRunNames uses a run directory from another person.
func TestFlush_GivesNoPasswordToAServerThatOnlyTheRunNames(t *testing.T) {
	evil := &ledger{}
	s := httptest.NewServer(evil)
	dir := t.TempDir()
	recordAt(t, dir, "http://"+unused(t), nil)
	must(t, os.WriteFile(filepath.Join(dir, sentFile), []byte(`{"address":"`+s.URL+`"}`), 0o600))
	defer s.Close()
	told := &notices{}
	env := map[string]string{"MLFLOW_TRACKING_URI": "https://mlflow.example", "MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "s3cret", "MLFLOW_TRACKING_TOKEN": "s3cret"}
	if _, err := Flush(t.Context(), dir, Options{Notice: told.add, Getenv: func(name string) string { return env[name] }}); err != nil {
		t.Fatal(err)
	}
	if evil.asked() == 0 || strings.Join(evil.seen, "") != "" || !strings.Contains(strings.Join(told.all(), ""), "are not sent to the run's server") {
		t.Errorf("the server was sent %q; the notices are %q", evil.seen, told.all())
	}
}
