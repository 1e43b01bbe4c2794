package library

import "golang.org/x/sys/unix"

// freeSpace returns the space that a user can write on the disk of a folder.
func freeSpace(folder string) (bytes int64, known bool) {
	var st unix.Statfs_t
	if unix.Statfs(folder, &st) != nil {
		return 0, false
	}
	return int64(st.Bavail) * st.Bsize, true
}
