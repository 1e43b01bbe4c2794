"""Writes scan.ptyd with ptypy, in chunks of 40 patterns, and result.ptyr: its image after 60 iterations of the difference map."""
from ptypy import utils, version
from ptypy.core import Ptycho
from ptypy.core.data import PtyScan

from given import *


class Given(PtyScan):
    """The given scan."""

    def load_positions(self):
        return np.stack([y, x], axis=1)

    def load_weight(self):
        return np.ones((N, N))

    def load(self, indices):
        return {i: counts[i].astype("f4") for i in indices}, {}, {}


given = Given(dfile=path("scan.ptyd"), save="append", shape=N, psize=pixel, distance=distance, energy=energy / 1.602176634e-16, num_frames=n,
              auto_center=False, min_frames=40)
given.initialize()
while given.auto(40) != given.EOS:
    pass
settings = utils.Param(verbose_level="WARNING", run="scan")
settings.io = utils.Param(home=folder, rfile=path("result.ptyr"), autosave=utils.Param(active=False), autoplot=utils.Param(active=False), interaction=utils.Param(active=False))
light = utils.Param(model=None, aperture=utils.Param(form="circ", size=0.34 * N * dx))
settings.scans = utils.Param(given=utils.Param(name="Full", data=utils.Param(name="PtydScan", source="file", dfile=path("scan.ptyd")), illumination=light))
settings.engines = utils.Param(only=utils.Param(name="DM", numiter=60, numiter_contiguous=20))
Ptycho(settings, level=5)
print("ptypy", version.split(".dev")[0])
