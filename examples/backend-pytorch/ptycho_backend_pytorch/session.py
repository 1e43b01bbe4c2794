"""A program on a device with its state."""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.utils.deterministic
from torch import Tensor

import ptycho_backend as pt
from ptycho_backend import checks
from ptycho_backend.contract import AVERAGE, BUFFERS, WEIGHTS, weight_sum
from ptycho_backend.feed import FeedSession

from . import ops, update

Values = dict[str, Tensor]


@contextlib.contextmanager
def _allocating() -> Iterator[None]:
    """_allocating gives the kind EXHAUSTED to an error of an allocator, and leaves other errors unchanged."""
    try:
        yield
    except RuntimeError as e:
        if isinstance(e, torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(e):
            what = f"out of memory: {str(e).splitlines()[0]}; use a smaller --batch-size"
            raise pt.BackendError(pt.Kind.EXHAUSTED, "compute", what) from e
        raise


class TorchSession(FeedSession, pt.Inspector):
    """TorchSession implements the calls of the contract. FeedSession gathers the batches."""

    def __init__(self, options: pt.OpenOptions, device: torch.device) -> None:
        super().__init__(options)
        self._device, self._options = device, options
        self._real = torch.float64 if self.dtype == "float64" else torch.float32
        self._complex = torch.complex128 if self.dtype == "float64" else torch.complex64
        self._state: dict[str, Values] | None = None
        self._steps = 0
        self._scalar_values = [s.value for s in self.program.scalars]

    def _use(self) -> None:
        """_use applies the options of this session to the calling thread: PyTorch keeps them per process or per thread."""
        o = self._options
        # The result of a sum depends on how threads share it.
        torch.set_num_threads(1 if o.deterministic else o.threads or os.cpu_count() or 1)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = o.tf32
        torch.backends.cudnn.benchmark = not o.deterministic
        # use_deterministic_algorithms does the same, but imports the compiler, which takes a second and leaves a folder in TMPDIR.
        torch.set_deterministic_debug_mode("warn" if o.deterministic else "default")
        torch.utils.deterministic.fill_uninitialized_memory = False  # all memory is written before it is read; filling it costs 5 % of a step

    # State.

    def set_state(self, state: pt.State) -> None:
        """set_state replaces the state."""
        checks.check_state(state, self.program)
        self._state = {slot: {name: self._tensor(a) for name, a in arrays.items()} for slot, arrays in state.slots.items()}
        self._steps = state.step

    def state(self) -> pt.State:
        """state returns a copy of the state."""
        return pt.State(self._steps, {slot: {name: _array(t) for name, t in arrays.items()} for slot, arrays in (self._state or {}).items()})

    def _tensor(self, a: np.ndarray) -> Tensor:
        """_tensor copies an array to the device, in the precision of the session."""
        t = torch.from_numpy(np.array(a))
        with _allocating():
            return t.to(self._device, self._complex if t.is_complex() else self._real if t.is_floating_point() else torch.int64)

    # Computing.

    def _given(self, inputs: Mapping[str, np.ndarray], ema: bool = False) -> Values:
        """_given returns the inputs, buffers and weights of a pass, or the moving average of the weights."""
        if self._state is None:
            raise pt.invalid("compute", "the session has no weights yet")
        values = {**self._state.get(BUFFERS, {}), **self._state[WEIGHTS]}
        if ema:
            if AVERAGE not in self._state:
                raise pt.invalid("ema", "the state has no moving average of the weights")
            values.update(self._state[AVERAGE])
        values.update({name: self._tensor(a) for name, a in inputs.items()})
        return values

    def _compute(self, values: Values, program: tuple[pt.Op, ...], groups: int) -> Values:
        """_compute runs operations on the given values and returns all values."""
        values = dict(values)
        for op in program:
            values[op.out] = ops.run(op, [values[name] for name in op.inputs], self.program.types[op.out].at(groups))
        return values

    @functools.lru_cache(maxsize=64)
    def _needed(self, names: tuple[str, ...]) -> tuple[pt.Op, ...]:
        return tuple(self.program.needed(names))

    def _pass(self, batch: pt.Batch, values: Values, names: Iterable[str], train: bool) -> Values:
        """_pass computes the named values for a batch."""
        groups = len(batch.rows) // self.program.group
        program = self._needed(tuple(names))
        self._check_memory(program, groups, train)
        with _allocating(), torch.set_grad_enabled(train):
            return self._compute(values, program, groups)

    def _check_memory(self, program: Sequence[pt.Op], groups: int, train: bool) -> None:
        """_check_memory refuses a batch whose values, with the weights, exceed the memory limit. Training keeps each value and its gradient."""
        if limit := self._options.memory_limit:
            size = 8 if self.dtype == "float64" else 4
            numbers = sum(math.prod(t.at(groups)) * (2 if t.kind == "complex" else 1) for t in (self.program.types[op.out] for op in program))
            weights = sum(math.prod(p.shape) * (2 if p.kind == "complex" else 1) for p in (*self.program.params, *self.program.buffers))
            if (need := (numbers * (2 if train else 1) + weights) * size) > limit:
                raise pt.BackendError(pt.Kind.EXHAUSTED, "compute", f"a batch of {groups} groups needs about {need} bytes, above the limit of "
                                                                    f"{limit}; use a smaller --batch-size")

    def _weighted(self, batch: pt.Batch, values: Values) -> Tensor:
        """_weighted returns the weighted sum over patterns of each scalar, float64. Patterns of weight 0 may hold any value."""
        columns = [values[name].double().reshape(-1) for name in self._scalar_values]
        if batch.weights is None:
            return torch.stack([x.sum() for x in columns])
        w = torch.from_numpy(np.array(batch.weights)).to(self._device, torch.float64)
        return torch.stack([torch.where(w == 0, torch.zeros_like(x), w * x).sum() for x in columns])

    def _sums(self, totals: Sequence[float], count: float) -> pt.Sums:
        return {s.name: (total, count) for s, total in zip(self.program.scalars, totals)}

    def _loss_weights(self, weights: Mapping[str, float]) -> Tensor:
        return torch.tensor([weights.get(s.name, 0.0) if s.loss else 0.0 for s in self.program.scalars], dtype=torch.float64, device=self._device)

    def _gradients(self, batch: pt.Batch, values: Values, names: Sequence[str], weights: Tensor, norm: float) -> tuple[Tensor, list[Tensor]]:
        """_gradients returns the weighted sums of the scalars, and the gradients of the loss for the named parameters."""
        leaves = [values[name].detach().requires_grad_() for name in names]
        results = self._pass(batch, {**values, **dict(zip(names, leaves))}, self._scalar_values, train=True)
        totals = self._weighted(batch, results)
        used = weights != 0
        loss = (weights[used] * totals[used]).sum() / norm
        if not loss.requires_grad:
            return totals, [torch.zeros_like(x) for x in leaves]
        with _allocating():
            grads = torch.autograd.grad(loss, leaves, allow_unused=True)
        return totals.detach(), [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, grads)]

    # Plans.

    def step(self, plan: pt.StepPlan, call: pt.Call) -> Iterator[pt.StepResult]:
        """step runs optimiser steps."""
        self._use()
        for s, items in self.steps(plan, call, self._scalar_values):
            yield self._step(plan, s, items, call)

    def _step(self, plan: pt.StepPlan, s: pt.Step, items: Iterator[Any], call: pt.Call) -> pt.StepResult:
        names, norm, weights = self.program.trainable(), s.norm(), self._loss_weights(plan.loss_weights)
        totals, grads, waited, patterns = None, [], 0.0, 0
        for item in items:
            call.check("step")
            waited, patterns = waited + item.waited, patterns + len(item.batch.rows)
            t, g = self._gradients(item.batch, self._given(item.inputs), names, weights, norm)
            totals = t if totals is None else totals + t
            grads = g if not grads else [a + b for a, b in zip(grads, g)]
        assert totals is not None and self._state is not None
        sums = self._sums(totals.tolist(), norm)
        loss = sum(w * sums[name][0] / norm for name, w in sorted(plan.loss_weights.items()) if w)
        grad_norm = update.norm(grads)
        if not math.isfinite(loss + grad_norm):
            raise pt.BackendError(pt.Kind.NUMERIC, "step", f"step {s.number}: loss {loss}, gradient norm {grad_norm}")
        with _allocating(), torch.no_grad():
            clipped = update.clip(plan.clip, plan.clip_limit, grad_norm, [self._state[WEIGHTS][name] for name in names], grads)
            for name, g in zip(names, grads):
                group = next(p.group for p in self.program.params if p.name == name)
                update.step(plan, s.number, s.rate(group), self._state, name, g)
        self._steps = s.number
        return pt.StepResult(s.number, loss, sums, grad_norm, clipped, patterns, waited)

    def evaluate(self, plan: pt.Plan, call: pt.Call) -> Iterator[pt.Sums]:
        """evaluate computes the scalars of batches."""
        self._use()
        for item in self.batches(plan, call, self._scalar_values, "evaluate"):
            values = self._pass(item.batch, self._given(item.inputs, plan.ema), self._scalar_values, train=False)
            yield self._sums(self._weighted(item.batch, values).tolist(), weight_sum(item.batch))

    def reconstruct(self, plan: pt.Plan, call: pt.Call) -> Iterator[np.ndarray]:
        """reconstruct predicts patches."""
        value = checks.patch_value(self.program)
        self._use()
        for item in self.batches(plan, call, [value], "reconstruct"):
            patches = self._pass(item.batch, self._given(item.inputs, plan.ema), [value], train=False)[value]
            yield _array(patches.reshape(-1, *patches.shape[-2:]))

    # Inspection.

    def forward(self, ref: pt.BatchRef, taps: Sequence[str]) -> dict[str, np.ndarray]:
        """forward returns named values for one batch."""
        self._use()
        values = self._pass(ref.batch, self._given(self.one(ref, taps)), taps, train=False)
        return {name: _array(values[name]) for name in taps}

    def gradient(self, ref: pt.BatchRef, params: Sequence[str]) -> pt.Gradient:
        """gradient returns the loss and the gradients of parameters for one batch."""
        names, norm = checks.check_gradient(ref, self.program, params)
        self._use()
        values = self._given(self.one(ref, self._scalar_values))
        totals, grads = self._gradients(ref.batch, values, names, self._loss_weights(ref.loss_weights), norm)
        sums = self._sums(totals.tolist(), norm)
        loss = sum(w * sums[name][0] / norm for name, w in sorted(ref.loss_weights.items()) if w)
        return pt.Gradient(loss, sums, {name: _array(g) for name, g in zip(names, grads)})


def _array(t: Tensor) -> np.ndarray:
    """_array copies a tensor to an array; indices are int32."""
    t = t.detach()
    return (t if t.is_floating_point() or t.is_complex() else t.to(torch.int32)).resolve_conj().cpu().numpy().copy()
