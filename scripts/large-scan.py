#!/usr/bin/env python3
"""Writes a large scan with Poisson counts, to measure time and memory of commands.

  large-scan.py OUT.h5|OUT.npz GIB [--side 128]

GIB is the size of the patterns as uint16. OUT.h5 is a CXI file with bitshuffle-LZ4 chunks of one pattern; it needs h5py and
hdf5plugin. OUT.npz is not compressed. The patterns are those of a probe on a smooth object with 1e5 photons, and differ.
"""
import argparse
import zipfile

import numpy as np

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("out")
parser.add_argument("gib", type=float)
parser.add_argument("--side", type=int, default=128)
options = parser.parse_args()
n = options.side
count = int(options.gib * 2**30) // (2 * n * n)
width = int(np.ceil(np.sqrt(count)))
random = np.random.default_rng(1)

axis = np.arange(n) - n // 2
y, x = np.meshgrid(axis, axis, indexing="ij")
probe = np.exp(-(x**2 + y**2) / (2 * (n / 10) ** 2) + 0.01j * (x**2 + y**2)).astype(np.complex64)
tile = 512  # the object repeats, so that it needs no memory
waves = [(random.normal(size=2), random.uniform(0, 2 * np.pi)) for _ in range(12)]
ty, tx = np.meshgrid(np.arange(tile) * 2 * np.pi / tile, np.arange(tile) * 2 * np.pi / tile, indexing="ij")
phase = sum(np.cos(round(8 * k[0]) * ty + round(8 * k[1]) * tx + p) for k, p in waves)
object_ = np.exp(0.25j * phase).astype(np.complex64)
step = 8
rows, cols = np.divmod(np.arange(count), width)
rows, cols = rows * step, cols * step
distinct = (tile // step) ** 2
means = np.empty((distinct, n, n), np.float32)
for i in range(distinct):
    at = (np.arange(n)[:, None] + i // (tile // step) * step) % tile, (np.arange(n)[None] + i % (tile // step) * step) % tile
    far = np.abs(np.fft.fftshift(np.fft.fft2(probe * object_[at]))) ** 2
    means[i] = far * (1e5 / far.sum())


def pieces():
    """Yields Poisson counts of 256 patterns at a time."""
    for start in range(0, count, 256):
        r, c = rows[start : start + 256] // step % (tile // step), cols[start : start + 256] // step % (tile // step)
        yield random.poisson(means[r * (tile // step) + c]).astype(np.uint16)


if options.out.endswith(".npz"):
    with zipfile.ZipFile(options.out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        with archive.open("diffraction.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, {"descr": "<u2", "fortran_order": False, "shape": (count, n, n)})
            for piece in pieces():
                member.write(piece.tobytes())
        for name, values in {"xcoords": cols + n / 2, "ycoords": rows + n / 2, "probeGuess": probe}.items():
            with archive.open(name + ".npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(values))
else:
    import h5py
    import hdf5plugin

    wavelength, distance, pixel = 1.24e-10, 2.0, 75e-6
    size = wavelength * distance / (n * pixel)
    with h5py.File(options.out, "w") as f:
        f["cxi_version"] = 160
        f["entry_1/instrument_1/source_1/energy"] = 1.986445857e-25 / wavelength
        detector = f.create_group("entry_1/instrument_1/detector_1")
        detector["distance"], detector["x_pixel_size"], detector["y_pixel_size"] = distance, pixel, pixel
        detector["translation"] = np.stack([-cols * size, -rows * size, 0.0 * rows], axis=1)
        data = detector.create_dataset("data", (count, n, n), "u2", chunks=(1, n, n), **hdf5plugin.Bitshuffle(cname="lz4"))
        start = 0
        for piece in pieces():
            data[start : start + len(piece)] = piece
            start += len(piece)
        f["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
        f["entry_1/sample_1/geometry_1/translation"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/translation")
        probes = detector.create_dataset("probe", data=probe[None])
print(f"{options.out}: {count} patterns of {n}x{n}")
