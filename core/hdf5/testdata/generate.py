"""Writes HDF5 files of every layout, chunk index, filter and type with h5py, and manifest.json with what they hold.

    python generate.py FOLDER [--small]

--small writes only the files that are committed. Needs h5py, and hdf5plugin for the filters of others.
"""
import hashlib
import json
import os
import sys

import h5py
import hdf5plugin
import numpy as np

out, small = sys.argv[1], "--small" in sys.argv
os.makedirs(out, exist_ok=True)
manifest = []
rng = np.random.default_rng(7)
VERSIONS = [("earliest", "v108"), ("v110", "v110"), ("v114", "v114"), ("latest", "latest")]


def digest(a):
    """The values as little-endian float64, or int64 and uint64 where they are whole; complex ones as pairs."""
    a = np.asarray(a)
    if a.dtype.kind == "c":
        a = np.stack([a.real, a.imag], -1)
    kind = {"u": "<u8", "i": "<i8", "b": "<u8", "f": "<f8"}[a.dtype.kind]
    return hashlib.sha256(np.ascontiguousarray(a).astype(kind).tobytes()).hexdigest()


def add(name, path, a, strings=None, note=""):
    e = {"file": name, "path": path, "shape": list(np.shape(a)), "note": note}
    if strings is not None:
        e["strings"] = strings
    else:
        a = np.asarray(a)
        e["kind"], e["sha256"] = {"u": "uint", "b": "uint", "i": "int", "f": "float", "c": "complex"}[a.dtype.kind], digest(a)
    manifest.append(e)


def counts(shape, dtype="u2"):
    return rng.poisson(3, shape).astype(dtype)


def indexes(version):
    """One dataset a chunk index; libver decides which index is used."""
    name = f"index_{version[0]}.h5"
    with h5py.File(os.path.join(out, name), "w", libver=version) as f:
        def put(path, a, **more):
            f.create_dataset(path, data=a, **more)
            add(name, path, a)
        put("contiguous", counts((5, 7)))
        put("scalar", np.float64(2.5))
        put("single", counts((6, 10)), chunks=(6, 10))
        put("single_gzip", counts((6, 10)), chunks=(6, 10), compression="gzip")
        put("fixed", counts((20, 30)), chunks=(7, 11))
        put("fixed_gzip", counts((20, 30)), chunks=(7, 11), compression="gzip", shuffle=True)
        put("fixed_max", counts((20, 30)), chunks=(7, 11), maxshape=(60, 100))
        put("grows_first", counts((50, 9)), chunks=(2, 5), maxshape=(None, 9))
        put("grows_second", counts((9, 50)), chunks=(5, 2), maxshape=(9, None))
        put("grows_middle", counts((3, 40, 5)), chunks=(2, 3, 2), maxshape=(8, None, 11), compression="gzip")
        put("grows_both", counts((30, 40)), chunks=(4, 5), maxshape=(None, None))
        put("grows_both_gzip", counts((30, 40)), chunks=(4, 5), maxshape=(None, None), compression="gzip", fletcher32=True)
        put("one_byte_chunks_paged", counts(1100 if small else 3000, "u1"), chunks=(1,))
        put("one_byte_chunks_grow", counts(500 if small else 5000, "u1"), chunks=(1,), maxshape=(None,))
        if not small and version[0] == "latest":
            put("extensible_paged", counts(140000, "u1"), chunks=(1,), maxshape=(None,))
        # early allocation without filters gives chunks without an index
        space = h5py.h5s.create_simple((10, 13), (20, 13))
        p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        p.set_chunk((3, 4))
        p.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        a = counts((10, 13))
        d = h5py.Dataset(h5py.h5d.create(f.id, b"implicit", h5py.h5t.STD_U16LE, space, p))
        d[...] = a
        add(name, "implicit", a)
        d = f.create_dataset("sparse", (40, 40), "i4", chunks=(8, 8), fillvalue=-5)
        d[10:20, 30:] = 9
        add(name, "sparse", d[...])
        d = f.create_dataset("never_written", (4, 5), "f4", fillvalue=1.5)
        add(name, "never_written", d[...])
        d = f.create_dataset("shrunk", data=counts((40, 40)), chunks=(8, 8), maxshape=(None, None))
        d.resize((11, 13))
        add(name, "shrunk", d[...])
        d = f.create_dataset("empty", (0, 5), "u2", maxshape=(None, 5))
        add(name, "empty", d[...])
        # a compact dataset
        p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        p.set_layout(h5py.h5d.COMPACT)
        a = counts((4, 6), "i2")
        h5py.Dataset(h5py.h5d.create(f.id, b"compact", h5py.h5t.STD_I16LE, h5py.h5s.create_simple((4, 6)), p))[...] = a
        add(name, "compact", a)


