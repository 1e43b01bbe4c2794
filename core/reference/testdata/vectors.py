#!/usr/bin/env python3
"""Golden vectors for core/reference, computed by PyTorch in float64: an independent check of our formulas.

Regenerate (the folder of this script is where the files go):

    pip install torch numpy
    python vectors.py            # writes the .npz files
    python vectors.py --check    # compares them with a fresh computation, writes nothing

Inputs and parameters are drawn from fixed seeds; with the same versions of torch and numpy the files are the same to
the byte, with others the results agree to rounding (--check allows 1e-12 of an array's norm).

Files. Names are those of the program that core/arch builds, after a prefix: input.* inputs of a batch,
buffer.* constants, param.* weights, value.* intermediate results, grad.* the gradient of value.loss. All float64 or
complex128, row-major, images [..., row, column].

    unet.npz, unet_gradients.npz
        core/arch unet with N = 16, widths 4, 8, 16 | 32, one probe mode, 2 groups of 4 patterns
    cnn.npz, cnn_values.npz, cnn_gradients.npz
        core/arch cnn with N = 64, gridsize 2 (C = 4), first filters 6 instead of 32 (encoder 6, 12, 24; decoders 12, 6;
        border 6; the head needs more than its 4 border channels, hence 6 and not 4), pad-object, probe-big, 1 group

Conventions.
    offsets     (row, column) relative to the group's mean, multiples of 1/64 pixel: exact in float32 too
    translate   T(x, d)(y, x) = x(y − d_row, x − d_column), bilinear, each tap outside the image is 0
    fft         fftshift(fft2(·, norm="ortho")) over the last two axes; the input is not shifted
    back-proj.  b = ifft2(ifftshift(√k · e^{i·arg F0})) · conj(P) / (|P|² + ε·max|P|²), F0 = fft(P), ε = 0.02, ortho
    weight      w = Σ_modes|P|² / max + floor, floor 1e-3 in both models (the default of the operation merge_weight)
    pairwise    M_i = Σ_j T(w·O_j, p_j − p_i) / Σ_j T(w, p_j − p_i); member i itself is not moved
    canvas      patches zero-padded to S × S (centre pixel N/2 on S/2), Σ_c T(w·O_c, +p_c) / Σ_c T(w, +p_c), 0 where no
                patch is. Every covered pixel has a denominator above 1e-3 here, so the threshold does not matter
    extract     central N × N of T(canvas, −p_c)
    lambda      Σ_modes |fft(P·M)|² + background, counts
    mask        1 valid, 0 bad; the counts of bad pixels are 0 in these files
    unet loss   mean over patterns of the mean over valid pixels of 2(λ − k + k·ln(k/λ)), 0·ln 0 = 0
    cnn loss    mean over patterns of the mean over valid pixels of λ − k·ln λ + ln k!; value.nll_sum is the same summed
                over valid pixels, [1, C]; value.deviance the mean deviance (its gradient is twice grad.*)
    cnn object  A = e^log_scale·(inner + border), inner = sigmoid or π·tanh, border = silu, in that order of channels:
                the head reads all decoder channels but the last four, the border the last four
    kinks       the ReLU input nearest to 0 is printed: 2e-5 in the unet, 1e-7 in the cnn. In float64 that is far away; a
                float32 backend may decide otherwise, so compare it with the cnn's gradients only by norm
"""
import argparse
import io
import pathlib
import sys
import zipfile

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)

HERE = pathlib.Path(__file__).resolve().parent
EPSILON = 0.02  # of the back-projection, relative to max|P|²
FLOOR = 1e-3  # of the merging weight


def grid(x, step):
    """Rounds to multiples of step, a power of two: short numbers compress well and are exact in float32."""
    return np.round(np.asarray(x) / step) * step


# --- the physics ------------------------------------------------------------------------------------------------------


def fft(z):
    return torch.fft.fftshift(torch.fft.fft2(z, norm="ortho"), dim=(-2, -1))


def ifft(z):
    return torch.fft.ifft2(torch.fft.ifftshift(z, dim=(-2, -1)), norm="ortho")


def take(img, rows, columns):
    """img[..., y + rows, x + columns], 0 outside."""
    h, w = img.shape[-2:]
    y, x = torch.arange(h) + rows, torch.arange(w) + columns
    inside = ((y >= 0) & (y < h))[:, None] & ((x >= 0) & (x < w))[None, :]
    return img[..., y.clamp(0, h - 1)[:, None], x.clamp(0, w - 1)[None, :]] * inside


def translate(img, d):
    """out(y, x) = img(y − d[0], x − d[1])."""
    source = [-float(v) for v in d]
    r, c = (int(np.floor(s)) for s in source)
    a, b = source[0] - r, source[1] - c
    return ((1 - a) * (1 - b) * take(img, r, c) + (1 - a) * b * take(img, r, c + 1)
            + a * (1 - b) * take(img, r + 1, c) + a * b * take(img, r + 1, c + 1))


