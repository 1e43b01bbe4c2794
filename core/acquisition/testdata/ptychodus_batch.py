"""Writes the scan of truth.py as Ptychodus does: layouts/batch/diffraction.h5 and product.h5.

    python ptychodus_batch.py     (needs ptychodus 1.7)

The product has the positions in another order than the patterns, and none for one pattern more.
"""
from pathlib import Path

from ptychodus.api import io
from ptychodus.api.geometry import PixelGeometry
from ptychodus.api.object import Object, ObjectCenter
from ptychodus.api.probe import ProbeSequence
from ptychodus.api.probe_positions import ProbePosition, ProbePositionSequence
from ptychodus.api.product import Product, ProductMetadata

from truth import *

folder = Path(here) / "layouts" / "batch"
folder.mkdir(parents=True, exist_ok=True)
patterns = np.concatenate([counts[:5], 3 * counts[:1], counts[5:]]).astype("u2")
indexes = np.concatenate([np.arange(5), [40], np.arange(5, n)])
io.save_diffraction_data(folder / "diffraction.h5", io.AssembledDiffractionData(indexes, patterns, PixelGeometry(pixel, pixel), mask == 0))
size = PixelGeometry(dx, dx)
points = [ProbePosition(int(i), float(x[i]), float(y[i])) for i in reversed(range(n))]
io.save_product(folder / "product.h5", Product(
    ProductMetadata("twin", "", distance, energy / 1.602176634e-19, 1e4, 0.1, 0.0, 0.0), ProbePositionSequence(points),
    ProbeSequence(probe[None, None].astype("c16"), None, size), Object(np.ones((1, 40, 52), "c8"), size, ObjectCenter(0.0, 0.0)), []))
