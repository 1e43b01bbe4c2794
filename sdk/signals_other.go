//go:build !unix

package sdk

func leaveSignalsToHost() {}
