"""Writes scan.cxi with cdtools. Rows and columns of its detector point to −y and −x, so that pattern (row, column) has the translation (−x, −y)."""
from importlib.metadata import version

import torch
from cdtools.datasets import Ptycho2DDataset

from given import *

basis = np.array([[0, -pixel], [-pixel, 0], [0, 0]])
dataset = Ptycho2DDataset(
    torch.as_tensor(-np.stack([x, y, 0 * x], axis=1)), torch.as_tensor(counts.astype("f4")), wavelength=wavelength,
    detector_geometry={"distance": distance, "basis": torch.as_tensor(basis), "corner": None}, mask=torch.ones(N, N, dtype=torch.bool))
dataset.to_cxi(path("scan.cxi"))
print("cdtools", version("cdtools-py"))
