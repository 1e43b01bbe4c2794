// Package disk reads and writes files such that nothing blocks, nothing is half written and nothing is left behind.
//
// Open and Read take files that users or other programs name: scans, models, settings, manifests. They reject everything that is
// not a regular file, because opening a FIFO blocks until a writer opens it, and reading a device may never end.
//
// Write and its relatives leave a complete file or none. A file is written under a temporary name in its own folder and synced. It
// is renamed to its name, and the folder is synced. A crash, a full disk or a kill at any moment leaves the old file or the new
// one, and at most a temporary file, which the next writer of the same file removes. Permissions follow the umask. A symbolic link
// is followed: its target is replaced, not the link.
//
// A TemporaryFolder contains a file "lock" that its process keeps locked (flock). The system releases the lock when the process
// ends, so SweepTemporary removes exactly the folders whose lock is not held. Process numbers are not used, because the owner may
// run in another container that shares the temporary folder. A TemporaryFile has no name in any folder where the system allows it
// (Linux), so that it never outlives its process.
package disk
