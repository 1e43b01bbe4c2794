//go:build unix

package dataset

import "golang.org/x/sys/unix"

// roomFor says whether a file system has that many bytes free.
func roomFor(dir string, bytes int64) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && int64(st.Bavail)*int64(st.Bsize) > bytes //nolint:unconvert // the types differ from system to system
}
