#!/usr/bin/env python3
"""Times one training step of ptycho's default model in PyTorch, as a yardstick for the backends.

    pip install torch numpy
    python unet_step.py [--n 64 128] [--threads 1 2] [--steps 20]
    python unet_step.py --same-process --device cuda --sizes 64x256 128x64 --modes eager compiled
    python unet_step.py --check

A step: U-Net (3 input planes given, widths 16, 32, 64 | 128), pairwise merge of groups of 4 by bilinear shifts with the
weight |P|²/max + 1e-3, probe, orthonormal FFT, λ + 0.01, Poisson deviance, backward, gradient clipped to norm 1, Adam.
8 patterns (2 groups of 4) unless --sizes says otherwise, float32. The input planes are computed once, outside the step.

Prints one JSON line per case: wall seconds and CPU seconds (user + system of the process) of a step, the median of
--steps steps after --warmup. Each case runs in a separate process, so that no thread pool of another case remains.

With --same-process all cases of --sizes (NxPATTERNS) run in this process, which loads torch once: every size eagerly, then
every size with the loss under torch.compile. Such a line has the seconds of the first step as compile_s and the peak of
torch's GPU memory, or the reason why the case failed. More than 8 patterns are merged by grid_sample, all shifts in one call;
--check compares it with the shifts one by one. Without --tf32 products and convolutions are in full precision.
"""
import argparse
import json
import os
import platform
import resource
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


def merge_at_once(torch, objects, grid, weight):
    """What merge does, for many groups: grid is that of shifts()."""
    groups, members, n, _ = objects.shape
    weighted = weight * objects
    planes = torch.stack([weighted.real, weighted.imag, weight.expand_as(weighted.real)], 2)  # [G, C, 3, N, N]
    sources = torch.cat([planes[:, [j for j in range(members) if j != i]] for i in range(members)], 1)
    moved = torch.nn.functional.grid_sample(sources.reshape(-1, 3, n, n), grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    total = planes + moved.reshape(groups, members, members - 1, 3, n, n).sum(2)
    return torch.complex(total[:, :, 0] / total[:, :, 2], total[:, :, 1] / total[:, :, 2])


def shifts(torch, offsets, n, device):
    """Where each moved image is read, as grid_sample has it: out(y, x) = in(y − dy, x − dx) for d = p[j] − p[i]."""
    p = torch.as_tensor(offsets, dtype=torch.float32, device=device)  # [G, C, 2]
    members = p.shape[1]
    d = torch.stack([p[:, j] - p[:, i] for i in range(members) for j in range(members) if j != i], 1).reshape(-1, 1, 1, 2)
    y, x = torch.meshgrid(torch.arange(n, device=device), torch.arange(n, device=device), indexing="ij")
    at = torch.stack([x, y], -1) - d.flip(-1)  # (column, row)
    return 2 * at / (n - 1) - 1


def check():
    """Compares both ways of merging."""
    import torch

    torch.manual_seed(0)
    n, groups, members = 24, 3, 4
    offsets = (10 * torch.rand(groups, members, 2) - 5).double().numpy()
    objects = torch.randn(groups, members, n, n, dtype=torch.complex64)
    weight = torch.rand(n, n) + 1e-3
    one, other = merge(torch, objects, offsets, weight), merge_at_once(torch, objects, shifts(torch, offsets, n, "cpu"), weight)
    error = float((one - other).abs().max() / one.abs().max())
    if not error < 1e-4:
        sys.exit(f"unet_step: the two ways of merging differ by {error}")
    print(json.dumps({"what": "check of the merge", "largest difference": error}))


def case(n, threads, steps, warmup, device="cpu", patterns=8, mode="eager", tf32=False):
    import numpy as np
    import torch

    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True
    rng = np.random.default_rng(0)
    groups, members = patterns // 4, 4

    y, x = (np.mgrid[:n, :n] - n / 2) / n
    probe = np.exp(-(x**2 + 1.3 * y**2) / 0.08) * np.exp(8j * (x**2 - y**2))
    probe *= np.sqrt(100 * n * n / (np.abs(probe) ** 2).sum())  # 100 counts a pixel in the mean
    probe = torch.tensor(probe, dtype=torch.complex64, device=device)
    weight = probe.abs() ** 2
    weight = weight / weight.max() + 1e-3
    offsets = rng.uniform(-5, 5, (groups, members, 2))
    counts = torch.poisson(torch.full((groups, members, n, n), 100.0, device=device))
    planes = torch.randn((groups * members, 3, n, n), device=device)
    constant = torch.xlogy(counts, counts) - counts

    grid = shifts(torch, offsets, n, device) if patterns > 8 else None

    net = network(torch).to(device)
    size = sum(p.numel() for p in net.parameters())
    if size != PARAMETERS:
        sys.exit(f"unet_step: the network has {size} parameters, want {PARAMETERS}")
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)

    def deviance():
        out = net(planes)
        objects = torch.complex(1 + out[:, 0], out[:, 1]).reshape(groups, members, n, n)
        merged = merge(torch, objects, offsets, weight) if grid is None else merge_at_once(torch, objects, grid, weight)
        field = torch.fft.fftshift(torch.fft.fft2(probe * merged, norm="ortho"), dim=(-2, -1))
        rate = field.real**2 + field.imag**2 + 0.01
        return (2 * (rate + constant - counts * torch.log(rate))).mean()

    if mode == "compiled":
        deviance = torch.compile(deviance, dynamic=False)

    def step():
        loss = deviance()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        return loss.item()

    began = time.perf_counter()
    step()
    first = time.perf_counter() - began
    for _ in range(warmup - 1):
        step()
    wall, cpu = [], []
    for _ in range(steps):
        w, c = time.perf_counter(), time.process_time()
        loss = step()
        wall.append(time.perf_counter() - w)
        cpu.append(time.process_time() - c)
    peak = torch.cuda.max_memory_reserved() / 2**20 if device == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({
        "what": "unet training step", "engine": f"torch {torch.__version__}", "n": n, "patterns": groups * members, "device": device, "mode": mode, "tf32": tf32,
        "threads": threads, "parameters": size, "steps": steps, "wall_s": round(statistics.median(wall), 5),
        "cpu_s": round(statistics.median(cpu), 5),
        "compile_s": round(max(0.0, first - statistics.median(wall)), 3), "peak_mib": round(peak, 1), "loss": round(loss, 4), "machine": platform.machine(), "cpus": os.cpu_count(),
    }), flush=True)


