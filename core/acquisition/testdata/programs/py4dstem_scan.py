"""Writes scan.h5 with py4DSTEM. The positions are those of a raster, of which py4DSTEM has the step."""
import py4DSTEM

from given import *

lines = len(np.unique(np.round(rows, 6)))
cube = py4DSTEM.DataCube(counts.astype("u2").reshape(lines, -1, N, N))
cube.calibration.set_R_pixel_size((y.max() / (lines - 1)) * 1e9)
cube.calibration.set_R_pixel_units("nm")
cube.calibration.set_Q_pixel_size(1e-10 / (N * dx))
cube.calibration.set_Q_pixel_units("A^-1")
py4DSTEM.save(path("scan.h5"), cube, mode="o")
print("py4DSTEM", py4DSTEM.__version__)
