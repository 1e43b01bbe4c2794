"""Which calls a backend must refuse, so that all backends refuse the same ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from . import contract as c
from .errors import BackendError, Kind, invalid, not_found, unsupported
from .program import PATCHES, Program
from .shapes import COMPLEX, INDEX


def check_open(o: c.OpenOptions, i: c.Info) -> None:
    """check_open refuses options that the backend does not list, so that no option is silently ignored."""
    if min(o.threads, o.workers, o.prefetch, o.memory_limit) < 0:
        raise invalid("open", f"{o.threads} threads, {o.workers} workers, {o.prefetch} batches ahead and a memory limit of "
                              f"{o.memory_limit} bytes: none may be negative")
    has = set(i.capabilities)
    for asked, capability, what in (
        (len(o.devices) > 1, "multi-device", f"devices {', '.join(o.devices)}: only one device"),
        (bool(o.strategy), "strategy", f"--strategy {o.strategy}"),
        (o.persistent, "persistent-workers", "--persistent-workers"),
        (o.pin_memory, "pin-memory", "--pin-memory"),
    ):
        if asked and capability not in has:
            raise unsupported("open", f"backend {i.name} does not support {what}" if "only" not in what else f"backend {i.name}: {what} is supported")
    if o.dtype and o.dtype not in i.dtypes:
        raise unsupported("open", f"backend {i.name} supports the precisions {', '.join(i.dtypes)}, not {o.dtype}")
    for op in o.program.ops:
        if op.kind not in i.operations:
            raise unsupported("open", f"backend {i.name} does not support the operation {op.kind}, which computes {op.out} in {o.program.name}")


def check_devices(o: c.OpenOptions, known: Sequence[c.Device]) -> None:
    """check_devices refuses devices that do not exist or cannot be used. A kind, such as cuda, is the first device of it."""
    for name in o.devices:
        same = [d for d in known if name in (d.id, d.id.split(":")[0])]
        if not any(d.usable for d in same):
            reason = same[0].reason if same else f"it does not exist; use one of {', '.join(d.id for d in known if d.usable)}"
            raise BackendError(Kind.UNAVAILABLE, "open", f"device {name} cannot be used: {reason}")


def check_groups(b: c.Batch, of: Program) -> int:
    """check_groups returns the number B of groups of a batch."""
    n = len(b.rows)
    if n == 0 or n % of.group:
        raise invalid("batch", f"{n} patterns cannot be divided into groups of {of.group}")
    if len(b.offsets) not in (0, 2 * n):
        raise invalid("batch", f"{len(b.offsets)} offsets for {n} patterns, want two each")
    if b.weights is not None:
        if len(b.weights) != n:
            raise invalid("batch", f"{len(b.weights)} weights for {n} patterns")
        bad = ~(np.isfinite(b.weights) & (b.weights >= 0))
        if bad.any():
            k = int(np.argmax(bad))
            raise invalid("batch", f"the weight of pattern {k} is {b.weights[k]}, want 0 or more")
    return n // of.group


def check_losses(op: str, of: Program, weights: Mapping[str, float]) -> None:
    """check_losses refuses weights for names that are not losses, and plans without any weighted loss."""
    known = {s.name for s in of.scalars if s.loss}
    for name, w in weights.items():
        if name not in known:
            raise invalid(op, f"the program does not have the loss {name}")
        if not math.isfinite(w):
            raise invalid(op, f"the weight of the loss {name} is {w}, want a finite number")
    if not any(weights.values()):
        raise invalid(op, "all losses have weight 0, want at least one above 0")


def check_plan(p: c.StepPlan, of: Program) -> None:
    """check_plan validates a plan before its first step, so that a mistake in the last step is found early."""
    check_losses("step", of, p.loss_weights)
    o = p.optimiser
    if o.kind not in ("adam", "adamw", "sgd"):
        raise unsupported("step", f"unknown optimiser {o.kind!r}")
    if not (0 <= o.beta1 < 1 and 0 <= o.beta2 < 1 and 0 <= o.momentum < 1 and o.epsilon >= 0):
        raise invalid("step", f"beta1 {o.beta1}, beta2 {o.beta2}, momentum {o.momentum}, epsilon {o.epsilon}: want beta1, beta2 and "
                              "momentum of at least 0 and below 1, and epsilon of 0 or more")
    if not (math.isfinite(o.epsilon) and math.isfinite(o.weight_decay)):
        raise invalid("step", f"epsilon {o.epsilon} and weight decay {o.weight_decay} must be finite")
    if p.clip not in ("", "norm", "value", "agc"):
        raise unsupported("step", f"unknown clipping {p.clip!r}")
    if p.clip and not p.clip_limit > 0:
        raise invalid("step", f"the clipping limit is {p.clip_limit}, want above 0")
    if not 0 <= p.ema_decay < 1:
        raise invalid("step", f"the decay of the moving average is {p.ema_decay}, want at least 0 and below 1")
    for s in p.steps:
        _check_step(s, of)


def _check_step(s: c.Step, of: Program) -> None:
    for b in s.batches:
        check_groups(b, of)
    norm = s.norm()
    if not s.batches or s.number < 1 or not (norm > 0 and math.isfinite(norm)):
        raise invalid("step", f"step {s.number} has {len(s.batches)} micro-batches and a sum of weights of {norm}: all must be above 0")
    for q in of.params:
        known = q.group in s.learning_rates or "" in s.learning_rates
        rate = s.rate(q.group)
        if q.trainable and not (known and rate >= 0 and math.isfinite(rate)):
            raise invalid("step", f"step {s.number}: the learning rate of parameter group {q.group!r} is missing, negative or not finite")


def check_state(s: c.State, of: Program) -> None:
    """check_state refuses a state that does not fit the program."""
    op = "set state"
    params = {p.name: p for p in of.params}
    buffers = {b.name: b for b in of.buffers}
    for slot, arrays in s.slots.items():
        if slot not in (c.WEIGHTS, c.MOMENT1, c.MOMENT2, c.VELOCITY, c.AVERAGE, c.BUFFERS):
            raise invalid(op, f"unknown slot {slot!r}")
        known = buffers if slot == c.BUFFERS else params
        for name, a in arrays.items():
            if name not in known:
                raise not_found(op, f"the program does not have the {'buffer' if slot == c.BUFFERS else 'parameter'} {name}")
            want = known[name]
            if a.shape != want.shape or np.iscomplexobj(a) != (want.kind == COMPLEX) or (a.dtype == np.int32) != (want.kind == INDEX):
                raise invalid(op, f"{slot} of {name} is {a.dtype} {a.shape}, want {want.kind} {want.shape}")
    for slot, known, what in ((c.WEIGHTS, params, "weights of"), (c.BUFFERS, buffers, "buffer")):
        for name in known:
            if name not in s.slots.get(slot, {}):
                raise invalid(op, f"the {what} {name} are missing" if slot == c.WEIGHTS else f"the buffer {name} is missing")
    if c.AVERAGE in s.slots:
        for name in of.trainable():
            if name not in s.slots[c.AVERAGE]:
                raise invalid(op, f"the moving average of {name} is missing, but other parameters have one")
    if s.step < 0:
        raise invalid(op, f"the number of steps done is {s.step}, want 0 or more")


def check_gradient(ref: c.BatchRef, of: Program, params: Sequence[str]) -> tuple[list[str], float]:
    """check_gradient returns the sorted names of the parameters, all trainable ones if none is named, and the loss's divisor."""
    names = sorted(set(params or of.trainable()))
    for name in names:
        if of.param(name) is None:
            raise not_found("gradient", f"the program does not have the parameter {name}")
    check_losses("gradient", of, ref.loss_weights)
    check_groups(ref.batch, of)
    norm = c.weight_sum(ref.batch)
    if not (norm > 0 and math.isfinite(norm)):
        raise invalid("gradient", f"the weights add up to {norm}, want above 0")
    return names, norm


def check_index(of: Program, name: str, rows: np.ndarray) -> None:
    """check_index refuses index values outside of the tables that the program reads with this input."""
    for table, size in of.tables(name).items():
        bad = (rows < 0) | (rows >= size)
        if bad.any():
            raise invalid("gather", f"input {name} refers to row {rows[bad][0]} of {table}, which has {size} rows")


def patch_value(of: Program) -> str:
    """patch_value returns the value of the program's output of patches."""
    for o in of.outputs:
        if o.name == PATCHES:
            t = of.types[o.value]
            if t.kind != COMPLEX or len(t.shape) < 2:
                raise invalid("reconstruct", f"the output {PATCHES} is {t.kind} {t.shape}, want complex images")
            return o.value
    raise BackendError(Kind.NOT_FOUND, "reconstruct", f"the program does not have the output {PATCHES!r}")