def all_here(args):
    """Runs the cases in this process. A failed case, for example without enough memory, does not prevent the next."""
    import gc

    import torch

    began = time.monotonic()
    if args.device == "cuda" and not torch.cuda.is_available():
        sys.exit(f"unet_step: torch {torch.__version__} sees no GPU")
    for mode in args.modes:
        for size in args.sizes:
            n, patterns = map(int, size.split("x"))
            line = {"what": "unet training step", "n": n, "patterns": patterns, "device": args.device, "mode": mode}
            if args.seconds and time.monotonic() - began > args.seconds:
                print(json.dumps(line | {"failed": "no time was left"}), flush=True)
                continue
            try:
                case(n, args.threads[0], args.steps, args.warmup, args.device, patterns, mode, args.tf32)
            except Exception as failure:  # one size must not end the others
                print(json.dumps(line | {"failed": f"{type(failure).__name__}: {failure}"[:300]}), flush=True)
            gc.collect()
            if args.device == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            if mode == "compiled":
                torch.compiler.reset()


def main():
    parser = argparse.ArgumentParser(description="PyTorch's time for one training step of the default model")
    parser.add_argument("--n", type=int, nargs="+", default=[64, 128], help="sides of a pattern, pixels")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--one", action="store_true", help="run the first case in this process")
    parser.add_argument("--same-process", action="store_true", help="run the cases of --sizes in this process")
    parser.add_argument("--sizes", nargs="+", default=["64x8"], metavar="NxPATTERNS", help="patterns are a multiple of 4")
    parser.add_argument("--modes", nargs="+", default=["eager"], choices=["eager", "compiled"])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--tf32", action="store_true", help="allow products of reduced precision on a GPU")
    parser.add_argument("--seconds", type=float, default=0, help="start no case of --same-process after this time; 0: no limit")
    parser.add_argument("--check", action="store_true", help="compare both ways of merging")
    args = parser.parse_args()
    if args.check:
        return check()
    if args.same_process:
        return all_here(args)
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
