package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/track"
	"github.com/ptychogo/ptycho/host/train/loop"
)

// StartLog opens the loggers. A resumed run continues in them at the step of its checkpoint.
func (f *folder) StartLog(t *loop.Trainer) error {
	x, target := f.cfg.Execution(), f.Target()
	params := map[string]string{}
	for _, v := range f.cfg.Values() {
		params[v.Setting.Key()] = v.Text
	}
	logger, err := track.Open(x.Loggers(), track.Run{
		Name: filepath.Base(target), Experiment: x.ExperimentName, Params: params, Files: f.dir.Files(), Home: target,
		Tags:    map[string]string{"ptycho.version": host.Version, "ptycho.backend": x.Backend, "ptycho.data": f.data},
		Resumed: x.Resume != "", Step: t.At.Done,
	}, track.Options{TrackingURI: x.MLflowURI, Notice: f.host.Notice, Later: "ptycho runs send " + target})
	if err != nil {
		return host.Fail(host.ExitUsage, err)
	}
	f.Logger = logger
	t.Log(logger, x.LogEveryNSteps)
	return nil
}

// End writes the report of a run that did not fail, and closes the loggers. A run without checkpoints replaces an older
// result here.
func (f *folder) End(report any, why loop.Ending, failure error) error {
	status := track.Finished
	switch {
	case host.ExitCode(failure) == host.ExitInterrupted, why == loop.Interrupted, why == loop.OutOfTime, why == loop.OutOfSteps:
		status = track.Killed
	case failure != nil:
		status = track.Failed
	}
	var errs []error
	if failure == nil {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		errs = append(errs, f.dir.WriteFile(reportFile, append(text, '\n')))
		for _, name := range []string{ConfigFile, rowsFile, metricsFile, reportFile, bundle.ManifestFile, bundle.WeightsFile} {
			if _, err := os.Stat(f.dir.Path(name)); err == nil { // missing until an epoch has ended
				errs = append(errs, f.Logger.Artifact(name))
			}
		}
	}
	errs = append(errs, f.Logger.Close(status))
	f.Logger = nil
	if err := errors.Join(errs...); err != nil || failure != nil {
		return err
	}
	return f.dir.Commit()
}

// abandonLog closes loggers that End has not closed.
func (f *folder) abandonLog() {
	if f.Logger != nil {
		_ = f.Logger.Close(track.Failed) // the error of the run is reported instead
		f.Logger = nil
	}
}