def filters():
    B, L = hdf5plugin.Bitshuffle, hdf5plugin.LZ4
    table = {"gzip": dict(compression="gzip"), "gzip9": dict(compression="gzip", compression_opts=9), "lzf": dict(compression="lzf"),
             "lzf_shuffle": dict(compression="lzf", shuffle=True), "shuffle": dict(shuffle=True), "fletcher": dict(fletcher32=True),
             "fletcher_gzip_shuffle": dict(fletcher32=True, compression="gzip", shuffle=True),
             "lz4": L(), "lz4_block": L(nbytes=1024), "zstd": hdf5plugin.Zstd(),
             "bitshuffle": B(cname="none"), "bslz4": B(), "bslz4_block": B(nelems=64), "bszstd": B(cname="zstd")}
    for dtype in ["u2", "<u4", "f8"] if small else ["u1", "u2", "<u4", ">u2", "f4", "f8", "c8"]:
        name = f"filter_{dtype.replace('<', '').replace('>', 'be')}.h5"
        with h5py.File(os.path.join(out, name), "w") as f:
            for key, more in table.items():
                for k, shape in enumerate([(9, 33, 17), (1, 128, 128)]):
                    a = counts(shape).astype(dtype)
                    if small:
                        a = counts([(5, 17, 9), (1, 60, 70 if dtype == "u2" else 9)][k]).astype(dtype)
                    chunk = (min(4, a.shape[0]),) + a.shape[1:]
                    path = f"{key}_{k}"
                    f.create_dataset(path, data=a, chunks=chunk, **more)
                    add(name, path, a)
            noise = rng.integers(0, 256, 600).astype("u1").view(dtype)[:72]
            noise = np.nan_to_num(noise, posinf=1, neginf=2)
            for key in ("lz4", "lzf", "bslz4"):  # incompressible
                f.create_dataset("noise_" + key, data=noise, chunks=(72,), **table[key])
                add(name, "noise_" + key, noise)


def types(version):
    name = f"types_{version[0]}.h5"
    with h5py.File(os.path.join(out, name), "w", libver=version) as f:
        for order in "<>":
            for t in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]:
                kind = np.dtype(order + t)
                a = rng.integers(0, 100, (3, 4)).astype(kind)
                if kind.kind == "i":
                    a = -a
                if kind.kind in "ui":
                    a[0, 0], a[0, 1] = np.iinfo(kind).max, np.iinfo(kind).min
                if kind.kind == "f":
                    a[0, 0], a[0, 1], a[0, 2] = -1.5, np.finfo(kind).tiny / 4, np.finfo(kind).max
                if kind.kind == "c":
                    a += 1j * rng.integers(0, 9, (3, 4))
                path = ("little_" if order == "<" else "big_") + t
                f[path] = a
                add(name, path, a)
        f["bool"] = np.array([True, False, True])
        add(name, "bool", np.array([1, 0, 1], "u1"))
        e = h5py.enum_dtype({"dark": 0, "lit": 7, "low": -3}, basetype="i2")
        f.create_dataset("enum", data=np.array([0, 7, -3], "i2"), dtype=e)
        add(name, "enum", np.array([0, 7, -3], "i2"))
        f["fixed_text"] = np.array([b"ab", b"cdef", b""], "S5")
        add(name, "fixed_text", np.zeros(3), ["ab", "cdef", ""])
        f.create_dataset("text", data=["x", "µm 長い", ""], dtype=h5py.string_dtype())
        add(name, "text", np.zeros(3), ["x", "µm 長い", ""])
        f["scalar_text"] = "one"
        add(name, "scalar_text", np.float64(0), ["one"])
        d = f.create_dataset("arrays", (2,), dtype=np.dtype(("f4", (3, 4))))
        d[...] = np.arange(24, dtype="f4").reshape(2, 3, 4)
        add(name, "arrays", np.arange(24, dtype="f4").reshape(2, 3, 4), note="array type")
        matlab = np.zeros((3, 2), [("real", "f4"), ("imag", "f4")])
        matlab["real"], matlab["imag"] = rng.random((3, 2)), rng.random((3, 2))
        f["matlab_complex"] = matlab
        add(name, "matlab_complex", matlab["real"] + 1j * matlab["imag"])
        f["named"] = np.dtype("f8")
        f.create_dataset("of_named", data=np.arange(4.0), dtype=f["named"])
        add(name, "of_named", np.arange(4.0))


