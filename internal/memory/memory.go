// Package memory tells how much memory this process can still take before the system refuses or kills it.
//
// No library was found that counts what a control group already uses: automemlimit and its like give the limit alone.
package memory

import "fmt"

// Available returns how many bytes this process can still take: the smallest of what the machine has, what each of its
// control groups allows, and what its own limits (ulimit -v and -d) leave. ok is false where the system does not tell.
// It is a variable so that tests can replace it.
var Available = available

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
