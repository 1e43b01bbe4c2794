package machine

import "fmt"

// AvailableMemory returns how many bytes this process can still allocate: the smallest of the machine's free memory, the
// remainder of each control group, and the remainder of its own limits (ulimit -v and -d). ok is false if the system does
// not report it. It is a variable so that tests can replace it.
//
// We found no library that counts the current usage of a control group: automemlimit and similar ones return only the limit.
var AvailableMemory = availableMemory

// Size formats a number of bytes for messages.
func Size(bytes int64) string {
	const unit = 1 << 10
	switch {
	case bytes < unit:
		return fmt.Sprintf("%d bytes", max(bytes, 0))
	case bytes < unit*unit:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/unit)
	case bytes < unit*unit*unit:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(unit*unit))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(unit*unit*unit))
}
