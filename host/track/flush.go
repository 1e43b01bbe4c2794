package track

import (
	"context"
	"fmt"
	"net/url"

	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/internal/words"
)

// Sent is the report of Flush.
type Sent struct {
	Address string `json:"address"` // of the server without credentials, or a folder
	Server  bool   `json:"server"`  // a server confirmed each entry; false: the entries were written to a folder
	Sent    int    `json:"sent"`    // entries, by this call
	Refused int    `json:"refused"` // files that the server rejected
	Left    int    `json:"left"`    // entries not sent
}

// Flush sends the unsent entries of a run that has ended. It uses the address in o, or else the address of the run. The
// environment provides only credentials, not the address. The caller must hold the lock of the directory, so that no run
// writes there.
func Flush(ctx context.Context, dir string, o Options) (Sent, error) {
	root, err := output.OpenFiles(dir)
	if err != nil {
		return Sent{}, fmt.Errorf("MLflow: %w", err)
	}
	defer root.Close()
	if _, err := root.Stat(journalFile); err != nil {
		return Sent{}, fmt.Errorf("MLflow: %s: %s is missing there: the run was not recorded with --logger mlflow", dir, journalFile)
	}
	o = o.orDefaults()
	before, known, err := readSent(root)
	if err != nil {
		return Sent{}, err
	}
	at := o.TrackingURI
	if at == "" {
		if known {
			at = before.Address
		} else if at = o.Recorded; at == "" {
			return Sent{}, fmt.Errorf("MLflow: %s: the server of the run is unknown (%s is missing or damaged): give --mlflow-uri", dir, sentFile)
		}
		o.Getenv = onlyFor(at, o)
	}
	d, err := openDelivery(root, Run{Dir: dir}, at, before, o)
	if err != nil {
		return Sent{}, err
	}
	defer d.journal.file.Close()
	if err := d.journal.closeKilled(); err != nil {
		return Sent{}, err
	}
	if err = d.resume(ctx); err == nil {
		err = d.drain(ctx)
	}
	_, folder := d.store.(*mlflowFiles)
	report := Sent{Address: d.at(), Server: !folder, Sent: d.done, Refused: d.refused, Left: d.journal.left(d.sent.Offset)}
	if err != nil {
		return report, fmt.Errorf("MLflow at %s: %w; %s %s left in %s", d.at(), err, words.Of(report.Left, "entry"), words.Verb(report.Left, "is", "are"), journalFile)
	}
	return report, nil
}

// credentials lists the variables of MLflow's client that contain credentials.
var credentials = map[string]bool{"MLFLOW_TRACKING_USERNAME": true, "MLFLOW_TRACKING_PASSWORD": true, "MLFLOW_TRACKING_TOKEN": true}

// onlyFor withholds the credentials of the environment from a server named only by the run directory if the environment names
// another server. A password is meant for one server, and a run directory may come from anybody.
func onlyFor(at string, o Options) func(string) string {
	given, err := url.Parse(words.Address(o.Getenv(addressKey)))
	own, errOwn := url.Parse(at)
	if err != nil || errOwn != nil || given.Host == "" || own.Host == given.Host {
		return o.Getenv
	}
	for name := range credentials {
		if o.Getenv(name) != "" {
			o.Notice("the credentials of the environment are for %s (%s) and are not sent to the run's server %s: to send the credentials there, give --mlflow-uri %s", given.Host, addressKey, own.Host, at)
			break
		}
	}
	return func(name string) string {
		if credentials[name] {
			return ""
		}
		return o.Getenv(name)
	}
}

// closeKilled completes the journal of a killed run.
func (j *journal) closeKilled() error {
	if err := j.dropUnkept(); err != nil {
		return err
	}
	last := entry{}
	if _, err := j.scan(0, j.size, func(e entry, _ int64) error { last = e; return nil }); err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	if last.Kind == status {
		return nil
	}
	return j.add(entry{Kind: status, Time: max(last.Time, 1), Status: string(mlflowKilled)})
}
