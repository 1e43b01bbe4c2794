package track

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/internal/words"
)

// mlflowFiles is a folder in the layout of MLflow's file store: EXPERIMENT/RUN with meta.yaml, metrics, params, tags, artifacts.
type mlflowFiles struct {
	root *output.Files
	uri  string // of the folder, at its final place
}

// newMLflowFiles returns the Files of a folder. home is its path, or its final path if it will be moved.
func newMLflowFiles(root *output.Files, home string) (*mlflowFiles, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("MLflow: %w", err)
	}
	return &mlflowFiles{root: root, uri: (&url.URL{Scheme: "file", Path: filepath.ToSlash(home)}).String()}, nil
}

// metaFile describes an experiment or a run.
const metaFile = "meta.yaml"

// experimentMeta and runMeta have the fields of mlflow/store/tracking/file_store.py.
type experimentMeta struct {
	Location string `yaml:"artifact_location"`
	Created  int64  `yaml:"creation_time"` // ms
	ID       string `yaml:"experiment_id"`
	Updated  int64  `yaml:"last_update_time"`
	Stage    string `yaml:"lifecycle_stage"`
	Name     string `yaml:"name"`
}

type runMeta struct {
	ArtifactURI   string   `yaml:"artifact_uri"`
	Deleted       *int64   `yaml:"deleted_time"`
	End           *int64   `yaml:"end_time"`
	EntryPoint    string   `yaml:"entry_point_name"`
	Experiment    string   `yaml:"experiment_id"`
	Stage         string   `yaml:"lifecycle_stage"`
	ID            string   `yaml:"run_id"`
	Name          string   `yaml:"run_name"`
	UUID          string   `yaml:"run_uuid"`
	SourceName    string   `yaml:"source_name"`
	SourceType    int      `yaml:"source_type"`
	SourceVersion string   `yaml:"source_version"`
	Start         int64    `yaml:"start_time"`
	Status        int      `yaml:"status"`
	Tags          []string `yaml:"tags"`
	User          string   `yaml:"user_id"`
}

const (
	active      = "active"
	sourceLocal = 4 // SourceType.LOCAL
)

// states maps states to MLflow's numbers (service.proto, RunStatus).
var states = map[mlflowStatus]int{mlflowRunning: 1, mlflowFinished: 3, mlflowFailed: 4, mlflowKilled: 5}

// Experiment implements mlflowStore.
func (f *mlflowFiles) Experiment(_ context.Context, name string) (string, error) {
	entries, err := f.root.ReadDir(".")
	if err != nil {
		return "", fmt.Errorf("%s: %w", f.root.Name(), err)
	}
	for _, e := range entries {
		var meta experimentMeta
		if !e.IsDir() || f.read(path.Join(e.Name(), metaFile), &meta) != nil {
			continue // .trash, or not an experiment
		}
		if meta.Name == name {
			return e.Name(), nil
		}
	}
	for range 2 { // again if another run took the number
		n, err := rand.Int(rand.Reader, big.NewInt(9e17))
		if err != nil {
			return "", err
		}
		id := n.Add(n, big.NewInt(1e17)).String() // 18 digits, as in MLflow
		if err := f.root.Mkdir(id); errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return "", fmt.Errorf("%s: %w", f.root.Name(), err)
		}
		now := time.Now().UnixMilli()
		return id, f.write(path.Join(id, metaFile), experimentMeta{Location: f.uri + "/" + id, Created: now, ID: id, Updated: now, Stage: active, Name: name})
	}
	return "", fmt.Errorf("%s: no free number for the experiment %s", f.root.Name(), name)
}

// CreateRun implements mlflowStore.
func (f *mlflowFiles) CreateRun(ctx context.Context, experiment, name string, at time.Time, tags []mlflowPair) (mlflowRun, error) {
	id := make([]byte, 16) // a UUID without its dashes
	if _, err := rand.Read(id); err != nil {
		return mlflowRun{}, err
	}
	run := mlflowRun{ID: fmt.Sprintf("%x", id), Experiment: experiment}
	run.ArtifactURI = f.artifacts(run)
	for _, folder := range []string{"metrics", "params", "tags", "artifacts"} {
		if err := f.root.MkdirAll(path.Join(experiment, run.ID, folder)); err != nil {
			return mlflowRun{}, fmt.Errorf("%s: %w", f.root.Name(), err)
		}
	}
	if err := f.Log(ctx, run, mlflowBatch{Tags: append([]mlflowPair{{"mlflow.runName", name}}, tags...)}); err != nil {
		return mlflowRun{}, err
	}
	return run, f.write(path.Join(experiment, run.ID, metaFile), runMeta{ArtifactURI: run.ArtifactURI, Experiment: experiment, Stage: active,
		ID: run.ID, Name: name, UUID: run.ID, SourceType: sourceLocal, Start: at.UnixMilli(), Status: states[mlflowRunning], Tags: []string{}})
}

