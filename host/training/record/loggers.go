package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/track"
	"github.com/ptychogo/ptycho/host/training/loop"
)

// StartLog opens the loggers. A resumed run continues in them at the step of its checkpoint.
func (r *Record) StartLog(t *loop.Trainer) error {
	x, target := r.cfg.Execution(), r.Target()
	params := map[string]string{}
	for _, v := range r.cfg.Values() {
		params[v.Setting.Key()] = v.Text
	}
	logger, err := track.Open(x.Loggers(), track.Run{
		Name: filepath.Base(target), Experiment: x.ExperimentName, Params: params, Files: r.dir.Files(), Home: target,
		Tags:    map[string]string{"ptycho.version": host.Version, "ptycho.backend": x.Backend, "ptycho.data": r.data},
		Resumed: x.Resume != "", Step: t.At.Done,
	}, track.Options{TrackingURI: x.MLflowURI, Notice: r.host.Notice, Later: "ptycho runs send " + target})
	if err != nil {
		return host.Fail(host.ExitUsage, err)
	}
	r.Logger = logger
	t.Log(logger, x.LogEveryNSteps)
	return nil
}

// End writes the report of a run that did not fail, and closes the loggers. A run without checkpoints replaces an older
// result here.
func (r *Record) End(report any, why loop.Ending, failure error) error {
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
		errs = append(errs, r.dir.WriteFile(ReportFile, append(text, '\n')))
		for _, name := range []string{ConfigFile, RowsFile, MetricsFile, ReportFile, bundle.ManifestFile, bundle.WeightsFile} {
			if _, err := os.Stat(r.dir.Path(name)); err == nil { // without a whole epoch there are no metrics
				errs = append(errs, r.Logger.Artifact(name))
			}
		}
	}
	errs = append(errs, r.Logger.Close(status))
	r.Logger = nil
	if err := errors.Join(errs...); err != nil || failure != nil {
		return err
	}
	return r.dir.Commit()
}

// abandonLog closes loggers that End has not closed.
func (r *Record) abandonLog() {
	if r.Logger != nil {
		_ = r.Logger.Close(track.Failed) // the error of the run is reported instead
		r.Logger = nil
	}
}