def groups(version):
    name = f"groups_{version[0]}.h5"
    n = 60 if small else 700
    with h5py.File(os.path.join(out, name), "w", libver=version) as f:
        for i in range(n):
            f[f"many/d{i:05}"] = np.int16(i)
        for i in (0, n // 2, n - 1):
            add(name, f"many/d{i:05}", np.int16(i))
        f["a/b/c/deep"] = counts((2, 3))
        add(name, "a/b/c/deep", f["a/b/c/deep"][...])
        f["a/hard"] = f["a/b/c/deep"]
        add(name, "a/hard", f["a/b/c/deep"][...])
        f["a/soft"] = h5py.SoftLink("/a/b/c/deep")
        f["a/relative"] = h5py.SoftLink("b/c/deep")
        f["group_link"] = h5py.SoftLink("/a/b")
        for p in ("a/soft", "a/relative", "group_link/c/deep"):
            add(name, p, f["a/b/c/deep"][...])
        f["dangling"] = h5py.SoftLink("/nowhere")
        f["loop"] = h5py.SoftLink("/loop")
        f["elsewhere"] = h5py.ExternalLink("target.h5", "/x/data")
        f["below"] = h5py.ExternalLink("sub/target.h5", "/x/data")
        f["missing_file"] = h5py.ExternalLink("nowhere.h5", "/x")
        f["outside"] = h5py.ExternalLink("../target.h5", "/x/data")
        a = np.arange(12, dtype="u2").reshape(3, 4)
        for p in ("elsewhere", "below"):
            add(name, p, a)
        for i in range(8 if small else 40):
            f["a"].attrs[f"number{i}"] = i + 0.5
        f["a"].attrs["text"] = "volts"
        f["a"].attrs["long"] = np.arange(500 if small else 5000)
        f["a/b"].attrs["few"] = np.array([1, 2, 3], "i4")


def virtual():
    name = "virtual.h5"
    a = counts((12, 5, 6))
    for i in range(3):
        with h5py.File(os.path.join(out, f"virtual_{i}.h5"), "w") as f:
            f["data"] = a[4 * i:4 * i + 4]
            f["interleaved"] = a[i::3]
            f["wide"] = a[:, :, 2 * i:2 * i + 2]
    with h5py.File(os.path.join(out, "virtual_source_with_a_long_name.h5"), "w") as f:
        f["own_data_with_a_long_name"] = a
    for libver in (("earliest", "v110"), "latest"):
        name = "virtual.h5" if libver == "latest" else "virtual_v110.h5"
        with h5py.File(os.path.join(out, name), "w", libver=libver) as f:
            for path, pick in {"data": lambda i: np.s_[4 * i:4 * i + 4], "interleaved": lambda i: np.s_[i::3], "wide": lambda i: np.s_[:, :, 2 * i:2 * i + 2]}.items():
                v = h5py.VirtualLayout(a.shape, a.dtype)
                for i in range(3):
                    v[pick(i)] = h5py.VirtualSource(f"virtual_{i}.h5", path, a[pick(i)].shape)
                f.create_virtual_dataset(path, v, fillvalue=0)
                add(name, path, a)
            v = h5py.VirtualLayout((5, 6), a.dtype)  # one frame
            v[...] = h5py.VirtualSource("virtual_1.h5", "data", (4, 5, 6))[2]
            f.create_virtual_dataset("frame", v)
            add(name, "frame", a[6])
            f["own"] = a
            v = h5py.VirtualLayout((12, 3), a.dtype)
            v[...] = h5py.VirtualSource(".", "own", a.shape)[:, 1, 1:4]
            f.create_virtual_dataset("same_file", v)
            add(name, "same_file", a[:, 1, 1:4])
            f["own_data_with_a_long_name"] = a
            for path, file in ("quarters", "."), ("long_names", "virtual_source_with_a_long_name.h5"):
                v = h5py.VirtualLayout(a.shape, a.dtype)
                for i in range(4):
                    v[3 * i:3 * i + 3] = h5py.VirtualSource(file, "own_data_with_a_long_name", a.shape)[9 - 3 * i:12 - 3 * i]
                f.create_virtual_dataset(path, v)
                add(name, path, np.concatenate([a[9 - 3 * i:12 - 3 * i] for i in range(4)]))
            v = h5py.VirtualLayout((6, 5, 6), a.dtype)  # every second frame, in pairs
            v[...] = h5py.VirtualSource(".", "own", a.shape)[::2]
            f.create_virtual_dataset("every_second", v)
            add(name, "every_second", a[::2])


def others():
    os.makedirs(os.path.join(out, "sub"), exist_ok=True)
    for name in ("target.h5", "sub/target.h5"):
        with h5py.File(os.path.join(out, name), "w") as f:
            f["x/data"] = np.arange(12, dtype="u2").reshape(3, 4)
    for block in (512, 2048):
        name = f"user_block_{block}.h5"
        with h5py.File(os.path.join(out, name), "w", userblock_size=block) as f:
            f.create_dataset("data", data=counts((9, 9)), chunks=(4, 4), compression="gzip")
            add(name, "data", f["data"][...])
    with h5py.File(os.path.join(out, "refused.h5"), "w") as f:
        f.create_dataset("blosc", data=counts(50), chunks=(10,), **hdf5plugin.Blosc())
        f.create_dataset("scaleoffset", data=counts(50), chunks=(10,), scaleoffset=4)
        f.create_dataset("ragged", (2,), dtype=h5py.vlen_dtype("i4"))
        f.create_dataset("compound", data=np.zeros(2, [("a", "i4"), ("b", "f8")]))
        f.create_dataset("good", data=counts(50))
        add("refused.h5", "good", f["good"][...])
    with h5py.File(os.path.join(out, "large_values.h5"), "w") as f:
        f["u4"] = np.array([1, 70000, 2**32 - 1], "u4")
        f["negative"] = np.array([1, -1], "i4")
        f["fraction"] = np.array([1, 2.5])


def shapes():
    """Virtual datasets whose parts have other dimensions than their sources."""
    a = np.arange(12, dtype="i4") + 1
    with h5py.File(os.path.join(out, "virtual_shapes.h5"), "w") as f:
        f["row"], f["block"] = a.reshape(1, 12), a.reshape(1, 4, 3)
        v = h5py.VirtualLayout((4, 1, 3), "i4")
        v[...] = h5py.VirtualSource(".", "block", (1, 4, 3))
        f.create_virtual_dataset("moved", v)
        add("virtual_shapes.h5", "moved", a.reshape(4, 1, 3))
        v = h5py.VirtualLayout((3, 4), "i4")  # refused: one dimension of the source fills two
        v[...] = h5py.VirtualSource(".", "row", (1, 12))
        f.create_virtual_dataset("folded", v)


for v in VERSIONS:
    if small and v[0] == "v114":
        continue
    indexes(v)
    if not small or v[0] != "v110":
        types(v)
        groups(v)
filters()
virtual()
others()
shapes()
with open(os.path.join(out, "manifest.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(e, ensure_ascii=False) for e in manifest) + "\n]\n")
print(len(manifest), "datasets")