func (f *mlflowFiles) artifacts(run mlflowRun) string {
	return f.uri + "/" + run.Experiment + "/" + run.ID + "/artifacts"
}

// FindRun implements mlflowStore.
func (f *mlflowFiles) FindRun(_ context.Context, experiment string, tag mlflowPair) (mlflowRun, error) {
	entries, err := f.root.ReadDir(experiment)
	if err != nil {
		return mlflowRun{}, fmt.Errorf("%s: %w", f.root.Name(), err)
	}
	for _, e := range entries {
		var meta runMeta
		value, err := f.root.Read(path.Join(experiment, e.Name(), "tags", tag.Key))
		if err == nil && string(value) == tag.Value && f.read(path.Join(experiment, e.Name(), metaFile), &meta) == nil {
			return mlflowRun{ID: e.Name(), Experiment: experiment, ArtifactURI: meta.ArtifactURI}, nil
		}
	}
	return mlflowRun{}, nil
}

// Lives implements mlflowStore.
func (f *mlflowFiles) Lives(_ context.Context, run mlflowRun) (bool, error) {
	var meta runMeta
	err := f.read(path.Join(run.Experiment, run.ID, metaFile), &meta)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return meta.Stage == active, err
}

// Log implements mlflowStore.
func (f *mlflowFiles) Log(_ context.Context, run mlflowRun, b mlflowBatch) error {
	lines := map[string][]byte{}
	for _, m := range b.Metrics {
		value := strings.Replace(mlflowNumber(m.Value), "Infinity", "inf", 1)
		lines[m.Key] = fmt.Appendf(lines[m.Key], "%d %s %d\n", m.Time, value, m.Step)
	}
	for key, text := range lines {
		file, err := f.root.Append(path.Join(run.Experiment, run.ID, "metrics", key))
		if err != nil {
			return err
		}
		_, err = file.Write(text)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	for folder, pairs := range map[string][]mlflowPair{"params": b.Params, "tags": b.Tags} {
		for _, p := range pairs {
			if err := f.root.Write(path.Join(run.Experiment, run.ID, folder, p.Key), []byte(p.Value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// SetStatus implements mlflowStore. It also updates the path of the artifacts, because the run directory may have been moved.
func (f *mlflowFiles) SetStatus(_ context.Context, run mlflowRun, s mlflowStatus, at time.Time) error {
	name := path.Join(run.Experiment, run.ID, metaFile)
	var meta runMeta
	if err := f.read(name, &meta); err != nil {
		return err
	}
	meta.Status, meta.End, meta.ArtifactURI = states[s], nil, f.artifacts(run)
	if s != mlflowRunning {
		end := at.UnixMilli()
		meta.End = &end
	}
	return f.write(name, meta)
}

// Upload implements mlflowStore.
func (f *mlflowFiles) Upload(_ context.Context, run mlflowRun, name string, content io.Reader, _ int64) error {
	return f.root.WriteFrom(path.Join(run.Experiment, run.ID, "artifacts", name), func(w io.Writer) error {
		_, err := io.Copy(w, content)
		return err
	})
}

// Clear implements mlflowStore. It removes artifacts too, which include pictures of steps.
func (f *mlflowFiles) Clear(run mlflowRun) (bool, error) {
	for _, part := range []string{"metrics", "artifacts"} {
		folder := path.Join(run.Experiment, run.ID, part)
		if err := errors.Join(f.root.Clear(folder), f.root.MkdirAll(folder)); err != nil {
			return true, fmt.Errorf("%s: %w", f.root.Name(), err)
		}
	}
	return true, nil
}

func (f *mlflowFiles) read(name string, into any) error {
	text, err := f.root.Read(name)
	if err != nil {
		return err
	}
	if text == nil {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (f *mlflowFiles) write(name string, meta any) error {
	text, err := yaml.Marshal(meta)
	if err != nil {
		return err
	}
	return f.root.Write(name, text)
}

// mlflowFolder returns the folder that an address names, or "" for the address of a server.
func mlflowFolder(given string) (string, error) {
	u, err := url.Parse(given)
	switch {
	case words.BareCredentials(given):
		return "", fmt.Errorf("MLflow: the address of %s begins with neither http:// nor https://", words.Address(given))
	case err != nil && strings.Contains(given, "://"): // Dial reports the error
		return "", nil
	case err != nil || u.Scheme == "" || filepath.VolumeName(given) != "":
		return given, nil
	case u.Scheme == "http" || u.Scheme == "https":
		return "", nil
	case u.Scheme == "file" && slices.Contains([]string{"", "localhost"}, u.Host) && u.Path != "":
		return filepath.FromSlash(u.Path), nil
	case u.Scheme == "file" && u.Opaque != "": // file:mlruns
		return filepath.FromSlash(u.Opaque), nil
	}
	return "", fmt.Errorf("MLflow: %s is neither an http address nor a folder: for a database, start mlflow server with it and give the server's address", words.Address(given))
}
