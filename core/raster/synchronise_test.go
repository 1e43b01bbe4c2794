package raster

import (
	"context"
	"errors"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

func TestSynchronise_ExactForTruePatches(t *testing.T) {
	const n, count = 16, 150
	rng := rand.New(rand.NewPCG(7, 8))
	object := func(y, x float64) complex128 { return cmplx.Rect(1+0.3*math.Sin(y/3), 2*math.Sin(x/11)+math.Cos(y/6)) }
	rows, cols := make([]float64, count), make([]float64, count)
	turn := make([]complex128, count)
	patches := make([][]complex64, count)
	for j := range rows {
		// Whole pixels, so that the overlaps agree exactly.
		rows[j], cols[j] = float64(rng.IntN(60)), float64(rng.IntN(40))
		turn[j] = cmplx.Rect(1, 2*math.Pi*rng.Float64())
		patches[j] = make([]complex64, n*n)
		for i := range patches[j] {
			patches[j][i] = complex64(turn[j] * object(rows[j]+float64(i/n), cols[j]+float64(i%n)))
		}
	}
	read := func(j int, dst []complex64) error { copy(dst, patches[j]); return nil }
	got, err := Synchronise(context.Background(), rows, cols, n, bump(n), read, SyncOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for j, f := range got {
		if math.Abs(cmplx.Abs(f)-1) > 1e-12 {
			t.Fatalf("factor %d has modulus %v", j, cmplx.Abs(f))
		}
		if e := cmplx.Abs(f*turn[j] - got[0]*turn[0]); e > 1e-5 {
			t.Fatalf("patches %d and 0 still differ in phase by %v", j, e)
		}
	}
}

func TestSynchronise_KeepsAgreeingPatches(t *testing.T) {
	const n = 8
	rows, cols := []float64{0, 2, 4, 100}, []float64{0, 3, 1, 100} // the last overlaps with none
	read := func(_ int, dst []complex64) error { copy(dst, constant(n, complex(0.5, 0.5))); return nil }
	got, err := Synchronise(context.Background(), rows, cols, n, nil, read, SyncOptions{Neighbours: 2})
	if err != nil {
		t.Fatal(err)
	}
	for j, f := range got {
		if cmplx.Abs(f-1) > 1e-9 {
			t.Errorf("factor %d is %v, want 1", j, f)
		}
	}
}

func TestSynchronise_Rejects(t *testing.T) {
	broken := errors.New("short read")
	read := func(j int, dst []complex64) error {
		if j == 1 {
			return broken
		}
		return nil
	}
	if _, err := Synchronise(context.Background(), []float64{0, 1}, []float64{0, 1}, 4, nil, read, SyncOptions{}); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Synchronise(ctx, []float64{0, 1}, []float64{0, 1}, 4, nil, read, SyncOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want cancelled", err)
	}
	nan := func(_ int, dst []complex64) error { dst[0] = complex64(cmplx.NaN()); return nil }
	if _, err := Synchronise(context.Background(), []float64{0, 0}, []float64{0, 0}, 4, nil, nan, SyncOptions{}); err == nil {
		t.Error("a patch of NaN was accepted")
	}
}
