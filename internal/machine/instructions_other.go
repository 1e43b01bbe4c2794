//go:build !amd64

package machine

func supported() []Instructions { return []Instructions{Portable} }
