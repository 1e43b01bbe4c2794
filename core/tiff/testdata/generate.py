"""Writes wide.tif, whose LZW uses codes of all widths.

    python generate.py        (needs NumPy, tifffile and imagecodecs)
"""
import os

import numpy as np
import tifffile

r, c = np.mgrid[:64, :64]
tifffile.imwrite(os.path.join(os.path.dirname(os.path.abspath(__file__)), "wide.tif"), ((r * r * 37 + c * c * 91 + r * c * 13) % 65521).astype("u2"),
                 photometric="minisblack", compression="lzw", metadata=None)
