//go:build !unix

package plainfile

const nonBlocking = 0
