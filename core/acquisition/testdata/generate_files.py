"""Writes the scan of generate.py as files that are not HDF5, each by the program that usually writes it.

    python generate_files.py        (needs NumPy, tifffile, imagecodecs and SciPy; writes beside itself, after generate.py)
"""
import os

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
wavelength, distance, pixel, N = 1.24e-10, 1.9, 75e-6, 24
expected = np.load(os.path.join(here, "expected.npz"))
counts, rows, cols, probe, mask = (expected[k] for k in ["intensity", "ycoords", "xcoords", "probeGuess", "mask"])
dx = wavelength * distance / (N * pixel)
y, x = rows * dx - 3e-6, cols * dx + 5e-6
u2 = counts.astype("u2")


def at(name):
    return os.path.join(here, name)


np.savez_compressed(at("columns.npz"), reciprocal=u2.reshape(3, 4, N, N), position=np.stack([y, x], 1) * 1e6, probe=probe,
                    y_um=y[:, None] * 1e6, x_um=x[:, None] * 1e6, bad_pixels=mask == 0)
np.savez(at("ptychodus.npz"), patterns=u2, indexes=np.arange(12), bad_pixels=mask == 0)
np.savez(at("product.npz"), probe_position_indexes=np.arange(12), probe_position_y_m=y, probe_position_x_m=x, probe=probe[None, None],
         name="scan", detector_object_distance_m=distance, photon_energy_eV=1e4)
np.save(at("stack.npy"), u2)
np.save(at("bigendian.npy"), u2.astype(">i4"))
np.savetxt(at("motors.csv"), np.stack([np.arange(12), x * 1e6, y * 1e6], 1), delimiter=",", header="trigger, x_um, y_um", comments="", fmt="%.12g")
np.savetxt(at("motors.txt"), np.stack([y, x], 1) * 1e3, header="positions (row, column) in mm", fmt="%.12g")

import tifffile  # noqa: E402

for name, data, options in [
    ("stack.tif", u2, dict(compression="deflate", predictor=True)),
    ("bigendian.tif", u2.astype("i4"), dict(byteorder=">", compression="lzw", rowsperstrip=5)),
    ("tiles.tif", u2.astype("u4"), dict(tile=(16, 16), compression="packbits", bigtiff=True)),
    ("floats.tif", u2.astype("f4"), dict(compression="deflate", predictor=3)),
    ("imagej.tif", u2, dict(imagej=True)),
]:
    with tifffile.TiffWriter(at(name), **{k: options.pop(k) for k in ["byteorder", "bigtiff", "imagej"] if k in options}) as t:
        if name == "imagej.tif":
            t.write(data)
        else:
            for page in data:
                t.write(page, contiguous=False, photometric="minisblack", **options)
os.makedirs(at("frames"), exist_ok=True)
for i, page in enumerate(u2):  # frame9.tif is before frame10.tif, with different numbers of pages
    if i != 4:
        tifffile.imwrite(at(f"frames/frame{i + 1}.tif"), u2[3:5] if i == 3 else page, photometric="minisblack", compression="lzw", predictor=i % 2 == 0,
                         byteorder=">" if i == 7 else "<")

import scipy.io  # noqa: E402

matlab = dict(dp=np.moveaxis(u2, 0, 2), probe=np.moveaxis(probe[None], 0, 2), outputs=dict(probe_positions=np.stack([x, y], 1) * 1e6), p={"lambda": wavelength, "names": ["a", "b"]})
scipy.io.savemat(at("fold_slice.mat"), matlab, do_compression=True)
scipy.io.savemat(at("plain.mat"), dict(matlab, dp=np.moveaxis(u2, 0, 2).reshape(N, N, 4, 3, order="F"), probe=0), do_compression=False)

np.savez_compressed(at("complete.npz"), patterns=u2, bad_pixels=mask == 0, probe=probe[None, None], probe_position_y_m=y, probe_position_x_m=x,
                    detector_object_distance_m=distance, photon_energy_eV=6.62607015e-34 * 299792458 / wavelength / 1.602176634e-19,
                    probe_pixel_width_m=dx, probe_pixel_height_m=dx)


def merlin(dtype, bits, side=N, head=384):
    """Frames of the Merlin detector: a header of text before each, the pixels in big-endian order."""
    out = b""
    for i, frame in enumerate(u2):
        text = f"MQ1,{i + 1:06d},{head:05d},01,{side:04d},{side:04d},U{bits:02d},   1x1,01,2024-05-01 12:00:00.000000,0.001,0,0,0,1.2E+2,"
        out += text.encode().ljust(head, b"\0") + frame.astype(dtype).tobytes()
    return out


open(at("merlin.mib"), "wb").write(merlin(">u2", 16))
# Numbers without a description: 100 bytes before the first pattern, 6 behind each.
open(at("numbers.bin"), "wb").write(b"x" * 100 + b"".join(f.astype(">i4").tobytes() + b"gap---" for f in u2))
u2.tofile(at("plain.raw"))
