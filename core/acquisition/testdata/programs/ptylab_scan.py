"""Lets PtyLab write scan.hdf5, a scan that it simulates."""
from importlib.metadata import version
from pathlib import Path

import h5py
from PtyLab.io.generateSimulationData import generate_simu_hdf5

from given import *

generate_simu_hdf5(Path(path("scan.hdf5")))
with h5py.File(path("scan.hdf5")) as f:
    own = f["ptychogram"][()]
    size = float(f["wavelength"][0]) * float(f["zo"][0]) / (own.shape[1] * float(f["dxd"][0]))
    at = f["encoder"][()].astype("f8") / size
np.savez(path("expected.npz"), intensity=own, ycoords=at[:, 0] - at[:, 0].min(), xcoords=at[:, 1] - at[:, 1].min())
print("PtyLab", version("ptylab"))