def merge_weight(probe):
    p2 = (probe.abs() ** 2).sum(0)
    return p2 / p2.max() + FLOOR


def merge_pairwise(objects, offsets, w):
    """objects [G, C, N, N], offsets [G, C, 2] -> [G, C, N, N]."""
    out = []
    for o, p in zip(objects, offsets):
        for i in range(len(p)):
            num = sum(translate(w * o[j], p[j] - p[i]) for j in range(len(p)))
            den = sum(translate(w, p[j] - p[i]) for j in range(len(p)))
            out.append(num / den)
    return torch.stack(out).reshape(objects.shape)


def assemble(objects, offsets, w, side):
    """objects [G, C, N, N] -> canvas [G, side, side], and the smallest denominator of a covered pixel."""
    pad = (side - objects.shape[-1]) // 2
    canvases, least = [], np.inf
    for o, p in zip(objects, offsets):
        num = sum(translate(F.pad(w * o[c], (pad,) * 4), p[c]) for c in range(len(p)))
        den = sum(translate(F.pad(w, (pad,) * 4), p[c]) for c in range(len(p)))
        least = min(least, den[den > 0].min().item())
        canvases.append(torch.where(den > 0, num / den.clamp(min=1e-12), torch.zeros_like(num)))
    return torch.stack(canvases), least


def extract(canvas, offsets, n):
    trim = (canvas.shape[-1] - n) // 2
    return torch.stack([torch.stack([translate(c, -d)[trim:trim + n, trim:trim + n] for d in p])
                        for c, p in zip(canvas, offsets)])


def rate(objects, probe, background):
    """objects [G, C, N, N], probe [modes, N, N] -> λ [G, C, N, N], counts."""
    return (fft(objects[:, :, None] * probe).abs() ** 2).sum(2) + background


def valid_mean(x, mask):
    """[G, C, N, N] -> [G, C]."""
    return (x * mask).sum((-2, -1)) / mask.sum()


def deviance(lam, k, mask):
    return valid_mean(2 * (lam - k + torch.xlogy(k, k) - torch.xlogy(k, lam)), mask)


def back_project(k, probe):
    p = probe.sum(0)  # one mode
    b = ifft(torch.sqrt(k) * torch.exp(1j * torch.angle(fft(p))))
    p2 = p.abs() ** 2
    return b * p.conj() / (p2 + EPSILON * p2.max())


# --- the networks -----------------------------------------------------------------------------------------------------


