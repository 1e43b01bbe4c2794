package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/host/track"
)

// startLog opens the loggers. A resumed run goes on in them at the step of its checkpoint.
func (run *training) startLog(context.Context) error {
	x, t := run.cfg.Execution(), run.trainer
	params := map[string]string{}
	for _, v := range run.cfg.Values() {
		params[v.Setting.Key()] = v.Text
	}
	target := run.dir.Target()
	logger, err := track.Open(x.Loggers(), track.Run{
		Name: filepath.Base(target), Experiment: x.ExperimentName, Params: params, Dir: run.dir.Path(""), Home: target,
		Tags:    map[string]string{"ptycho.version": Version, "ptycho.backend": x.Backend, "ptycho.data": run.scan.Fingerprint()},
		Resumed: x.Resume != "", Step: t.at.Done,
	}, track.Options{TrackingURI: x.MLflowURI, Notice: run.host.Notice, Later: "ptycho runs send " + target})
	if err != nil {
		return fail(ExitUsage, err)
	}
	run.logger = logger
	t.log = stepLog{to: logger, every: x.LogEveryNSteps, steps: t.schedule.stepsPerEpoch}
	return nil
}

// endLog writes the report and tells the loggers how the run ended.
func (run *training) endLog(report TrainReport, failure error) error {
	status := track.Finished
	switch {
	case ExitCode(failure) == ExitInterrupted, report.Ended == string(interrupted), report.Ended == string(outOfTime), report.Ended == string(outOfSteps):
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
		errs = append(errs, run.dir.WriteFile(ReportFile, append(text, '\n')))
		for _, name := range []string{ConfigFile, RowsFile, MetricsFile, ReportFile, bundle.ManifestFile, bundle.WeightsFile} {
			if _, err := os.Stat(run.dir.Path(name)); err == nil { // without a whole epoch there are no metrics
				errs = append(errs, run.logger.Artifact(name))
			}
		}
	}
	errs = append(errs, run.logger.Close(status))
	run.logger = nil
	return errors.Join(errs...)
}

// abandonLog ends loggers that nothing ended.
func (run *training) abandonLog() {
	if run.logger != nil {
		_ = run.logger.Close(track.Failed) // the run's own error is what counts
		run.logger = nil
	}
}
