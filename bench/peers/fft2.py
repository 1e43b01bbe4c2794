#!/usr/bin/env python3
"""Times the two-dimensional Fourier transform of complex64 images in other libraries, as a yardstick for core/fft.

    pip install numpy scipy pyfftw
    make bench-fft PYTHON=…

Reads lines "LIBRARY N" and answers each with one line: the microseconds of one forward transform of [N, N], or "-" and
the reason if the library is missing. pocketfft is SciPy's: orthonormal, workers=1, a new result array for every call. FFTW is
planned with FFTW_MEASURE: one thread, from one array to another, unscaled. The answer is the shortest of 25 times of about
2 ms each, so that other load on the machine matters little.
"""
import sys
import time


def pocketfft(n):
    import scipy.fft
    x = image(n)
    return lambda: scipy.fft.fft2(x, norm="ortho", workers=1)


def fftw(n):
    import pyfftw
    x, y = pyfftw.empty_aligned((n, n), "complex64"), pyfftw.empty_aligned((n, n), "complex64")
    plan = pyfftw.FFTW(x, y, axes=(0, 1), flags=("FFTW_MEASURE",), threads=1)
    x[:] = image(n)  # planning overwrites it
    return plan.execute


def image(n):
    import numpy
    rng = numpy.random.default_rng(n)
    return (rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))).astype("complex64")


def least(run):
    run()
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            run()
        if time.perf_counter() - start > 2e-3:
            break
        calls *= 2
    best = float("inf")
    for _ in range(25):
        start = time.perf_counter()
        for _ in range(calls):
            run()
        best = min(best, (time.perf_counter() - start) / calls)
    return best * 1e6


def main():
    ready = {}
    for line in sys.stdin:
        name, n = line.split()
        try:
            if (name, n) not in ready:
                ready[name, n] = {"pocketfft": pocketfft, "fftw": fftw}[name](int(n))
            print(f"{least(ready[name, n]):.3f}", flush=True)
        except ImportError as missing:
            print("-", missing, flush=True)


if __name__ == "__main__":
    main()
