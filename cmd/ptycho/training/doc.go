// Package training holds tests of the training loop through the real program, on both engines: what a run keeps, how it
// goes on, and how it ends.
//
// It is a package of its own because go test runs packages at the same time, and this one takes long.
package training
