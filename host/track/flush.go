package track

import (
	"context"
	"fmt"
	"net/url"

	"github.com/ptychogo/ptycho/host/rundir/place"
	"github.com/ptychogo/ptycho/host/track/mlflow"
	"github.com/ptychogo/ptycho/internal/address"
)

// Sent is what became of the entries of a journal.
type Sent struct {
	Address string `json:"address"` // of the server without credentials, or a folder
	Server  bool   `json:"server"`  // a server confirmed each entry; false: they are written to a folder
	Sent    int    `json:"sent"`    // entries, by this call
	Refused int    `json:"refused"` // files that the server does not take
	Left    int    `json:"left"`    // entries
}

// Flush sends what MLflow did not get of a run that has ended. An address in o wins; without one it is the run's own,
// whatever the environment says: the environment gives the credentials alone. No run may be going on in the directory:
// hold its lock.
func Flush(ctx context.Context, dir string, o Options) (Sent, error) {
	root, err := place.Open(dir)
	if err != nil {
		return Sent{}, fmt.Errorf("MLflow: %w", err)
	}
	defer root.Close()
	if _, err := root.Stat(journalFile); err != nil {
		return Sent{}, fmt.Errorf("MLflow: %s does not hold %s: the run was not tracked by MLflow", dir, journalFile)
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
			return Sent{}, fmt.Errorf("MLflow: %s does not say where the run was to be recorded (%s is missing or damaged): give --mlflow-uri", dir, sentFile)
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
	_, folder := d.store.(*mlflow.Files)
	report := Sent{Address: d.at(), Server: !folder, Sent: d.done, Refused: d.refused, Left: d.journal.left(d.sent.Offset)}
	if err != nil {
		return report, fmt.Errorf("MLflow at %s: %w; %d entries are left in %s", d.at(), err, report.Left, journalFile)
	}
	return report, nil
}

// credentials are the variables of MLflow's own client that hold some.
var credentials = map[string]bool{"MLFLOW_TRACKING_USERNAME": true, "MLFLOW_TRACKING_PASSWORD": true, "MLFLOW_TRACKING_TOKEN": true}

// onlyFor withholds the credentials of the environment from a server that only the run directory names, when the
// environment names another one: the password of one server is not for another, and a run directory may come from
// anybody.
func onlyFor(at string, o Options) func(string) string {
	given, err := url.Parse(address.Public(o.Getenv(addressKey)))
	own, errOwn := url.Parse(at)
	if err != nil || errOwn != nil || given.Host == "" || own.Host == given.Host {
		return o.Getenv
	}
	for name := range credentials {
		if o.Getenv(name) != "" {
			o.Notice("the credentials of the environment are for %s (%s) and are not sent to the run's server %s: to send them there, give --mlflow-uri %s", given.Host, addressKey, own.Host, at)
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

// closeKilled ends the journal of a run that was killed.
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
	return j.add(entry{Kind: status, Time: max(last.Time, 1), Status: string(mlflow.Killed)})
}
