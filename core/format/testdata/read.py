"""Reads the files of exchange_test.go with h5py, and with tifffile and Ptychodus where they are installed."""
import importlib.metadata
import json
import pathlib
import sys

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1])
H, W, N, MODES = 5, 7, 4, 2
i = np.arange(H * W)
OBJECT = (i - 2j * i).reshape(H, W).astype(np.complex64)
i = np.arange(MODES * N * N)
PROBE = (i.astype(np.float32) / np.float32(3) + 1j * (i * i)).reshape(MODES, N, N).astype(np.complex64)
ROWS, COLS, PIXEL = np.array([0, 1.5, 3]), np.array([12, 13, 15.25]), 30e-9
ENERGY = 6.62607015e-34 * 299792458 / 0.124e-9


def same(a, b):
    assert np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-12, atol=0), (a, b)


with h5py.File(folder / "product.h5") as f:
    assert f.attrs["name"] == "Probe µ.cxi" and f.attrs["ptycho_source_digest"] == "ab12", dict(f.attrs)
    same(f.attrs["detector_object_distance_m"], 2.0)
    same(f.attrs["photon_energy_eV"], ENERGY / 1.602176634e-19)
    for name in ["probe_energy_eV", "probe_photon_count", "exposure_time_s", "mass_attenuation_m2_kg", "tomography_angle_deg", "comments"]:
        assert name in f.attrs, name
    same(f["probe_position_indexes"], [4, 7, 9])
    same(f["probe_position_x_m"], COLS * PIXEL)
    same(f["probe_position_y_m"], ROWS * PIXEL)
    assert (f["probe"][0] == PROBE).all() and (f["object"][0] == OBJECT).all()
    for name in ["pixel_width_m", "pixel_height_m"]:
        same(f["probe"].attrs[name], PIXEL)
        same(f["object"].attrs[name], PIXEL)
    same(f["object"].attrs["center_x_m"], (10 + W / 2) * PIXEL)
    same(f["object"].attrs["center_y_m"], (-2.5 + H / 2) * PIXEL)
    same(f["loss_values"], [3, 2, 1.5])
    assert json.loads(f["ptycho_report"].asstr()[()]) == {"R": 0.01}
with h5py.File(folder / "image.cxi") as f:
    assert f["cxi_version"][()] == 160
    e = f["entry_1"]
    assert (e["image_2/data"][0] == OBJECT).all() and (e["image_1/data"][0] == PROBE).all()
    same(e["image_2/x"], (10 + np.arange(W)) * PIXEL)
    same(e["image_2/y"], (-2.5 + np.arange(H)) * PIXEL)
    same(e["image_2/image_size"], [W * PIXEL, H * PIXEL, 0])
    same(e["data_1/translation"], np.stack([COLS * PIXEL, ROWS * PIXEL, 0 * COLS], 1))
    same(e["instrument_1/source_1/energy"], ENERGY)
    same(e["instrument_1/source_1/wavelength"], 0.124e-9)
    assert e["process_1/program"].asstr()[()] == "ptycho" and e["process_1/command"].asstr()[()] == "solve"
COUNTS = (1000 * np.arange(48)).reshape(3, N, N)
with h5py.File(folder / "scan.cxi") as f:
    e = f["entry_1"]
    assert e["data_1/data"].dtype == np.uint16 and (e["data_1/data"][()] == COUNTS).all()
    assert e["data_1/data"].attrs["axes"] == "translation:y:x"
    assert f.get("entry_1/data_1/data", getlink=True).path == "/entry_1/instrument_1/detector_1/data"
    mask = e["instrument_1/detector_1/mask"][()]
    assert mask.dtype == np.uint32 and mask[1, 1] == 1 and mask.sum() == 1
    for name, want in {"distance": 2, "x_pixel_size": 75e-6, "y_pixel_size": 75e-6}.items():
        same(e["instrument_1/detector_1"][name], want)
    assert (e["instrument_1/source_1/illumination"][()] == PROBE).all()
    same(e["sample_1/geometry_1/translation"], np.stack([COLS * PIXEL, ROWS * PIXEL, 0 * COLS], 1))
with h5py.File(folder / "scan.h5") as f:
    assert (f["patterns"][()] == COUNTS).all()
    same(f["indexes"], [4, 7, 9])
    same(f["patterns"].attrs["detector_pixel_width_m"], 75e-6)
    bad = f["bad_pixels"][()]
    assert bad.dtype == bool and bad[1, 1] and bad.sum() == 1
print("h5py: all paths")

try:
    import tifffile
except ImportError:
    print("tifffile is not installed")
else:
    coverage = (np.arange(H * W, dtype=np.float32) / np.float32(7)).reshape(H, W)
    for name, unit, size in [("nm", "nm", 30), ("micron", "micron", 2.5), ("angstrom", "nm", 0.025), ("unknown", "pixel", 1)]:
        with tifffile.TiffFile(folder / (name + ".tif")) as t:
            assert t.is_imagej and t.imagej_metadata["unit"] == unit, t.imagej_metadata
            assert t.imagej_metadata["yorigin"] == 3.25 and t.imagej_metadata["xorigin"] == -40, t.imagej_metadata
            assert t.asarray().dtype == np.float32 and (t.asarray() == coverage).all()
            for tag in ["XResolution", "YResolution"]:
                pixels, units = t.pages[0].tags[tag].value
                assert abs(units / pixels / size - 1) < 1e-6, (name, pixels, units)
    print("tifffile: pixels and sizes")

try:
    from ptychodus.api.io import load_diffraction_data, load_product
    from ptychodus.plugins.cxi_file import CXIDiffractionFileReader, CXIProductFileIO
except ImportError:
    print("Ptychodus is not installed")
else:
    for p in [load_product(folder / "product.h5"), CXIProductFileIO().read(folder / "image.cxi")]:
        assert (p.object_.get_array()[0] == OBJECT).all() and (p.probes.get_array()[0] == PROBE).all()
        same(p.metadata.detector_distance_m, 2.0)
        same(p.probe_positions.get_coordinates_x_m(), COLS * PIXEL)
        assert list(p.probe_positions.get_indexes()) == [4, 7, 9]
        assert [x.value for x in p.losses] == [3, 2, 1.5]
        g = p.object_.get_geometry()
        left = g.map_probe_positions_to_object_x_px(p.probe_positions) - (N - 1) / 2
        assert np.allclose(left, COLS - 10 - N / 2), left
    d = load_diffraction_data(folder / "scan.h5")
    assert (d.get_patterns() == COUNTS).all() and d.get_bad_pixels().sum() == 1
    c = CXIDiffractionFileReader().read(folder / "scan.cxi")
    assert (c[0].get_patterns() == COUNTS).all() and c.get_bad_pixels().sum() == 1
    print("Ptychodus", importlib.metadata.version("ptychodus"), "reads products and patterns")