class Weights:
    """Parameters by name, in the order they are first asked for: He-normal weights and small biases, on a coarse grid."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.by_name = {}
        self.margin = np.inf  # smallest |input| of any ReLU: how far the nearest kink is

    def get(self, name, shape, scale):
        if name not in self.by_name:
            value = grid(self.rng.normal(0, scale, shape), 2**-10)
            self.by_name[name] = torch.tensor(value, requires_grad=True)
        return self.by_name[name]

    def conv(self, name, x, out, gain=1.0):
        fan_in = x.shape[1] * 9
        w = self.get(name + ".weight", (out, x.shape[1], 3, 3), gain * np.sqrt(2 / fan_in))
        b = self.get(name + ".bias", (out,), 0.05)
        return F.conv2d(x, w, b, padding=1)

    def block(self, name, x, out):
        for i in range(2):
            x = self.conv(f"{name}.{i}", x, out)
            self.margin = min(self.margin, x.detach().abs().min().item())
            x = F.relu(x)
        return x


def up(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


def unet(weights, x, width):
    """[P, 3, N, N] -> [P, 2, N, N]."""
    skips = []
    for l in range(3):
        skips.append(weights.block(f"encoder.{l}", x, width << l))
        x = F.max_pool2d(skips[-1], 2)
    x = weights.block("bottleneck", x, width << 3)
    for l in (2, 1, 0):
        x = weights.block(f"decoder.{l}", torch.cat([up(x), skips[l]], 1), width << l)
    return weights.conv("head", x, 2, gain=0.3)


def cnn(weights, x, width):
    """[G, C, N, N] -> amplitude and phase, each [G, C, N, N]."""
    channels, n = x.shape[1], x.shape[-1]
    for l in range(3):
        x = F.max_pool2d(weights.block(f"encoder.{l}", x, width << l), 2)

    def decoder(name, activation):
        d = x
        for i, f in enumerate((2 * width, width)):
            d = up(weights.block(f"{name}.{i}", d, f))
        inner = activation(weights.conv(f"{name}.head", d[:, :-4], channels))
        border = up(weights.block(f"{name}.border", d[:, -4:], width))
        border = F.silu(weights.conv(f"{name}.border.head", border, channels))
        outside = torch.ones(n, n)
        outside[n // 4:-(n // 4), n // 4:-(n // 4)] = 0
        return F.pad(inner, (n // 4,) * 4) + border * outside

    amplitude = decoder("amplitude", torch.sigmoid)
    phase = decoder("phase", lambda v: np.pi * torch.tanh(v))
    log_scale = weights.get("log_scale", (), 0.5)
    return torch.exp(log_scale) * amplitude, phase


# --- the cases --------------------------------------------------------------------------------------------------------


def make_probe(n, spread, curvature, photons):
    """An elliptic, off-centre, astigmatic probe, complex [1, n, n], Σ|P|² = photons to rounding."""
    y, x = (np.mgrid[:n, :n] - n / 2) / n
    u, v = y - 0.04 + 0.2 * x, x + 0.07
    p = np.exp(-(u / spread) ** 2 / 2 - (v / (1.3 * spread)) ** 2 / 2) * np.exp(1j * (curvature * (u * u - 0.6 * v * v + 0.4 * u * v) + v))
    p *= np.sqrt(photons / (np.abs(p) ** 2).sum())
    step = 2.0 ** np.floor(np.log2(np.abs(p).max()) - 10)
    return torch.tensor((grid(p.real, step) + 1j * grid(p.imag, step))[None])


def make_mask(n, bad):
    mask = np.ones((n, n))
    for y, x in bad:
        mask[y, x] = 0
    return torch.tensor(mask)


def make_counts(rng, offsets, probe, background, mask):
    """Poisson counts of an asymmetric object seen at the offsets, [G, C, N, N]."""
    n = probe.shape[-1]
    y, x = np.mgrid[:n, :n] - n / 2
    objects = []
    for g, group in enumerate(offsets.numpy()):
        for dy, dx in group:
            v, u = (y + dy) / n, (x + dx) / n
            amplitude = 0.9 + 0.25 * np.sin(17 * v + 9 * u + g) * np.cos(11 * u - 3 * v)
            objects.append(amplitude * np.exp(0.6j * np.sin(13 * u + 1.7 * g) + 0.4j * (v > 0.1 * u)))
    o = torch.tensor(np.array(objects)).reshape(*offsets.shape[:2], n, n)
    lam = rate(o, probe, background)
    return torch.tensor(rng.poisson(lam.numpy()).astype(float)) * mask


def centred(rng, groups, spread):
    """Random offsets [groups, 4, 2] of mean 0, multiples of 1/64 whose fractions are between 0.2 and 0.8."""
    while True:
        p = np.round(rng.uniform(-spread, spread, (groups, 4, 2)) * 16) / 16
        p[:, 3] = -p[:, :3].sum(1)
        fraction = p - np.floor(p)
        if np.all(fraction > 0.2) and np.all(fraction < 0.8) and np.abs(p).max() < 1.2 * spread:
            return torch.tensor(p)


def finish(weights, inputs, buffers, values, loss):
    loss.backward()
    main = {f"input.{k}": v for k, v in inputs.items()}
    main |= {f"buffer.{k}": torch.tensor(float(v)) for k, v in buffers.items()}
    main |= {f"param.{k}": v for k, v in weights.by_name.items()}
    grads = {f"grad.{k}": v.grad for k, v in weights.by_name.items()}
    plain = lambda d: {k: v.detach().resolve_conj().numpy() for k, v in d.items()}
    return plain(main), plain({f"value.{k}": v for k, v in values.items()}), plain(grads)


def unet_case():
    n, width, groups = 16, 4, 2
    rng = np.random.default_rng(20)
    probe = make_probe(n, 0.22, 25.0, 40.0 * n * n)
    background = torch.full((n, n), 0.01)
    mask = make_mask(n, [(2, 11), (9, 4), (10, 4), (8, 9)])
    offsets = centred(rng, groups, 2.5)
    counts = make_counts(rng, offsets, probe, background, mask)

    b = back_project(counts, probe)
    log = torch.log1p(counts)
    spread = torch.cat([(b.real - 1).flatten(), b.imag.flatten()]).std(correction=0)
    buffers = {  # as a training set would give them, on a coarse grid
        "features.log_mean": grid(log.mean(), 2**-8),
        "features.log_deviation": grid(log.std(correction=0), 2**-8),
        "features.back_projection_deviation": grid(spread, 2**-8),
    }
    mean, deviation, spread = buffers.values()
    features = torch.stack([(log - mean) / deviation, (b.real - 1) / spread, b.imag / spread], 2).reshape(-1, 3, n, n)

    weights = Weights(21)
    y = unet(weights, features, width)
    patches = torch.complex(1 + y[:, 0], y[:, 1]).reshape(groups, 4, n, n)
    merged = merge_pairwise(patches, offsets, merge_weight(probe))
    lam = rate(merged, probe, background)
    per_pattern = deviance(lam, counts, mask)
    loss = per_pattern.mean()

    inputs = dict(counts=counts, offsets=offsets, probe=probe, mask=mask, background=background)
    values = {"features": features, "patches": patches, "merged": merged, "lambda": lam,
              "deviance": per_pattern, "loss": loss}
    main, values, grads = finish(weights, inputs, buffers, values, loss)
    print(f"unet: loss {loss:.6f}, {sum(v.numel() for v in weights.by_name.values())} parameters, "
          f"nearest ReLU kink {weights.margin:.1e}, {int((counts == 0).sum())} zero counts", file=sys.stderr)
    return {"unet.npz": main | values, "unet_gradients.npz": grads}


def cnn_case():
    n, width, side = 64, 6, 80
    rng = np.random.default_rng(30)
    probe = make_probe(n, 0.33, 40.0, 6.0 * n * n)
    y, x = np.mgrid[:n, :n]
    background = torch.tensor(0.0625 + (y + 3 * x) * 2.0**-12)
    mask = make_mask(n, [(5, 50), (30, 12), (31, 12), (32, 33), (63, 0)])
    offsets = centred(rng, 1, 5.0)
    counts = make_counts(rng, offsets, probe, background, mask)

    buffers = {"features.amplitude_scale": grid((n / 2) / torch.sqrt(counts.sum((-2, -1)).mean()), 2**-10)}
    weights = Weights(31)
    amplitude, phase = cnn(weights, torch.sqrt(counts) * buffers["features.amplitude_scale"], width)
    patches = torch.complex(amplitude * torch.cos(phase), amplitude * torch.sin(phase))  # the border's amplitude may be below 0
    w = merge_weight(probe)
    canvas, least = assemble(patches, offsets, w, side)
    assert least > 1e-3, least
    merged = extract(canvas, offsets, n)
    lam = rate(merged, probe, background)
    nll = (lam - torch.xlogy(counts, lam) + torch.lgamma(counts + 1)) * mask
    loss = valid_mean(nll, mask).mean()

    inputs = dict(counts=counts, offsets=offsets, probe=probe, mask=mask, background=background)
    values = {"patches": patches, "canvas": canvas, "lambda": lam, "nll": valid_mean(nll, mask),
              "nll_sum": nll.sum((-2, -1)), "deviance": deviance(lam, counts, mask).mean(), "loss": loss}
    main, values, grads = finish(weights, inputs, buffers, values, loss)
    print(f"cnn: loss {loss:.6f}, {sum(v.numel() for v in weights.by_name.values())} parameters, "
          f"nearest ReLU kink {weights.margin:.1e}, least covered denominator {least:.4f}, "
          f"log_scale {weights.by_name['log_scale'].item():.4f}", file=sys.stderr)
    bulky = {k: values.pop(k) for k in ("value.patches", "value.canvas")}
    return {"cnn.npz": main | values, "cnn_values.npz": bulky, "cnn_gradients.npz": grads}


# --- files ------------------------------------------------------------------------------------------------------------


def write(path, arrays):
    """An .npz whose bytes depend on the arrays alone: no times, names sorted."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name in sorted(arrays):
            body = io.BytesIO()
            a = arrays[name]
            np.lib.format.write_array(body, np.ascontiguousarray(a) if a.ndim else a, version=(1, 0))
            z.writestr(zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)), body.getvalue(), zipfile.ZIP_DEFLATED, 9)


