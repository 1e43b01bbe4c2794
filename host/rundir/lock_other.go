//go:build !unix

package rundir

// hold does nothing where the system has no advisory locks that end with the process.
func (d *Dir) hold() error { return nil }
