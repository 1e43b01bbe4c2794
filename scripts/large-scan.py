#!/usr/bin/env python3
"""Writes a large scan with Poisson counts, to measure time and memory of commands.

  large-scan.py GIB OUT.h5|OUT.npz [OUT …] [--side 128]

GIB is the size of the patterns as uint16. OUT.h5 is a CXI file with bitshuffle-LZ4 chunks of one pattern; it needs h5py and
hdf5plugin. OUT.npz is not compressed. All files hold the same scan: a defocused probe on an object that repeats after 256 pixels,
1e6 photons. A pattern is the sum of two Poisson patterns of half the mean, each drawn from a few for its place of the object: the sum has
Poisson counts, no two patterns are equal, and a random number is not drawn for each of the counts.
"""
import argparse
import math
import zipfile

import numpy as np

TILE, STEP, PHOTONS = 256, 8, 1e6  # pixels of the object after which it repeats, of a step; photons of a pattern
PIECE = 256  # patterns written at once

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("gib", type=float)
parser.add_argument("out", nargs="+")
parser.add_argument("--side", type=int, default=128)
options = parser.parse_args()
n = options.side
count = int(options.gib * 2**30) // (2 * n * n)
width = math.ceil(math.sqrt(count))
places = TILE // STEP  # along an axis
random = np.random.default_rng(1)
line, column = np.divmod(np.arange(count), width)
rows, cols = line * STEP, column * STEP


def centred(k):
    """Returns row and column of the pixels of a k×k image, 0 at the middle."""
    return np.meshgrid(np.arange(k) - k // 2, np.arange(k) - k // 2, indexing="ij")


# A defocused lens, whose light covers more than half of the detector's width and a quarter of the window.
y, x = centred(n)
lens = np.exp(-(((x**2 + y**2) / (0.3 * n) ** 2) ** 2) + 2j * (x**2 + y**2) / n)
probe = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(lens))).astype(np.complex64)


def rough_object():
    """Returns a phase object with structures of all sizes, periodic in TILE."""
    ky, kx = centred(TILE)
    strength = np.fft.ifftshift(1 / (9 + ky**2 + kx**2) ** 0.75)
    field = np.fft.ifft2(strength * np.fft.fft2(random.normal(size=(TILE, TILE)))).real
    return np.exp(0.5j * field / field.std()).astype(np.complex64)


def half_patterns():
    """Returns the patterns of half the mean, [places², 2, draws, n, n]."""
    place = line % places * places + column % places
    draws = math.ceil(math.sqrt(np.bincount(place).max()))
    object_ = rough_object()
    halves = np.empty((places * places, 2, draws, n, n), np.uint16)
    for i in range(places * places):
        at = (np.arange(n)[:, None] + i // places * STEP) % TILE, (np.arange(n)[None] + i % places * STEP) % TILE
        far = np.abs(np.fft.fftshift(np.fft.fft2(probe * object_[at]))) ** 2
        halves[i] = random.poisson(far * (PHOTONS / 2 / far.sum()), halves[i].shape)
    return place, halves


def pieces():
    """Yields the patterns, some at a time, with the number of the first."""
    place, halves = half_patterns()
    draws, seen = halves.shape[2], np.zeros(len(halves), int)
    for start in range(0, count, PIECE):
        piece = np.empty((min(PIECE, count - start), n, n), np.uint16)
        for k, p in enumerate(place[start : start + PIECE]):
            np.add(halves[p, 0, seen[p] // draws], halves[p, 1, seen[p] % draws], out=piece[k])
            seen[p] += 1
        yield start, piece


class NPZ:
    """An npz file that is not compressed."""

    def __init__(self, name):
        self.archive = zipfile.ZipFile(name, "w", zipfile.ZIP_STORED, allowZip64=True)
        for key, values in {"xcoords": cols + n / 2, "ycoords": rows + n / 2, "probeGuess": probe}.items():
            with self.archive.open(key + ".npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(values))
        self.member = self.archive.open("diffraction.npy", "w", force_zip64=True)
        np.lib.format.write_array_header_1_0(self.member, {"descr": "<u2", "fortran_order": False, "shape": (count, n, n)})

    def write(self, _, piece):
        self.member.write(piece.tobytes())

    def close(self):
        self.member.close()
        self.archive.close()


class CXI:
    """A CXI file with compressed chunks."""

    def __init__(self, name):
        import h5py
        import hdf5plugin

        wavelength, distance, pixel = 1.24e-10, 2.0, 75e-6
        size = wavelength * distance / (n * pixel)
        self.file = f = h5py.File(name, "w")
        f["cxi_version"] = 160
        f["entry_1/instrument_1/source_1/energy"] = 1.986445857e-25 / wavelength
        detector = f.create_group("entry_1/instrument_1/detector_1")
        detector["distance"], detector["x_pixel_size"], detector["y_pixel_size"] = distance, pixel, pixel
        detector["translation"] = np.stack([cols * size, rows * size, 0.0 * rows], axis=1)
        self.data = detector.create_dataset("data", (count, n, n), "u2", chunks=(1, n, n), **hdf5plugin.Bitshuffle(cname="lz4"))
        f["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
        f["entry_1/sample_1/geometry_1/translation"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/translation")
        detector.create_dataset("probe", data=probe[None])
        f["entry_1/instrument_1/source_1/illumination"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/probe")

    def write(self, start, piece):
        self.data[start : start + len(piece)] = piece

    def close(self):
        self.file.close()


files = [NPZ(name) if name.endswith(".npz") else CXI(name) for name in options.out]
for start, piece in pieces():
    for f in files:
        f.write(start, piece)
for f in files:
    f.close()
print(f"{', '.join(options.out)}: {count} patterns of {n}x{n}")
