"""Recomputes golden vectors from README.md alone, with numpy: python3 check.py

It shares no code with the rest of the repository. It exits with 1 when a number differs by more than rounding.
"""

import json
import pathlib
import sys

import numpy as np

import plain

HERE = pathlib.Path(__file__).parent
LIMIT = 1e-11  # relative L2 error

checked, wrong = 0, 0


def array(a):
    data = np.array(a["data"], dtype=np.int64 if a["kind"] == "index" else np.float64)
    if a["kind"] == "complex":
        data = data[0::2] + 1j * data[1::2]
    return data.reshape(a["shape"])


def arrays(items):
    return {a["name"]: array(a) for a in items}


def compare(what, got, want, limit=LIMIT):
    global checked, wrong
    checked += 1
    got = np.asarray(got)
    if got.shape != want.shape:
        wrong += 1
        print(f"{what}: shape {got.shape}, want {want.shape}")
        return
    error = np.linalg.norm((got - want).ravel()) / max(np.linalg.norm(want.ravel()), 1e-300)
    if not error <= limit:
        wrong += 1
        print(f"{what}: relative error {error:.2g}")


# Operations: each gives the output and a function from the cotangent to the gradients, in the order of the file.


def relu(x, attributes):
    return np.maximum(x, 0), lambda g: [g * (x > 0)]


def softplus(x, attributes):
    return np.logaddexp(0, x), lambda g: [g / (1 + np.exp(-x))]


def silu(x, attributes):
    s = 1 / (1 + np.exp(-x))
    return x * s, lambda g: [g * (s + x * s * (1 - s))]


def abs2(z, attributes):
    return np.abs(z) ** 2, lambda g: [2 * g * z]


def polar(a, phase, attributes):
    u = np.exp(1j * phase)
    return a * u, lambda g: [(g * u.conj()).real, (g * (1j * a * u).conj()).real]


def mul(a, b, attributes):
    def back(g):
        left, right = g * np.conj(b), g * np.conj(a)
        if not np.iscomplexobj(b):
            right = right.real
        if not np.iscomplexobj(a):
            left = left.real
        return [left, right.reshape((-1,) + b.shape).sum(axis=0)]

    return a * b, back


def conv2d(x, w, b, attributes):
    k = w.shape[2]
    h = k // 2
    rows, cols = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (h, h), (h, h)))
    y = np.zeros((x.shape[0], w.shape[0], rows, cols)) + b[None, :, None, None]
    for u in range(k):
        for v in range(k):
            y += np.einsum("oi,pirc->porc", w[:, :, u, v], padded[:, :, u : u + rows, v : v + cols])

    def back(g):
        dx, dw = np.zeros_like(padded), np.zeros_like(w)
        for u in range(k):
            for v in range(k):
                dx[:, :, u : u + rows, v : v + cols] += np.einsum("oi,porc->pirc", w[:, :, u, v], g)
                dw[:, :, u, v] = np.einsum("porc,pirc->oi", g, padded[:, :, u : u + rows, v : v + cols])
        return [dx[:, :, h : h + rows, h : h + cols], dw, g.sum(axis=(0, 2, 3))]

    return y, back


