#!/usr/bin/env python3
"""Times one training step of ptycho's default model in PyTorch on the CPU, as a yardstick for the backends.

    pip install torch numpy
    python unet_step.py [--n 64 128] [--threads 1 2] [--steps 20]

A step: U-Net (3 input planes given, widths 16, 32, 64 | 128), pairwise merge of groups of 4 by bilinear shifts with the
weight |P|²/max + 1e-3, probe, orthonormal FFT, λ + 0.01, Poisson deviance, backward, gradient clipped to norm 1, Adam.
8 patterns (2 groups of 4), float32. The input planes are computed once, outside the step.

Prints one JSON line per case: wall seconds and CPU seconds (user + system of the process) of a step, the median of
--steps steps after --warmup. Each case runs in a process of its own, so that no thread pool of another case remains.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

PARAMETERS = 487_570  # with 3 input planes; ptycho's own U-Net has as many


def network(torch, width=16):
    nn = torch.nn

    class Block(nn.Sequential):
        def __init__(self, i, o):
            super().__init__(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.Conv2d(o, o, 3, padding=1), nn.ReLU())

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            w = [width << l for l in range(4)]
            self.encoder = nn.ModuleList(Block(i, o) for i, o in zip([3] + w[:2], w[:3]))
            self.bottleneck = Block(w[2], w[3])
            self.decoder = nn.ModuleList(Block(w[l + 1] + w[l], w[l]) for l in range(3))
            self.head = nn.Conv2d(w[0], 2, 3, padding=1)

        def forward(self, x):
            skips = []
            for level in self.encoder:
                skips.append(level(x))
                x = nn.functional.max_pool2d(skips[-1], 2)
            x = self.bottleneck(x)
            for l in (2, 1, 0):
                up = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
                x = self.decoder[l](torch.cat([up, skips[l]], 1))
            return self.head(x)

    net = UNet()
    for m in net.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
            nn.init.zeros_(m.bias)
    with torch.no_grad():
        net.head.weight *= 0.1
    return net


def translate(torch, x, d):
    """x [..., H, W] moved by d = (rows, columns): out(y, x) = in(y − dy, x − dx), bilinear, 0 outside."""
    h, w = x.shape[-2:]
    dy, dx = (-float(v) for v in d)
    r, c = int(dy // 1), int(dx // 1)
    a, b = dy - r, dx - c
    # One zero-padded copy holds all four taps as slices.
    m = max(abs(r), abs(c)) + 2
    p = torch.nn.functional.pad(x, (m, m, m, m))
    tap = lambda i, j: p[..., m + i:m + i + h, m + j:m + j + w]
    return ((1 - a) * ((1 - b) * tap(r, c) + b * tap(r, c + 1)) + a * ((1 - b) * tap(r + 1, c) + b * tap(r + 1, c + 1)))


def merge(torch, objects, offsets, weight):
    """objects complex [G, C, N, N], each group as each of its members sees it; a member itself is not moved."""
    weighted = weight * objects
    groups = []
    for g, p in enumerate(offsets):
        for i in range(len(p)):
            num, den = weighted[g, i], weight
            for j in range(len(p)):
                if j != i:
                    num = num + translate(torch, weighted[g, j], p[j] - p[i])
                    den = den + translate(torch, weight, p[j] - p[i])
            groups.append(num / den)
    return torch.stack(groups).reshape(objects.shape)


def case(n, threads, steps, warmup):
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    groups, members = 2, 4

    y, x = (np.mgrid[:n, :n] - n / 2) / n
    probe = np.exp(-(x**2 + 1.3 * y**2) / 0.08) * np.exp(8j * (x**2 - y**2))
    probe *= np.sqrt(100 * n * n / (np.abs(probe) ** 2).sum())  # 100 counts a pixel in the mean
    probe = torch.tensor(probe, dtype=torch.complex64)
    weight = probe.abs() ** 2
    weight = weight / weight.max() + 1e-3
    offsets = rng.uniform(-5, 5, (groups, members, 2))
    counts = torch.tensor(rng.poisson(100, (groups, members, n, n)), dtype=torch.float32)
    planes = torch.tensor(rng.normal(0, 1, (groups * members, 3, n, n)), dtype=torch.float32)
    constant = torch.xlogy(counts, counts) - counts

    net = network(torch)
    size = sum(p.numel() for p in net.parameters())
    if size != PARAMETERS:
        sys.exit(f"unet_step: the network has {size} parameters, want {PARAMETERS}")
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)

    def step():
        out = net(planes)
        objects = torch.complex(1 + out[:, 0], out[:, 1]).reshape(groups, members, n, n)
        wave = probe * merge(torch, objects, offsets, weight)
        field = torch.fft.fftshift(torch.fft.fft2(wave, norm="ortho"), dim=(-2, -1))
        rate = field.real**2 + field.imag**2 + 0.01
        loss = (2 * (rate + constant - counts * torch.log(rate))).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        return loss.item()

    for _ in range(warmup):
        step()
    wall, cpu = [], []
    for _ in range(steps):
        w, c = time.perf_counter(), time.process_time()
        loss = step()
        wall.append(time.perf_counter() - w)
        cpu.append(time.process_time() - c)
    print(json.dumps({
        "what": "unet training step", "engine": f"torch {torch.__version__}", "n": n, "patterns": groups * members,
        "threads": threads, "parameters": size, "steps": steps, "wall_s": round(statistics.median(wall), 5),
        "cpu_s": round(statistics.median(cpu), 5), "loss": round(loss, 4), "machine": platform.machine(), "cpus": os.cpu_count(),
    }))


def main():
    parser = argparse.ArgumentParser(description="PyTorch's time for one training step of the default model")
    parser.add_argument("--n", type=int, nargs="+", default=[64, 128], help="sides of a pattern, pixels")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--one", action="store_true", help="run the first case in this process")
    args = parser.parse_args()
    if args.one:
        return case(args.n[0], args.threads[0], args.steps, args.warmup)
    for n in args.n:
        for threads in args.threads:
            # The libraries read their thread counts when they load.
            env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
            subprocess.run([sys.executable, __file__, "--one", "--n", str(n), "--threads", str(threads),
                            "--steps", str(args.steps), "--warmup", str(args.warmup)], check=True, env=env)


if __name__ == "__main__":
    main()
