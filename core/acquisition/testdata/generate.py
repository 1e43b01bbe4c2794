"""Writes one small scan in each layout that the package reads, and expected.npz with its counts and positions in object pixels.

    python generate.py        (needs h5py and NumPy; writes beside itself)

The layouts follow the documentation of each program. Patterns, positions and masks are asymmetric, so that a wrong order, sign or
unit of anything gives other values.
"""
from truth import *

np.savez(os.path.join(here, "expected.npz"), intensity=masked.astype("i4"), ycoords=rows, xcoords=cols, probeGuess=probe, mask=mask)


def cxi(f, data):
    f["cxi_version"] = 160
    d = f.create_group("entry_1/instrument_1/detector_1")
    d.create_dataset("data", data=data, chunks=(1, N, N), compression="gzip")
    f["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
    f["entry_1/sample_1/geometry_1/translation"] = np.stack([x, y, 0 * x], 1)
    f["entry_1/data_1/translation"] = h5py.SoftLink("/entry_1/sample_1/geometry_1/translation")
    d["distance"] = distance
    f["entry_1/instrument_1/source_1/illumination"] = probe
    return d


with new("plain.cxi") as f:  # mask with the bit that is not bad, energy in J
    d = cxi(f, counts)
    d["x_pixel_size"], d["y_pixel_size"] = pixel, pixel
    d["mask"] = np.where(mask, 0x1000, 4).astype("u4")
    f["entry_1/instrument_1/source_1/energy"] = energy
with new("nxcxi.cxi") as f:  # marked pixels, the ring's energy at source_1, vectors in place of sizes
    d = cxi(f, marked)
    d["basis_vectors"] = np.array([[0, -pixel], [-pixel, 0], [0, 0]])
    f["entry_1/instrument_1/source_1/energy"] = 3e9 * 1.602176634e-19
    f["entry_1/instrument_1/beam_1/energy"] = energy
with new("i08.h5") as f:
    f["entry_1/data/data"], f["entry_1/data/x"], f["entry_1/data/y"] = marked, x, y
    f["entry_1/instrument_1/beam_1/energy"] = energy
    d = f.create_group("entry_1/instrument_1/detector_1")
    d["distance"], d["x_pixel_size"], d["y_pixel_size"] = -distance, pixel, pixel
with new("prepared.ptyd") as f:  # two chunks, weights
    for k, s in enumerate([slice(0, 7), slice(7, n)]):
        f.create_dataset(f"chunks/{k}/data", data=counts[s], compression="gzip")
        f[f"chunks/{k}/positions"] = np.stack([y[s], x[s]], 1)
        f[f"chunks/{k}/indices"] = np.arange(n)[s]
    f["meta/energy"], f["meta/distance"], f["meta/psize"], f["meta/weight2d"] = energy / 1.602176634e-16, distance, np.array([pixel, pixel]), mask.astype("f8")
with new("ptylab.hdf5") as f:
    f["ptychogram"], f["encoder"] = np.where(mask, counts.astype("f4"), -1), np.stack([y, x], 1)
    f["dxd"], f["zo"], f["wavelength"] = pixel, distance, wavelength
with new("nsls.h5") as f:
    f["diffamp"], f["points"] = np.where(mask, np.sqrt(counts), -1), np.stack([x, y]) * 1e6
    f["lambda_nm"], f["z_m"], f["ccd_pixel_um"] = wavelength * 1e9, distance, pixel * 1e6
faults = {"negative.hdf5": counts * 0.0 - 1, "bright.hdf5": counts * 1e38, "nan.hdf5": np.where(gy == 3, np.nan, counts)}
for name, data in faults.items():
    with new(name) as f:
        f.create_dataset("ptychogram", data=data, compression="gzip")
        f["encoder"], f["dxd"], f["zo"], f["wavelength"] = np.stack([y, x], 1), pixel, distance, wavelength
with new("broken.cxi") as f:  # the file of the mask is missing
    d = cxi(f, counts)
    d["x_pixel_size"], d["mask"] = pixel, h5py.ExternalLink("nowhere.h5", "/mask")
    f["entry_1/instrument_1/source_1/energy"] = energy
with new("unknown.h5") as f:
    f["scan/frames"], f["scan/motors"] = counts, np.stack([x, y], 1)