def maxpool2(x, attributes):
    p, c, rows, cols = x.shape
    y = x.reshape(p, c, rows // 2, 2, cols // 2, 2).max(axis=(3, 5))
    spread = lambda a: a.repeat(2, axis=2).repeat(2, axis=3)
    return y, lambda g: [spread(g) * (x == spread(y))]


def fft2(x, attributes):
    def forward(x):
        return np.fft.fftshift(np.fft.fft2(x, norm="ortho"), axes=(-2, -1))

    def inverse(x):
        return np.fft.ifft2(np.fft.ifftshift(x, axes=(-2, -1)), norm="ortho")

    if attributes["inverse"]:
        return inverse(x), lambda g: [forward(g)]
    return forward(x), lambda g: [inverse(g)]


def moved(size_out, size_in, d):
    """The matrix of a shift by d along one axis: hat(y - r - d)."""
    y, r = np.arange(size_out)[:, None], np.arange(size_in)[None, :]
    return np.maximum(0, 1 - np.abs(y - r - d))


def shift(image, dy, dx, out=None):
    rows, cols = out or image.shape
    return moved(rows, image.shape[0], dy) @ image @ moved(cols, image.shape[1], dx).T


def shift_back(image, dy, dx, out):
    return moved(image.shape[0], out[0], dy).T @ image @ moved(image.shape[1], out[1], dx)


def translate(x, offsets, attributes):
    sign, y = attributes["sign"], np.zeros_like(x)
    for b, c in np.ndindex(x.shape[:2]):
        y[b, c] = shift(x[b, c], *(sign * offsets[b, c]))

    def back(g):
        out = np.zeros_like(x)
        for b, c in np.ndindex(x.shape[:2]):
            out[b, c] = shift_back(g[b, c], *(sign * offsets[b, c]), x.shape[2:])
        return [out]

    return y, back


def over(y, total, floor=0):
    """y / total, and 0 where total is not above the floor."""
    covered = total > floor
    return np.where(covered, y / np.where(covered, total, 1), 0)


def merge_pairwise(objects, offsets, weight, attributes):
    groups, members = objects.shape[:2]
    weight = np.broadcast_to(weight, objects.shape)
    y, total = np.zeros_like(objects), np.zeros(objects.shape)
    for b, i, j in np.ndindex(groups, members, members):
        d = offsets[b, j] - offsets[b, i]
        y[b, i] += shift(weight[b, j] * objects[b, j], *d)
        total[b, i] += shift(weight[b, j], *d)

    def back(g):
        out, g = np.zeros_like(objects), over(g, total)
        for b, i, j in np.ndindex(groups, members, members):
            d = offsets[b, j] - offsets[b, i]
            out[b, j] += weight[b, j] * shift_back(g[b, i], *d, objects.shape[2:])
        return [out]

    return over(y, total), back


def corner(rows, n, offset):
    """The place of pixel (0, 0) of a patch of n rows. The rows of a canvas and of a patch decide for both axes."""
    return rows // 2 - n // 2 + offset


def assemble(objects, offsets, weight, attributes):
    groups, members, n, _ = objects.shape
    side = int(attributes["canvas"])
    weight = np.broadcast_to(weight, objects.shape)
    y, total = np.zeros((groups, side, side), complex), np.zeros((groups, side, side))
    for b, j in np.ndindex(groups, members):
        d = corner(side, n, offsets[b, j])
        y[b] += shift(weight[b, j] * objects[b, j], *d, (side, side))
        total[b] += shift(weight[b, j], *d, (side, side))
    floor = 1e-3 * weight.max(axis=(1, 2, 3))[:, None, None]

    def back(g):
        out, g = np.zeros_like(objects), over(g, total, floor)
        for b, j in np.ndindex(groups, members):
            out[b, j] = weight[b, j] * shift_back(g[b], *corner(side, n, offsets[b, j]), objects.shape[2:])
        return [out]

    return over(y, total, floor), back


def extract(canvas, offsets, attributes):
    n, rows = int(attributes["n"]), canvas.shape[1]
    y = np.zeros(offsets.shape[:2] + (n, n), complex)
    for b, c in np.ndindex(offsets.shape[:2]):
        y[b, c] = shift_back(canvas[b], *corner(rows, n, offsets[b, c]), (n, n))

    def back(g):
        out = np.zeros_like(canvas)
        for b, c in np.ndindex(offsets.shape[:2]):
            out[b] += shift(g[b, c], *corner(rows, n, offsets[b, c]), canvas.shape[1:])
        return [out]

    return y, back


def merge_weight(probe, attributes):
    w = (np.abs(probe) ** 2).sum(axis=-3)
    return over(w, w.max(axis=(-2, -1), keepdims=True)) + attributes["floor"], None


def back_project(counts, probe, attributes):
    first = np.broadcast_to(probe[..., 0, :, :], counts.shape)
    beam = fft2(first, {"inverse": 0})[0]
    square = np.abs(first) ** 2
    wave = fft2(np.sqrt(counts) * beam / np.abs(beam), {"inverse": 1})[0]
    return wave * first.conj() / (square + attributes["epsilon"] * square.max(axis=(-2, -1), keepdims=True)), None


def illuminate(objects, probe, attributes):
    y = objects[:, :, None] * probe

    def back(g):
        shared = (g * objects[:, :, None].conj()).sum(axis=(0, 1)) if probe.ndim == 3 else g * objects[:, :, None].conj()
        return [(g * probe.conj()).sum(axis=2), shared]

    return y, back


def intensity(x, attributes):
    return (np.abs(x) ** 2).sum(axis=2), lambda g: [2 * g[:, :, None] * x]


OPERATIONS = [relu, softplus, silu, abs2, polar, mul, conv2d, maxpool2, fft2, translate, merge_pairwise, assemble, extract]
OPERATIONS += [merge_weight, back_project, illuminate, intensity, *plain.OPERATIONS]

operations = {function.__name__.rstrip("_"): function for function in OPERATIONS}
operations |= {"mean_pixels": plain.mean_pixels, **plain.LOSSES}


def check_operation(name, function):
    limit = 1e-8 if name == "expected_deviance" else LIMIT  # the reference promises 1e-9
    doc = json.loads((HERE / "operations" / f"{name}.json").read_text())
    for i, case in enumerate(doc["cases"]):
        attributes = dict(case["attributes"], shape=case["output"]["shape"])
        y, back = function(*[array(a) for a in case["inputs"]], attributes)
        compare(f"{name}, case {i}, output", y, array(case["output"]), limit)
        if back is None:
            assert "gradients" not in case, name
            continue
        got = back(array(case["cotangent"]))
        assert len(got) == len(case["gradients"]), name
        for g, want in zip(got, case["gradients"]):
            compare(f"{name}, case {i}, gradient of {want['name']}", g, array(want))


def steps(settings, weights, gradients):
    """Weights and their moving average after each step."""
    w = {n: v.copy() for n, v in weights.items()}
    ema = {n: v.copy() for n, v in weights.items()}
    kind, rate, decay = settings["optimiser"], settings["learning_rate"], settings["weight_decay"]
    pair = lambda f, z: f(z.real) + 1j * f(z.imag) if np.iscomplexobj(z) else f(z)
    state = {n: [np.zeros_like(v), np.zeros_like(v)] for n, v in weights.items()}
    for t, given in enumerate(gradients, 1):
        g = dict(given)
        clip, most = settings.get("clip"), settings.get("clip_limit")
        length = lambda v: np.sqrt((np.abs(v) ** 2).sum())
        if clip == "norm":
            n = np.sqrt(sum(length(v) ** 2 for v in g.values()))
            g = {k: v * min(1, most / n) for k, v in g.items()}
        elif clip == "value":
            g = {k: pair(lambda r: np.clip(r, -most, most), v) for k, v in g.items()}
        elif clip == "agc":
            g = {k: v * min(1, most * max(length(w[k]), 1e-3) / length(v)) for k, v in g.items()}
        for n in w:
            m, v = state[n]
            if kind == "sgd":
                d = g[n] + decay * w[n]
                m = settings["momentum"] * m + d
                w[n] = w[n] - rate * (d + settings["momentum"] * m if settings["nesterov"] else m)
            else:
                d = g[n] + decay * w[n] if kind == "adam" else g[n]
                b1, b2 = settings["beta1"], settings["beta2"]
                square = pair(np.square, d)
                m, v = b1 * m + (1 - b1) * d, b2 * v + (1 - b2) * square
                part = lambda m, v: m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + settings["epsilon"])
                if np.iscomplexobj(m):
                    move = part(m.real, v.real) + 1j * part(m.imag, v.imag)
                else:
                    move = part(m, v)
                w[n] = w[n] - (rate * decay * w[n] if kind == "adamw" else 0) - rate * move
            state[n] = [m, v]
            if "ema_decay" in settings:
                ema[n] = settings["ema_decay"] * ema[n] + (1 - settings["ema_decay"]) * w[n]
        yield dict(w), dict(ema)


