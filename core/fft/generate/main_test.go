package main

import (
	"os"
	"testing"
)

func TestAssembly_Current(t *testing.T) {
	file, err := os.ReadFile("../kernels_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != kernels() {
		t.Error("core/fft/kernels_amd64.s differs from the output of core/fft/generate: run go generate ./core/fft")
	}
}
