"""The scan that all files here have: asymmetric, so that a wrong order, sign or unit of anything gives other values."""
import os

import h5py
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(5)
N, n = 24, 12
wavelength, distance, pixel = 1.24e-10, 1.9, 75e-6
dx = wavelength * distance / (N * pixel)
rows, cols = rng.uniform(0, 9, n), rng.uniform(0, 21, n)
rows[3], cols[5] = 0, 0
y, x = rows * dx - 3e-6, cols * dx + 5e-6
gy, gx = np.mgrid[:N, :N]
counts = rng.poisson(40 * np.exp(-((gy - 7) ** 2 + (gx - 9) ** 2) / 9), (n, N, N)).astype("u4")
probe = np.exp(-((gy - 8) ** 2 + (gx - 8) ** 2) / 12 + 0.1j * gx).astype("c8")
bad = [(2, 11), (9, 4)]
mask = np.ones((N, N), "u1")
for r, c in bad:
    mask[r, c] = 0
masked = counts * mask
marked = counts.copy()
for r, c in bad:
    marked[:, r, c] = 2 ** 32 - 1
energy = 6.62607015e-34 * 299792458 / wavelength


def new(name):
    return h5py.File(os.path.join(here, name), "w")
