//go:build !cgo || !linux || !(amd64 || arm64)

package library

import "errors"

type handle struct{}

func open(string) (handle, error) {
	return handle{}, errors.New("this program was built without cgo and cannot load libraries")
}

func (handle) number(string) int { return 0 }

func (handle) driver() (version, code int, cards []Card) { return 0, noDevice, nil }
