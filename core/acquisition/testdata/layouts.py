"""Writes the scan of truth.py in the layouts of facilities and programs, into layouts/.

    python layouts.py         (needs h5py, NumPy, hdf5plugin and emdfile)

The layouts follow the documentation of each program. The data cube is written by emdfile, which is py4DSTEM's writer.
"""
import emdfile
import hdf5plugin

from truth import *

here = os.path.join(here, "layouts")
os.makedirs(os.path.join(here, "batch"), exist_ok=True)
u2 = counts.astype("u2")
bad2 = u2.copy()  # the detector marks bad pixels by the largest number
for r, c in bad:
    bad2[:, r, c] = 2 ** 16 - 1
keV = energy / 1.602176634e-16
detector, attributes = "entry/instrument/detector", "entry/instrument/NDAttributes"


def new(name):
    return h5py.File(os.path.join(here, name), "w")


def stack(f, path, data=bad2):
    return f.create_dataset(path, data=data, chunks=(1,) * (data.ndim - 2) + (N, N), compression="gzip", shuffle=True)


def united(f, path, value, unit):
    f[path] = value
    f[path].attrs["units"] = np.bytes_(unit)


with new("positions.h5") as f:  # for the files that have none
    f["y_nm"], f["x_nm"] = y * 1e9, x * 1e9
with new("eiger_master.h5") as f:
    for k, s in enumerate([slice(0, 7), slice(7, n)], 1):
        data = f"eiger_data_{k:06}.h5"
        with new(data) as g:
            g.create_dataset("entry/data/data", data=counts[s], chunks=(1, N, N), **hdf5plugin.Bitshuffle(cname="lz4"))
        f[f"entry/data/data_{k:06}"] = h5py.ExternalLink(data if k == 1 else "/beamline/raw/" + data, "/entry/data/data")
    united(f, detector + "/detector_distance", distance * 1e3, "mm")
    united(f, detector + "/x_pixel_size", pixel, "m")
    united(f, detector + "/y_pixel_size", pixel, "m")
    united(f, detector + "/detectorSpecific/photon_energy", keV * 1e3, "eV")
    f[detector + "/detectorSpecific/nimages"], f[detector + "/detectorSpecific/ntrigger"] = 1, n
    f[detector + "/detectorSpecific/pixel_mask"] = np.where(mask, 0, 8).astype("u4")
    f[detector + "/beam_center_y"], f[detector + "/beam_center_x"] = 12.4, 12.1
    f[detector + "/description"] = np.bytes_("Dectris EIGER2 X 1M")
    f[detector + "/bit_depth_readout"] = np.uint16(32)
with new("centred_master.h5") as f:  # the scan in a larger detector, with the beam off its middle
    large = np.zeros((n, 40, 33), "u4")
    large[:, 13:13 + N, 2:2 + N] = marked
    stack(f, "entry/data/data_000001", large)
    f[detector + "/detector_distance"], f[detector + "/x_pixel_size"], f[detector + "/y_pixel_size"] = distance, pixel, pixel
    f[detector + "/detectorSpecific/photon_energy"] = keV * 1e3
    f[detector + "/beam_center_y"], f[detector + "/beam_center_x"] = 13 + 12.3, 2 + 12.2
with new("fold.h5") as f:
    f.create_dataset("dp", data=bad2, compression="lzf")
    f["ppX"], f["ppY"], f["lambda"], f["dx"] = x, y, wavelength, dx
with new("slice_dp.hdf5") as f:
    f.create_dataset("dp", data=bad2, compression="lzf")
with new("slice_para.hdf5") as f:
    f["ppX"], f["ppY"], f["lambda"], f["dx"] = x[:, None], y[:, None], wavelength, [[dx]]
with new("vit_dp.hdf5") as f:
    stack(f, "dp")
with new("vit_para.hdf5") as f:
    f["probe_position_indexes"], f["probe_position_x_m"], f["probe_position_y_m"] = np.arange(n), x, y
    f["probe"] = probe[None, None]
    f.create_dataset("object", data=np.ones((1, 40, 52), "c8"), compression="gzip").attrs.update(pixel_height_m=dx, pixel_width_m=dx, center_x_m=0.0, center_y_m=0.0)
with h5py.File(os.path.join(here, "matlab.mat"), "w", userblock_size=512) as f:  # MATLAB reverses the axes
    stack(f, "det_data", bad2.transpose(0, 2, 1).copy())
    f["det_pixel_size"], f["det_dist"], f["energy"] = [[pixel * 1e6]], [[distance * 1e6]], [[keV]]
    f["pos_xy"] = np.stack([np.arange(n), x * 1e6, y * 1e6])
    f["prb"] = probe.T.copy().view([("real", "f4"), ("imag", "f4")])
