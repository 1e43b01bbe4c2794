package track

import (
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func none(string) string { return "" }

// host/track tests a real MLflow server. The answers here are wrong answers.
func TestClient_WrongAnswersAreOneSentence(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		body    string
		want    string
		refused bool
	}{
		"500 in HTML":       {500, "<!doctype html><title>500</title>", "answers 500 Internal Server Error", false},
		"503 in its form":   {503, `{"error_code":"TEMPORARILY_UNAVAILABLE","message":"x"}`, "answers 503", false},
		"429":               {429, `{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"x"}`, "answers 429 Too Many Requests", false},
		"401":               {401, "You are not authenticated.", "MLFLOW_TRACKING_USERNAME", false},
		"403":               {403, `{"error_code":"PERMISSION_DENIED"}`, "MLFLOW_TRACKING_TOKEN", false},
		"404 of another":    {404, "<h1>Not Found</h1>", "answers 404 Not Found", false},
		"400":               {400, `{"error_code":"INVALID_PARAMETER_VALUE","message":"no\nsecond line"}`, "no (400 INVALID_PARAMETER_VALUE)", true},
		"413 of a proxy":    {413, "<html>", "too large", true},
		"HTML":              {200, "<html>welcome</html>", "not that of an MLflow server", false},
		"truncated JSON":    {200, `{"run": {"info": {"run_`, "not that of an MLflow server", false},
		"empty JSON":        {200, `{}`, "lacks run_id", false},
		"JSON of the wrong": {200, `{"run": [1]}`, "not that of an MLflow server", false},
		"a redirect":        {302, "", "answers 302 Found", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer s.Close()
			client, err := dialMLflow(s.URL, none)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.CreateRun(t.Context(), "0", "run", time.Now(), nil)
			var refused *mlflowRefused
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || errors.As(err, &refused) != c.refused {
				t.Errorf("%v (refused %v), want %q", err, errors.As(err, &refused), c.want)
			}
		})
	}
}

func TestDial_CredentialsLikeMLflow(t *testing.T) {
	for name, c := range map[string]struct {
		env     map[string]string
		inside  string // before the host
		want    string
		address string
	}{
		"none":     {nil, "", "", ""},
		"password": {map[string]string{"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "secret", "MLFLOW_TRACKING_TOKEN": "t"}, "", "Basic YWRhOnNlY3JldA==", ""},
		"token":    {map[string]string{"MLFLOW_TRACKING_TOKEN": "t"}, "", "Bearer t", ""},
		"address":  {map[string]string{"MLFLOW_TRACKING_TOKEN": "t"}, "ada:secret@", "Basic YWRhOnNlY3JldA==", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
			defer s.Close()
			client, err := dialMLflow(strings.Replace(s.URL, "://", "://"+c.inside, 1)+"/", func(name string) string { return c.env[name] })
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Log(t.Context(), mlflowRun{ID: "r"}, mlflowBatch{}); err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("it sent %q, want %q", got, c.want)
			}
		})
	}
}

func TestClient_EndsWithoutAnswer(t *testing.T) {
	client, err := dialMLflow("http://127.0.0.1:1", none) // nothing listens on tcpmux
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Experiment(t.Context(), "e"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a refused connection: %v", err)
	}
}

func TestUpload_OnlyToServingServers(t *testing.T) {
	asked := ""
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.Method + " " + r.URL.EscapedPath() }))
	defer s.Close()
	client, err := dialMLflow(s.URL, none)
	if err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]string{
		"mlflow-artifacts:/1/ab/artifacts":             "PUT /api/2.0/mlflow-artifacts/artifacts/1/ab/artifacts/a%20b.png",
		"mlflow-artifacts://other:80/1/ab/artifacts/x": "PUT /api/2.0/mlflow-artifacts/artifacts/1/ab/artifacts/x/a%20b.png",
		"s3://bucket/1/ab/artifacts":                   "",
		"/data/mlruns/1/ab/artifacts":                  "",
	} {
		asked = ""
		err := client.Upload(t.Context(), mlflowRun{ID: "ab", ArtifactURI: uri}, "a b.png", strings.NewReader("png"), 3)
		var refused *mlflowRefused
		if asked != want || errors.As(err, &refused) != (want == "") {
			t.Errorf("%s: asked %q, want %q; %v", uri, asked, want, err)
		}
	}
}

func TestKey_WithinLimits(t *testing.T) {
	for in, want := range map[string]string{
		"loss": "loss", "a b/c.d-e_f:g": "a b/c.d-e_f:g", "µ(x)": "__x_", "/a//b/../c": "_/a/_/b/_./c", "": "_", ".": "_",
	} {
		if got := mlflowKey(in); got != want {
			t.Errorf("%q is called %q, want %q", in, got, want)
		}
	}
	if got := mlflowKey(strings.Repeat("k", 300)); len(got) != maxKey {
		t.Errorf("a long name has %d bytes", len(got))
	}
	for _, n := range []int{5998, 5999, 6000, 6001, 7000} {
		p := mlflowParam("p", strings.Repeat("é", n/2)+strings.Repeat("x", n%2))
		if len(p.Value) > maxParamValue || !utf8.ValidString(p.Value) || (n > maxParamValue) != strings.HasSuffix(p.Value, "…") {
			t.Errorf("a value of %d bytes became one of %d", n, len(p.Value))
		}
	}
	for v, want := range map[float64]string{math.Inf(1): "Infinity", 0.1: "0.1", 1e300: "1e+300"} {
		if got := mlflowNumber(v); got != want {
			t.Errorf("%v is spelt %s", v, got)
		}
	}
}

func TestFolder_ServerFolderOrRefused(t *testing.T) {
	for in, want := range map[string]string{
		"http://h:5000": "", "https://h/x": "", "mlruns": "mlruns", "/data/mlruns": "/data/mlruns", "file:///data/mlruns": "/data/mlruns",
		"file:mlruns": "mlruns", "file://localhost/data": "/data",
	} {
		if got, err := mlflowFolder(in); err != nil || got != want {
			t.Errorf("%s is the folder %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"sqlite:///mlflow.db", "databricks://profile", "postgresql://ada:secret@db/mlflow", "file://host/x"} {
		if _, err := mlflowFolder(in); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", in, err)
		}
	}
}
