// Package training holds tests of the training loop through the real program, on both engines: what a run keeps, how it
// goes on, and how it ends.
package training
