"""A plain ePIE in NumPy: frame updates per CPU-second on one thread, beside `ptycho solve --threads 1`.

    OMP_NUM_THREADS=1 python bench/peers/numpy_epie.py SCAN.npz [ITERATIONS] [PTYCHO]

SCAN.npz contains intensity (n, N, N), xcoords, ycoords and probeGuess. Patches are at whole pixels, patterns are used one
after the other, and object and probe are updated. With PTYCHO, the path of the binary, both run in turn, three times, and the
shortest CPU time of each counts. NumPy's time excludes reading the file; from ptycho's the time of one iteration is subtracted.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np  # noqa: E402  (after the number of threads)


def load(path):
    with np.load(path) as f:
        probe = f["probeGuess"]
        probe = probe.reshape(-1, *probe.shape[-2:])[0].astype(np.complex64)
        return f["intensity"].astype(np.float32), f["ycoords"], f["xcoords"], probe


def epie(counts, rows, cols, probe, iterations, alpha=0.6, beta=0.6):
    n = counts.shape[-1]
    amplitude = np.fft.ifftshift(np.sqrt(counts), axes=(1, 2))
    top, left = np.round(rows - n / 2).astype(int), np.round(cols - n / 2).astype(int)
    top -= top.min()
    left -= left.min()
    obj = np.ones((top.max() + n, left.max() + n), np.complex64)
    probe = probe * np.float32(np.sqrt(counts.sum() / len(counts) / (np.abs(probe) ** 2).sum()))
    rng = np.random.default_rng(0)
    residuals = []
    for _ in range(iterations):
        misfit = 0.0
        for j in rng.permutation(len(counts)):
            view = obj[top[j]:top[j] + n, left[j]:left[j] + n]
            patch = view.copy()
            wave = probe * patch
            far = np.fft.fft2(wave, norm="ortho")
            size = np.abs(far)
            misfit += float(((size - amplitude[j]) ** 2).sum())
            far *= amplitude[j] / (size + np.float32(1e-9))
            change = (np.fft.ifft2(far, norm="ortho") - wave).astype(np.complex64)
            view += np.float32(alpha) / (np.abs(probe) ** 2).max() * probe.conj() * change
            probe += np.float32(beta) / (np.abs(patch) ** 2).max() * patch.conj() * change
        residuals.append(misfit / float(counts.sum()))
    return residuals


def child_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    path = sys.argv[1]
    iterations = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    ptycho = sys.argv[3] if len(sys.argv) > 3 else None
    counts, rows, cols, probe = load(path)
    frames = len(counts) * iterations
    ours, theirs = [], []
    for _ in range(3 if ptycho else 1):
        began = time.process_time()
        residuals = epie(counts, rows, cols, probe, iterations)
        theirs.append(time.process_time() - began)
        if ptycho:
            with tempfile.TemporaryDirectory() as out:
                run = [ptycho, "solve", "--data", path, "--output-dir", out, "--overwrite", "--quiet", "--threads", "1", "--iterations"]
                # Six times the iterations make the difference large beside the noise of reading.
                ours.append((child_seconds(run + [str(6 * iterations + 1)]) - child_seconds(run + ["1"])) / 6)
    print(f"NumPy {np.__version__}: {frames / min(theirs):.0f} frame updates per CPU-second, R {residuals[-1]:.5f} after {iterations} iterations")
    if ours:
        print(f"ptycho solve: {frames / min(ours):.0f} frame updates per CPU-second, {min(theirs) / min(ours):.2f} times as many")


if __name__ == "__main__":
    main()
