package track

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/internal/disk"

	"github.com/ptychogo/ptycho/internal/words"
)

// maxCertificates limits the size of a file of certificates, in bytes.
const maxCertificates = 16 << 20

// patience limits the time of a call, and uploadPatience that of an upload.
const (
	patience       = 10 * time.Second
	uploadPatience = 2 * time.Minute
)

// maxAnswer limits the size of an answer, in bytes. Answers are far smaller.
const maxAnswer = 1 << 20

// mlflowClient is a client of a tracking server.
type mlflowClient struct {
	base     string // without a slash at its end, without credentials
	user     string
	password string
	token    string
	http     *http.Client
}

// dialMLflow returns a client and sends nothing. Credentials come from the address or, as in MLflow's client, from
// MLFLOW_TRACKING_USERNAME and _PASSWORD, or from MLFLOW_TRACKING_TOKEN. MLFLOW_TRACKING_INSECURE_TLS and
// MLFLOW_TRACKING_SERVER_CERT_PATH determine which certificates are accepted.
func dialMLflow(given string, getenv func(string) string) (*mlflowClient, error) {
	u, err := url.Parse(given)
	public := words.Address(given)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("MLflow: %s is not a valid http address; in a user name or password, write @ : / ? # %% as %%40 %%3A %%2F %%3F %%23 %%25", public)
	}
	if shown, err := url.Parse(public); err != nil || shown.Host != u.Host { // the two parsers disagree about the host
		return nil, fmt.Errorf("MLflow: the address contains an @ that does not end a password; write it as %%40")
	}
	c := &mlflowClient{user: getenv("MLFLOW_TRACKING_USERNAME"), password: getenv("MLFLOW_TRACKING_PASSWORD"), token: getenv("MLFLOW_TRACKING_TOKEN")}
	if u.User != nil {
		c.user = u.User.Username()
		c.password, _ = u.User.Password()
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // the standard library's own
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	switch insecure, path := getenv("MLFLOW_TRACKING_INSECURE_TLS"), getenv("MLFLOW_TRACKING_SERVER_CERT_PATH"); {
	case strings.EqualFold(insecure, "true") || insecure == "1":
		transport.TLSClientConfig.InsecureSkipVerify = true //nolint:gosec // requested by the user
	case path != "":
		pem, err := disk.Read(path, maxCertificates)
		if err != nil {
			return nil, fmt.Errorf("MLflow: MLFLOW_TRACKING_SERVER_CERT_PATH: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("MLflow: MLFLOW_TRACKING_SERVER_CERT_PATH: %s does not contain a certificate", path)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	c.http, c.base = &http.Client{Transport: transport}, strings.TrimRight(public, "/")
	return c, nil
}

// Experiment implements mlflowStore.
func (c *mlflowClient) Experiment(ctx context.Context, name string) (string, error) {
	name = cut(name, maxExperiment)
	for range 2 { // another run may create it between the two calls
		var found struct {
			Experiment struct {
				ID    string `json:"experiment_id"`
				Stage string `json:"lifecycle_stage"`
			} `json:"experiment"`
		}
		err := c.call(ctx, http.MethodGet, "experiments/get-by-name?experiment_name="+url.QueryEscape(name), nil, &found)
		if err == nil && found.Experiment.Stage == "deleted" {
			return "", fmt.Errorf("the experiment %s is deleted: restore it or give another --experiment-name", name)
		}
		if err == nil {
			return found.Experiment.ID, present("experiment_id", found.Experiment.ID)
		}
		if !is(err, "RESOURCE_DOES_NOT_EXIST") {
			return "", err
		}
		var made struct {
			ID string `json:"experiment_id"`
		}
		err = c.call(ctx, http.MethodPost, "experiments/create", map[string]string{"name": name}, &made)
		if err == nil {
			return made.ID, present("experiment_id", made.ID)
		}
		if !is(err, "RESOURCE_ALREADY_EXISTS") {
			return "", err
		}
	}
	return "", fmt.Errorf("the experiment %s was created and deleted by others at the same time: try again", name)
}

// info is a run in an answer.
type info struct {
	Info struct {
		mlflowRun
		Stage string `json:"lifecycle_stage"`
	} `json:"info"`
}

// run returns the Run of an answer without the credentials that its address of artifacts may contain.
func (i info) run() mlflowRun {
	r := i.Info.mlflowRun
	r.ArtifactURI = words.Address(r.ArtifactURI)
	return r
}

// CreateRun implements mlflowStore.
func (c *mlflowClient) CreateRun(ctx context.Context, experiment, name string, at time.Time, tags []mlflowPair) (mlflowRun, error) {
	var made struct {
		Run info `json:"run"`
	}
	err := c.call(ctx, http.MethodPost, "runs/create", map[string]any{
		"experiment_id": experiment, "run_name": name, "start_time": at.UnixMilli(), "tags": tags,
	}, &made)
	if err == nil {
		err = present("run_id", made.Run.Info.ID)
	}
	return made.Run.run(), err
}

// FindRun implements mlflowStore.
func (c *mlflowClient) FindRun(ctx context.Context, experiment string, tag mlflowPair) (mlflowRun, error) {
	var found struct {
		Runs []info `json:"runs"`
	}
	err := c.call(ctx, http.MethodPost, "runs/search", map[string]any{
		"experiment_ids": []string{experiment}, "max_results": 1,
		"filter": fmt.Sprintf("tags.`%s` = '%s'", tag.Key, tag.Value),
	}, &found)
	if err != nil || len(found.Runs) == 0 {
		return mlflowRun{}, err
	}
	return found.Runs[0].run(), nil
}

// Lives implements mlflowStore.
func (c *mlflowClient) Lives(ctx context.Context, run mlflowRun) (bool, error) {
	var found struct {
		Run info `json:"run"`
	}
	err := c.call(ctx, http.MethodGet, "runs/get?run_id="+url.QueryEscape(run.ID), nil, &found)
	if is(err, "RESOURCE_DOES_NOT_EXIST") {
		return false, nil
	}
	return found.Run.Info.Stage != "deleted", err
}

// Log implements mlflowStore.
func (c *mlflowClient) Log(ctx context.Context, run mlflowRun, b mlflowBatch) error {
	body := map[string]any{"run_id": run.ID}
	if len(b.Metrics) > 0 {
		metrics := make([]map[string]any, len(b.Metrics))
		for i, m := range b.Metrics {
			value := any(json.Number(mlflowNumber(m.Value)))
			if text := mlflowNumber(m.Value); strings.ContainsAny(text, "NI") { // which JSON has no numbers for
				value = text
			}
			metrics[i] = map[string]any{"key": m.Key, "value": value, "timestamp": m.Time, "step": m.Step}
		}
		body["metrics"] = metrics
	}
	if len(b.Params) > 0 {
		body["params"] = b.Params
	}
	if len(b.Tags) > 0 {
		body["tags"] = b.Tags
	}
	return c.call(ctx, http.MethodPost, "runs/log-batch", body, nil)
}

// SetStatus implements mlflowStore.
func (c *mlflowClient) SetStatus(ctx context.Context, run mlflowRun, s mlflowStatus, at time.Time) error {
	body := map[string]any{"run_id": run.ID, "status": s}
	if s != mlflowRunning {
		body["end_time"] = at.UnixMilli()
	}
	return c.call(ctx, http.MethodPost, "runs/update", body, nil)
}

// Upload implements mlflowStore. It supports only servers that store artifacts themselves.
func (c *mlflowClient) Upload(ctx context.Context, run mlflowRun, name string, content io.Reader, size int64) error {
	u, err := url.Parse(run.ArtifactURI)
	if err != nil || u.Scheme != "mlflow-artifacts" {
		return &mlflowRefused{Status: http.StatusNotImplemented, Code: "NO_SERVED_ARTIFACTS",
			Message: "the server keeps artifacts at " + words.Address(run.ArtifactURI) + " and does not serve them: start it with --serve-artifacts"}
	}
	ctx, cancel := context.WithTimeout(ctx, uploadPatience)
	defer cancel()
	path := u.JoinPath(name).EscapedPath() // a host in the address is another name of this server
	return c.send(ctx, http.MethodPut, c.base+"/api/2.0/mlflow-artifacts/artifacts"+path, "application/octet-stream", content, size, nil)
}

// Clear implements mlflowStore: a server cannot remove values.
func (c *mlflowClient) Clear(mlflowRun) (bool, error) { return false, nil }

// call sends JSON and reads JSON.
func (c *mlflowClient) call(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var content io.Reader
	var size int64
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content, size = bytes.NewReader(text), int64(len(text))
	}
	return c.send(ctx, method, c.base+"/api/2.0/mlflow/"+path, "application/json", content, size, into)
}

func (c *mlflowClient) send(ctx context.Context, method, target, kind string, content io.Reader, size int64, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return err
	}
	if content != nil {
		request.ContentLength = size
		if size == 0 {
			request.Body = http.NoBody
		}
		request.Header.Set("Content-Type", kind)
	}
	switch {
	case c.user != "":
		request.SetBasicAuth(c.user, c.password)
	case c.token != "":
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // it repeats the address
			err = u.Err
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
		}
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("the answer is incomplete: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return refusal(answer.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return errors.New("the answer is not that of an MLflow server")
	}
	return nil
}

// refusal returns the error of an answer. A temporary error is not a Refused.
func refusal(status int, text []byte) error {
	var r mlflowRefused
	said := json.Unmarshal(text, &struct {
		Code    *string `json:"error_code"`
		Message *string `json:"message"`
	}{&r.Code, &r.Message}) == nil && r.Code != ""
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("the server rejected the credentials (%d), which are not stored with a run: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_URI with the password", status)
	case status == http.StatusRequestEntityTooLarge:
		return &mlflowRefused{Status: status, Code: "TOO_LARGE", Message: "too large for the server"}
	case status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500 || !said:
		return errors.New("the server answers " + strconv.Itoa(status) + " " + http.StatusText(status))
	}
	r.Status = status
	return &r
}

// is reports whether a server rejected a call with that code.
func is(err error, code string) bool {
	var r *mlflowRefused
	return errors.As(err, &r) && r.Code == code
}

// mlflowGone reports whether an error means that the server does not know the run.
func mlflowGone(err error) bool { return is(err, "RESOURCE_DOES_NOT_EXIST") }

// present returns an error if a field is missing in an answer.
func present(name, value string) error {
	if value == "" {
		return errors.New("the answer lacks " + name + " and is not that of an MLflow server")
	}
	return nil
}
