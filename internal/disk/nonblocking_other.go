//go:build !unix

package disk

const nonBlocking = 0
