// Package machine says what this machine can do for a process: the memory that it can still give, and the vector instructions of its
// processor.
package machine
