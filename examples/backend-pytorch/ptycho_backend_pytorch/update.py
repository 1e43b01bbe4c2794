"""The update rules, the clipping and the moving average, on the device. ptycho_backend.optim has the formulas."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

import ptycho_backend as pt
from ptycho_backend import optim
from ptycho_backend.contract import AVERAGE, WEIGHTS


def numbers(t: Tensor) -> Tensor:
    """numbers returns a view of a tensor as real numbers: a complex one has two for each element."""
    return torch.view_as_real(t) if t.is_complex() else t


def norm(tensors: Sequence[Tensor]) -> float:
    """norm returns the Euclidean norm of all tensors together, summed in float64."""
    if not tensors:
        return 0.0
    return math.sqrt(torch.stack([numbers(t).double().square().sum() for t in tensors]).sum().item())


def clip(kind: str, limit: float, total: float, weights: Sequence[Tensor], grads: Sequence[Tensor]) -> bool:
    """clip limits gradients in place and reports whether any changed."""
    if kind == "norm":
        if total <= limit:
            return False
        for g in grads:
            g.mul_(limit / total)
        return True
    clipped = False
    for w, g in zip(weights, grads):
        if kind == "value":
            clipped = clipped or bool((numbers(g).abs() > limit).any())
            numbers(g).clamp_(-limit, limit)
        elif kind == "agc":
            most = limit * max(norm([w]), optim.ADAPTIVE_FLOOR)
            if (size := norm([g])) > most:
                g.mul_(most / size)
                clipped = True
    return clipped


def step(plan: pt.StepPlan, t: int, rate: float, state: dict[str, dict[str, Tensor]], name: str, grad: Tensor) -> None:
    """step changes one parameter, the optimiser's state for it, and its moving average."""
    o = plan.optimiser
    k = optim.coefficients(o, t, rate)
    held = state[WEIGHTS][name]
    w, g = numbers(held), numbers(grad)
    slots = []
    for slot in optim.slots(o):
        of = state.setdefault(slot, {})
        if name not in of:
            of[name] = torch.zeros_like(held)
        slots.append(numbers(of[name]))
    if plan.ema_decay > 0 and name not in state.setdefault(AVERAGE, {}):
        state[AVERAGE][name] = held.clone()  # the average starts at the weights before the first step
    d = g + k.inside * w if k.inside else g
    if o.kind == "sgd":
        if slots:
            u = slots[0].mul_(o.momentum).add_(d)
            d = d + o.momentum * u if o.nesterov else u
        w.sub_(k.step * d)
    else:
        m, v = slots
        m.mul_(o.beta1).add_((1 - o.beta1) * d)
        v.mul_(o.beta2).add_((1 - o.beta2) * d * d)
        w.sub_(k.outside * w + k.step * m / (v.sqrt() * k.root + o.epsilon))
    if plan.ema_decay > 0:
        numbers(state[AVERAGE][name]).mul_(plan.ema_decay).add_((1 - plan.ema_decay) * w)
