"""The update rules, the clipping of gradients and the learning-rate schedules as exact formulas in NumPy.

An engine on a device takes the numbers of coefficients and computes the same formulas with its own arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .contract import MOMENT1, MOMENT2, VELOCITY, Optimiser

ADAPTIVE_FLOOR = 1e-3  # lower limit of a weight's norm in adaptive clipping (Brock et al., 2021)


def slots(o: Optimiser) -> tuple[str, ...]:
    """slots lists the state that a rule keeps for each parameter."""
    if o.kind == "sgd":
        return (VELOCITY,) if o.momentum else ()
    return (MOMENT1, MOMENT2)


@dataclass(frozen=True)
class Coefficients:
    """Coefficients holds the numbers of a rule at one step, computed in float64.

    Adam, AdamW: d = g + inside·w, m ← β1·m + (1−β1)·d, v ← β2·v + (1−β2)·d², w ← w − outside·w − step·m / (√v·root + ε)

    SGD: d = g + inside·w, u ← momentum·u + d, w ← w − step·u, or with Nesterov w ← w − step·(d + momentum·u)
    """

    step: float
    root: float
    inside: float
    outside: float


def coefficients(o: Optimiser, t: int, rate: float) -> Coefficients:
    """coefficients returns the numbers of a rule at step t, from 1."""
    if o.kind == "sgd":
        return Coefficients(rate, 0.0, o.weight_decay, 0.0)
    step, root = rate / (1 - o.beta1**t), 1 / math.sqrt(1 - o.beta2**t)
    if o.kind == "adamw":
        return Coefficients(step, root, 0.0, rate * o.weight_decay)
    return Coefficients(step, root, o.weight_decay, 0.0)


def update(o: Optimiser, t: int, rate: float, w: np.ndarray, g: np.ndarray, *state: np.ndarray) -> None:
    """update changes w and its state in place by the gradient g, all real and of one type. state has the order of slots."""
    k = coefficients(o, t, rate)
    d = g + w.dtype.type(k.inside) * w
    if o.kind == "sgd":
        if o.momentum:
            u = state[0]
            u *= w.dtype.type(o.momentum)
            u += d
            d = d + w.dtype.type(o.momentum) * u if o.nesterov else u
        w -= w.dtype.type(k.step) * d
        return
    m, v = state
    one = w.dtype.type
    m[...] = one(o.beta1) * m + one(1 - o.beta1) * d
    v[...] = one(o.beta2) * v + one(1 - o.beta2) * d * d
    w[...] = w - one(k.outside) * w - one(k.step) * m / (np.sqrt(v) * one(k.root) + one(o.epsilon))


def average(ema: np.ndarray, w: np.ndarray, decay: float) -> None:
    """average updates the moving average of the weights: ema ← decay·ema + (1−decay)·w."""
    ema[...] = w.dtype.type(decay) * ema + w.dtype.type(1 - decay) * w


def norm(grads: Sequence[np.ndarray]) -> float:
    """norm returns the Euclidean norm of all gradients together, summed in float64."""
    return math.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in grads))


def clip(kind: str, limit: float, total: float, weights: Sequence[np.ndarray], grads: Sequence[np.ndarray]) -> bool:
    """clip limits gradients in place and reports whether any changed. total is norm(grads)."""
    clipped = False
    if kind == "norm" and total > limit:
        for g in grads:
            g *= g.dtype.type(limit / total)
        return True
    for w, g in zip(weights, grads):
        if kind == "value":
            clipped = clipped or bool((np.abs(g) > limit).any())
            np.clip(g, -limit, limit, out=g)
        elif kind == "agc":
            most = limit * max(norm([w]), ADAPTIVE_FLOOR)
            if (n := norm([g])) > most:
                g *= g.dtype.type(most / n)
                clipped = True
    return clipped


@dataclass(frozen=True)
class Schedule:
    """Schedule is the learning rate as a function of the step, from 0. Cosines end at peak·floor in step total.

    kind: none, plateau, step, cosine, exponential, warmup-cosine, multistage or one-cycle, which increases from 0.1·peak to
    peak in 0.3·total steps and decreases to 0.01·peak by a cosine.
    """

    kind: str
    peak: float
    steps: int = 1  # per epoch
    total: int = 0  # steps of the plan
    warmup: int = 0
    floor: float = 0.0
    gamma: float = 1.0
    every: int = 1  # epochs between reductions
    milestones: Sequence[int] = field(default_factory=tuple)  # completed epochs

    def at(self, s: int) -> float:
        """at returns the rate of step s."""
        epoch = min(s, max(self.total - 1, 0)) // self.steps
        if self.kind == "warmup-cosine" and s < self.warmup:
            return self.peak * (s + 1) / self.warmup
        if self.kind == "one-cycle":
            top = 0.3 * self.total
            return self.peak * (0.1 + 0.9 * s / top) if s < top else self._fall(s, top, 0.01)
        if self.kind in ("cosine", "warmup-cosine"):
            return self._fall(s, self.warmup if self.kind == "warmup-cosine" else 0, self.floor)
        if self.kind == "step":
            return self.peak * self.gamma ** (epoch // self.every)
        if self.kind == "exponential":
            return self.peak * self.gamma**epoch
        if self.kind == "multistage":
            return self.peak * self.gamma ** sum(epoch >= m for m in self.milestones)
        return self.peak

    def _fall(self, s: int, first: float, floor: float) -> float:
        """_fall returns a cosine from peak in step first to peak·floor in step total."""
        done = min((s - first) / (self.total - first), 1.0) if self.total > first else 1.0
        return self.peak * (floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2)
