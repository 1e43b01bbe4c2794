#!/usr/bin/env python3
"""Writes HDF5 files of diffraction patterns and times how fast h5py reads them, as a yardstick for core/hdf5.

    pip install h5py hdf5plugin
    make bench-hdf5 PYTHON=…

Reads lines and answers each with one line. "write PATH FILTER KIND PATTERNS" writes the dataset /data, [PATTERNS, 256, 256] uint16,
one pattern a chunk, and answers with the size of the file in bytes. FILTER is bitshuffle-lz4, deflate or shuffle-deflate. KIND is
poisson (counts around a mean that falls from 3000 in the middle to 0.05 at the edge) or sparse (at most about 20 counts, 98 %
zeros). "read PATH" reads the dataset in blocks of 128 patterns into one array and answers with the seconds. The HDF5 library
decompresses in one thread.
"""
import sys
import time

SIDE, BLOCK, DIFFERENT = 256, 128, 256


def patterns(kind):
    import numpy
    rng = numpy.random.default_rng(1)
    y, x = numpy.mgrid[:SIDE, :SIDE] - SIDE / 2
    r = numpy.hypot(y, x)
    mean = 3000 / (1 + (r / 8) ** 3) + 0.05 if kind == "poisson" else 20 / (1 + (r / 6) ** 4)
    for _ in range(DIFFERENT):  # each with a speckle of its own
        speckle = rng.exponential(size=(SIDE // 4, SIDE // 4)).repeat(4, 0).repeat(4, 1)
        yield numpy.minimum(rng.poisson(mean * speckle), 65535).astype("uint16")


def write(path, name, kind, count):
    """Compresses DIFFERENT patterns, and stores their chunks again and again."""
    import h5py
    import hdf5plugin
    options = {
        "bitshuffle-lz4": lambda: dict(hdf5plugin.Bitshuffle(cname="lz4")),
        "deflate": lambda: dict(compression="gzip", compression_opts=4),
        "shuffle-deflate": lambda: dict(compression="gzip", compression_opts=4, shuffle=True),
    }[name]()
    with h5py.File(path, "w", libver="latest") as f:
        d = f.create_dataset("data", (count, SIDE, SIDE), "uint16", chunks=(1, SIDE, SIDE), **options)
        for i, p in enumerate(patterns(kind)):
            if i < count:
                d[i] = p
        f.flush()
        for i in range(DIFFERENT, count):
            mask, chunk = d.id.read_direct_chunk((i % DIFFERENT, 0, 0))
            d.id.write_direct_chunk((i, 0, 0), chunk, mask)
    import os
    return os.path.getsize(path)


def read(path):
    import h5py
    import hdf5plugin  # noqa: F401, registers the filter
    import numpy
    out = numpy.zeros((BLOCK, SIDE, SIDE), "uint16")
    start = time.perf_counter()
    with h5py.File(path, "r") as f:
        d = f["data"]
        for i in range(0, len(d), BLOCK):
            d.read_direct(out, numpy.s_[i:i + BLOCK])
    return time.perf_counter() - start


def main():
    for line in sys.stdin:
        command, path, *rest = line.split()
        try:
            if command == "write":
                print(write(path, rest[0], rest[1], int(rest[2])), flush=True)
            else:
                print(f"{read(path):.6f}", flush=True)
        except ImportError as missing:
            print("-", missing, flush=True)


if __name__ == "__main__":
    main()
