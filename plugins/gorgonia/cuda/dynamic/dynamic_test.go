//go:build linux && (cgo || amd64)

package dynamic

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// library opens the C library.
func library(t *testing.T) func(name string) uintptr {
	t.Helper()
	l, err := Open("libc.so.6")
	if err != nil {
		t.Skip("a library cannot be opened here: " + err.Error())
	}
	return func(name string) uintptr {
		f, err := Symbol(l, name)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
}

func TestCall_ReturnsTheResult(t *testing.T) {
	symbol := library(t)
	five := -5
	if r := int(Call(symbol("labs"), uintptr(five))); r != 5 {
		t.Errorf("labs(-5) = %d", r)
	}
	text := []byte("four\x00")
	if r := Call(symbol("strlen"), uintptr(unsafe.Pointer(&text[0]))); r != 4 {
		t.Errorf("strlen = %d", r)
	}
}

func TestCall_PassesTwelveArguments(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc: " + err.Error())
	}
	library(t)
	path := filepath.Join(t.TempDir(), "twelve.so")
	build := exec.Command("gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", path)
	build.Stdin = strings.NewReader(`long f(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l) {
		return a + 2*b + 3*c + 4*d + 5*e + 6*f + 7*g + 8*h + 9*i + 10*j + 11*k + 12*l; }`)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Symbol(l, "f")
	if err != nil {
		t.Fatal(err)
	}
	if r := Call(f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12); r != 650 {
		t.Errorf("f = %d, want 650", r)
	}
}

func TestOpen_SaysWhatIsMissing(t *testing.T) {
	library(t)
	if _, err := Open("libptycho-missing.so.1"); err == nil || !strings.Contains(err.Error(), "libptycho-missing.so.1") {
		t.Errorf("the error of a missing library is %v", err)
	}
}

// TestCall_FromManyGoroutines calls while the collector runs and threads are preempted by signals.
func TestCall_FromManyGoroutines(t *testing.T) {
	symbol := library(t)
	labs, malloc, free := symbol("labs"), symbol("malloc"), symbol("free")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				if r := int(Call(labs, uintptr(-(g*200 + i)))); r != g*200+i {
					t.Errorf("labs = %d, want %d", r, g*200+i)
				}
				Call(free, Call(malloc, uintptr(i+1)))
				if i%50 == 0 {
					runtime.GC()
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCall(b *testing.B) {
	l, err := Open("libc.so.6")
	if err != nil {
		b.Skip(err)
	}
	f, err := Symbol(l, "labs")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		Call(f, 1)
	}
}
