"""Writes diffraction.h5 and product.h5 with Ptychodus."""
from importlib.metadata import version
from pathlib import Path

from ptychodus.api import io
from ptychodus.api.geometry import PixelGeometry
from ptychodus.api.object import Object, ObjectCenter
from ptychodus.api.probe import ProbeSequence
from ptychodus.api.probe_positions import ProbePosition, ProbePositionSequence
from ptychodus.api.product import Product, ProductMetadata

from given import *

to, size = Path(folder), PixelGeometry(dx, dx)
io.save_diffraction_data(to / "diffraction.h5", io.AssembledDiffractionData(np.arange(n), counts.astype("u2"), PixelGeometry(pixel, pixel), np.zeros((N, N), bool)))
points = [ProbePosition(i, float(x[i]), float(y[i])) for i in range(n)]
io.save_product(to / "product.h5", Product(
    ProductMetadata("scan", "", distance, energy / 1.602176634e-19, 1e4, 0.1, 0.0, 0.0), ProbePositionSequence(points),
    ProbeSequence(probe[None], None, size), Object(np.ones((1, 40, 52), "c8"), size, ObjectCenter(0.0, 0.0)), []))
print("Ptychodus", version("ptychodus"))