with new("aps04.h5") as f:
    stack(f, "raw/frames")
    f["entry/externals/eiger"] = h5py.SoftLink("/raw/frames")
    f[attributes + "/Xpos"], f[attributes + "/Ypos"], f[attributes + "/DetectorDistance"] = x * 1e6, y * 1e6, np.full(n, distance * 1e3)
    f["entry/instrument/bluesky/streams/baseline/mono_energy/value_start"] = keV
with new("aps09.h5") as f:
    stack(f, "exchange/data")
    f["exchange/motor_pos"] = np.stack([x, y], 1) * 1e3
with new("aps12.h5") as f:
    stack(f, "entry/data/data")
    f[attributes + "/monoE"] = np.full(n, keV)
with new("aps12p.h5") as f:
    stack(f, "dp")
    f["positions"] = np.stack([0 * x, y * 1e9, -x * 1e9], 1)
with new("aps19.h5") as f:
    stack(f, "entry/data/data")
    f[attributes + "/Wavelength"] = np.full(n, wavelength * 1e10)
with new("aps31.h5") as f:
    large = np.zeros((n, 30, 36), "u2")
    large[:, 4:4 + N, 7:7 + N] = bad2
    stack(f, "entry/data/eiger_4", large).attrs.update(Center_x_pixel=7 + 12.0, Center_y_pixel=4 + 12.0, Detector_distance_m=distance, Photon_energy_kev=keV, Pixel_size=pixel)
with new("aps31a.h5") as f:
    stack(f, "entry/data/data")
    f[detector + "/detector_distance"], f[detector + "/x_pixel_size"], f["entry/instrument/monochromator/energy"] = [distance * 1e3], [pixel * 1e6], [keV]
    f["entry/metadata_units/MonoEnergy_EGU"] = np.bytes_("keV")
with new("hxn.h5") as f:
    stack(f, "diff_data/merlin1/det_images")
    f["scan/scan_positions"], f["scan/energy"] = np.stack([x, y]) * 1e6, keV * 1e3
with new("nanomax.h5") as f:
    stack(f, "entry/measurement/eiger1m/frames")
    f["entry/measurement/pseudo/x"], f["entry/measurement/pseudo/y"] = x * 1e6, y * 1e6
with new("softimax.h5") as f:
    stack(f, "entry/instrument/zyla/data")
with new("csaxs.h5") as f:
    stack(f, "entry/data/data")
    f["entry/instrument/monochromator/energy"], f["entry/instrument/monochromator/distance"] = keV, -distance * 1e3
    f["entry/instrument/eiger_4/x_pixel_size"] = pixel * 1e6
with new("lcls.h5") as f:
    stack(f, "jungfrau1M/image_img")
    f["lmc/ch03"], f["lmc/ch04"], f["lmc/ch05"], f["ipm2/sum"] = -x * 1e6, 0 * x, -y * 1e6, np.full(n, 2500.0)
with new("nexus.h5") as f:
    stack(f, "entry/data/data")
with new("i13.nxs") as f:
    stack(f, "entry1/merlin_sw_hdf/data")
    f["entry1/instrument/name"] = np.bytes_("I13-1")
    f["entry1/merlin_sw_hdf/lab_sy"], f["entry1/merlin_sw_hdf/lab_sx"] = y * 1e6, x * 1e6
with new("i08.nxs") as f:
    stack(f, "entry1/instrument/_andorrastor/data", bad2.reshape(3, 4, N, N))
step = 2.5 * dx  # of the rasters: 3 rows of 4
with new("i14.nxs") as f:
    f["entry/instrument/name"] = np.bytes_("I14")
    stack(f, "entry/excalibur_addetector/data", bad2.reshape(3, 4, N, N))
    united(f, "entry/instrument/detectors/excalibur_z", -distance * 1e3, "mm")
    f["entry/excalibur_addetector/SampleY_value_set"], f["entry/excalibur_addetector/SampleX_value_set"] = np.arange(3) * step * 1e3, np.arange(4) * step * 1e3


class DataCube(emdfile.Array):
    pass


class Calibration(emdfile.Metadata):
    pass


cube = DataCube(np.where(mask, counts.reshape(3, 4, N, N), -1).astype("i2"), name="datacube", dims=[step * 1e9, step * 1e9, 1, 1])
calibration = Calibration("calibration")
for key, value in {"Q_pixel_size": 1e-10 / (N * dx), "Q_pixel_units": "A^-1", "R_pixel_size": step * 1e9, "R_pixel_units": "nm", "QR_flip": False}.items():
    calibration[key] = value
root = emdfile.Root(name="datacube_root")
root.tree(cube)
root.metadata = calibration
emdfile.save(os.path.join(here, "datacube.h5"), root, mode="o")