def check(path, arrays):
    """The names and the relative L2 distances of what differs from the file."""
    bad = []
    with np.load(path) as old:
        for name in sorted(set(old.files) ^ set(arrays)):
            bad.append(f"{path.name}: {name} is on one side only")
        for name in sorted(set(old.files) & set(arrays)):
            a, b = old[name], arrays[name]
            if a.shape != b.shape or a.dtype != b.dtype:
                bad.append(f"{path.name}: {name}: {a.dtype} {a.shape}, want {b.dtype} {b.shape}")
            elif np.linalg.norm(np.ravel(a - b)) > 1e-12 * np.linalg.norm(np.ravel(b)):
                bad.append(f"{path.name}: {name}: off by {np.linalg.norm(np.ravel(a - b)) / np.linalg.norm(np.ravel(b)):.1e}")
    return bad


def main():
    parser = argparse.ArgumentParser(description="golden vectors for core/reference")
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    parser.add_argument("--list", action="store_true", help="print names, types and shapes")
    args = parser.parse_args()
    bad = []
    for name, arrays in (unet_case() | cnn_case()).items():
        if args.check:
            bad += check(HERE / name, arrays)
        else:
            write(HERE / name, arrays)
        if args.list:
            for k, v in sorted(arrays.items()):
                print(name, k, v.dtype, list(v.shape))
    if bad:
        sys.exit("\n".join(bad))


if __name__ == "__main__":
    main()
