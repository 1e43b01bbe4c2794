"""The Poisson deviance that is expected of a perfect model, as a table for engines.

For λ below LOW it is 2λ(λ·ln 2 − ln λ), from HIGH on the series Σ LARGE[i]/λ^i, between them a cubic Hermite interpolation in ln λ.
"""

from __future__ import annotations

import functools
import math

import numpy as np

LOW, HIGH, STEP = 1e-6, 50.0, 0.01
LOG_LOW = math.log(LOW)
# By powers of 1/λ: with the central moments μ_m of the counts, the mean is 2 Σ_{m≥2} (−1)^m μ_m / (m(m−1) λ^(m−1)).
LARGE = (1, 1 / 6, 1 / 6, 19 / 60, 9 / 10, 863 / 252, 1375 / 84, 33953 / 360, 57281 / 90)


@functools.cache
def table() -> tuple[np.ndarray, np.ndarray]:
    """table returns the values and the slopes, per step, at the points LOG_LOW + i·STEP of ln λ."""
    n = math.ceil(math.log(HIGH / LOW) / STEP) + 1
    u = -6 * math.log(10) + STEP * np.arange(n)
    lam = np.exp(u)
    # E[K·g(K)] = λ·E[g(K+1)] gives the mean as 2λ(h − ln λ) with h = E ln(K+1), and h' = E ln((K+2)/(K+1)).
    h, dh, p = np.zeros(n), np.zeros(n), np.exp(-lam)
    for k in range(int(lam[-1] + 15 * math.sqrt(lam[-1]) + 25)):
        h += p * math.log1p(k)
        dh += p * math.log1p(1 / (k + 1))
        p *= lam / (k + 1)
    value = 2 * lam * (h - u)
    return value, (value + 2 * lam * (lam * dh - 1)) * STEP
