"""Compares HDF5 files with the raw values beside them: NAME.h5 and NAME.h5.raw, which has path, length and bytes of each dataset."""
import pathlib
import sys

import h5py

compared = 0
for raw in sorted(pathlib.Path(sys.argv[1]).glob("*.raw")):
    with h5py.File(raw.with_suffix(""), "r") as f, raw.open("rb") as r:
        assert f.attrs["title"] == "Ångström", f.attrs["title"]
        assert f.attrs["none"] == "", f.attrs["none"]
        assert list(f.attrs["names"]) == ["a", "", "µ"], f.attrs["names"]
        assert list(f.attrs["numbers"]) == [1, 2.5], f.attrs["numbers"]
        assert f.attrs["yes"] == True, f.attrs["yes"]  # a NumPy boolean
        while path := r.readline().decode().strip("\n"):
            want = r.read(int(r.readline()))
            d = f[path]
            assert d[()].tobytes() == want, (raw, path)
            if d.attrs.keys():
                assert d.attrs["unit"] == "m", d.attrs["unit"]
            compared += 1
        texts = []
        f.visititems(lambda _, o: texts.append(o.asstr()[()]) if isinstance(o, h5py.Dataset) and h5py.check_string_dtype(o.dtype) else None)
        assert all(set(t) <= set("Ångström ") for all in texts for t in all), texts
    with h5py.File(raw.with_suffix(""), "r+") as f:  # a file that the library can also change
        f["added"] = [1, 2, 3]
        f.attrs["more"] = "text"
        f["long"].attrs["more"] = 1
print(compared, "datasets are equal")