def check_optimisers():
    doc = json.loads((HERE / "optimisers.json").read_text())
    weights, gradients = arrays(doc["weights"]), [arrays(g) for g in doc["gradients"]]
    for case in doc["cases"]:
        what = f"{case['optimiser']} {case.get('note', '')}"
        for t, (w, ema) in enumerate(steps(case, weights, gradients)):
            for name, want in arrays(case["after"][t]).items():
                compare(f"{what}, {name} after step {t + 1}", w[name], want)
            for name, want in arrays(case["ema"][t] if "ema" in case else []).items():
                compare(f"{what}, average of {name} after step {t + 1}", ema[name], want)


def check_network():
    """From the patches on, the loss, and the step of gradient descent from the given gradients."""
    doc = json.loads((HERE / "network.json").read_text())
    given, patches = arrays(doc["inputs"]), array(doc["patches"])
    merged = merge_pairwise(patches, given["offsets"], merge_weight(given["probe"], {"floor": 1e-3})[0], {})[0]
    compare("network, merged", merged, array(doc["merged"]))
    far = fft2(illuminate(merged, given["probe"], {})[0], {"inverse": 0})[0]
    lam = intensity(far, {})[0] + given["background"]
    compare("network, lambda", lam, array(doc["lambda"]))
    deviance = operations["poisson_deviance"](lam, given["counts"], given["mask"], {})[0]
    compare("network, deviance", deviance, arrays(doc["scalars"])["deviance"])
    w = np.array(doc["pattern_weights"])
    compare("network, loss", (w * deviance.ravel()).sum() / w.sum(), np.array(doc["loss"]))
    first, after = arrays(doc["parameters"]), doc["after_1_step"]
    moved, _ = next(steps(after, first, [arrays(doc["gradients"])]))
    for name, want in arrays(after["parameters"]).items():
        compare(f"network, {name} after a step", moved[name], want)


def main():
    files = {path.stem for path in (HERE / "operations").glob("*.json")}
    if set(operations) != files:
        sys.exit(f"operations without a definition here, or without a file: {sorted(set(operations) ^ files)}")
    np.seterr(divide="ignore", invalid="ignore")  # of numbers that np.where leaves out
    for operation, function in operations.items():
        check_operation(operation, function)
    check_optimisers()
    check_network()
    print(f"{wrong} of {checked} arrays differ" if wrong else f"{checked} arrays, all agree")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
