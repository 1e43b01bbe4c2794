"""Losses per pattern: means over the valid pixels of f(λ, k), with λ expected and k measured photons.

They are computed in float64: a pattern's sum runs over up to a million pixels that span eight decades.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ptycho_backend import deviance

Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def per_pattern(f: Loss, lam: Tensor, k: Tensor, mask: Tensor) -> Tensor:
    """per_pattern returns the mean of a loss [B, C]. f returns its value and its derivative by λ.

    value + derivative·(λ − λ) equals the value and has the derivative, without what autograd makes of 0·∞ in masked pixels.
    """
    wide = lam.double()
    with torch.no_grad():
        value, slope = f(wide, k.double())
        slope = torch.where(mask.expand_as(slope) == 0, torch.zeros_like(slope), slope)
    return mean(value + slope * (wide - wide.detach()), mask).to(lam.dtype)


def mean(x: Tensor, mask: Tensor) -> Tensor:
    """mean returns Σ m·x/Σ m of each pattern. Invalid pixels may hold any value, even NaN; without a valid pixel it is 0."""
    m = mask.double().expand_as(x)
    total = m.sum((-2, -1))
    x = torch.where(m == 0, torch.zeros_like(x), m * x)
    return x.sum((-2, -1)) / torch.where(total == 0, torch.ones_like(total), total)


def poisson_deviance(lam: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """poisson_deviance computes 2(λ − k + k·ln(k/λ)), by its series where k is close to λ."""
    x = (k - lam) / lam
    series = 1 / 2 - x * (1 / 6 - x * (1 / 12 - x * (1 / 20 - x / 30)))
    far = lam - k + torch.special.xlogy(k, k / lam)
    value = torch.where(x.abs() < 1e-3, lam * x * x * series, far)
    return 2 * torch.where(k == 0, lam, value), 2 * (1 - k / lam)


def poisson_nll(lam: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """poisson_nll computes λ − k·ln λ + ln k!."""
    return torch.where(k == 0, lam, lam - k * torch.log(lam) + torch.lgamma(k + 1)), 1 - k / lam


def amplitude_loss(lam: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """amplitude_loss computes (√λ − √k)²."""
    return torch.square(torch.sqrt(lam) - torch.sqrt(k)), 1 - torch.sqrt(k / lam)


def amplitude_mae(lam: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """amplitude_mae computes |√λ − √k|."""
    return torch.abs(torch.sqrt(lam) - torch.sqrt(k)), torch.sign(lam - k) / (2 * torch.sqrt(lam))


def expected_deviance(lam: Tensor) -> Tensor:
    """expected_deviance returns the mean of poisson_deviance over Poisson counts of mean λ, from a table."""
    values, slopes = (torch.from_numpy(np.copy(t)).to(lam.device) for t in deviance.table())
    low = 2 * lam * (lam * np.log(2) - torch.log(lam))
    high = torch.zeros_like(lam)
    for a in reversed(deviance.LARGE):
        high = a + high / lam
    t = (torch.log(lam.clamp(deviance.LOW, deviance.HIGH)) - deviance.LOG_LOW) / deviance.STEP
    i = t.nan_to_num().long().clamp(0, len(values) - 2)
    t = t - i
    a, p, q = values[i], slopes[i], slopes[i + 1]
    d = values[i + 1] - a
    middle = a + t * (p + t * (3 * d - 2 * p - q + t * (p + q - 2 * d)))
    out = torch.where(lam < deviance.LOW, low, torch.where(lam >= deviance.HIGH, high, middle))
    return torch.where(lam == 0, torch.zeros_like(lam), out)
