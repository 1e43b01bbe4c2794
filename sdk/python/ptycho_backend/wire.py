"""Messages of the protocol as values of the contract, and back. Arrays follow their head in chunks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from . import contract as c
from . import plugin_pb2 as pb
from .errors import BackendError, Kind, invalid
from .program import decode

CHUNK = 1 << 20  # largest chunk, in bytes
INLINE = 256 << 10  # bytes of small arrays that a head itself contains, in total
MAX_MESSAGE = 16 << 20

DTYPES = {1: "<f4", 2: "<f8", 3: "<c8", 4: "<c16", 5: "<i4", 6: "<i8", 7: "u1", 8: "<u2"}
NUMBERS: dict[np.dtype[Any], Any] = {np.dtype(v): k for k, v in DTYPES.items()}


def malformed(what: str) -> BackendError:
    """malformed returns an error about a message that violates the protocol."""
    return invalid("protocol", what)


class Outbox:
    """Outbox describes the arrays of a head while it is built, so that their bytes are sent after it."""

    def __init__(self) -> None:
        self._inlined = 0
        self._queue: list[np.ndarray] = []

    def tensor(self, a: np.ndarray) -> pb.Tensor:
        """tensor describes an array."""
        a = np.asarray(a, order="C")
        m = pb.Tensor(dtype=NUMBERS[a.dtype], shape=a.shape)
        if self._inlined + a.nbytes <= INLINE:
            self._inlined += a.nbytes
            m.data = a.tobytes()
        else:
            self._queue.append(a)
        return m

    def named(self, arrays: dict[str, np.ndarray]) -> list[pb.NamedTensor]:
        """named describes arrays, sorted by name."""
        return [pb.NamedTensor(name=name, tensor=self.tensor(arrays[name])) for name in sorted(arrays)]

    def chunks(self) -> Iterator[bytes]:
        """chunks returns the bytes of the queued arrays. No chunk holds bytes of two arrays."""
        for a in self._queue:
            raw = a.reshape(-1).view(np.uint8).data
            for at in range(0, len(raw), CHUNK):
                yield bytes(raw[at:at + CHUNK])
        self._queue.clear()


class Inbox:
    """Inbox reads a stream of requests: heads, and after each the chunks of its arrays, in the head's order."""

    def __init__(self, requests: Iterator[Any]) -> None:
        self._requests = requests

    def next(self, part: str) -> Any:
        """next returns the part of the next message, or None at the end of the stream."""
        m = next(self._requests, None)
        if m is None:
            return None
        if not m.HasField(part):
            raise malformed(f"a message with {part} was expected")
        return getattr(m, part)

    def head(self, part: str = "head") -> Any:
        """head returns the first message's head."""
        m = self.next(part)
        if m is None:
            raise malformed("the stream of requests is empty")
        return m

    def tensor(self, m: pb.Tensor) -> np.ndarray:
        """tensor reads an array."""
        shape = tuple(m.shape)
        if m.dtype not in DTYPES or len(shape) > 32 or min(shape, default=0) < 0 or math.prod(shape) >= 1 << 62:
            raise malformed(f"array of type {m.dtype} and shape {shape[:8]}")
        dtype = np.dtype(DTYPES[m.dtype])
        size = math.prod(shape) * dtype.itemsize
        raw = m.data or self._bytes(size)
        if len(raw) != size:
            raise malformed(f"{len(raw)} bytes for an array of {size}")
        return np.frombuffer(raw, dtype).reshape(shape)

    def _bytes(self, size: int) -> bytearray | bytes:
        raw = bytearray()
        while len(raw) < size:
            chunk = self.next("chunk")
            if chunk is None:
                raise malformed(f"an array ends after {len(raw)} of {size} bytes")
            if not chunk or len(chunk) > size - len(raw):
                raise malformed(f"received a chunk of {len(chunk)} bytes where {size - len(raw)} remain")
            if len(chunk) == size:
                return chunk
            raw += chunk  # grows as the bytes arrive, so that a described size alone allocates nothing
        return raw

    def optional(self, holder: Any, field: str, dtype: str) -> np.ndarray | None:
        """optional reads a flat array of a type, or None if the field is missing."""
        if not holder.HasField(field):
            return None
        a = self.tensor(getattr(holder, field))
        if a.dtype != np.dtype(dtype):
            raise malformed(f"{field} is {a.dtype}, want {dtype}")
        return a.reshape(-1)

    def named(self, tensors: Iterable[pb.NamedTensor]) -> dict[str, np.ndarray]:
        """named reads arrays by name."""
        out: dict[str, np.ndarray] = {}
        for m in tensors:
            if m.name in out:
                raise malformed(f"two arrays have the name {m.name!r}")
            out[m.name] = self.tensor(m.tensor)
        return out

    def batch(self, m: pb.Batch) -> c.Batch:
        """batch reads a batch."""
        rows = self.optional(m, "rows", "<i4")
        offsets = self.optional(m, "offsets", "<f4")
        weights = self.optional(m, "weights", "<f4")
        return c.Batch(
            rows=np.zeros(0, np.int32) if rows is None else rows,
            offsets=np.zeros(0, np.float32) if offsets is None else offsets,
            weights=weights, extra=self.named(m.extra))

    def plan(self) -> c.Plan:
        """plan reads a plan of batches."""
        head = self.head()
        out = c.Plan(head.dataset, [], head.ema)
        while (m := self.next("batch")) is not None:
            out.batches.append(self.batch(m))
        return out

    def step_plan(self) -> c.StepPlan:
        """step_plan reads a plan of optimiser steps."""
        h = self.head()
        o = h.optimiser
        out = c.StepPlan(
            dataset=h.dataset, steps=[], clip=h.clip, clip_limit=h.clip_limit, ema_decay=h.ema_decay, loss_weights=dict(h.loss_weights),
            optimiser=c.Optimiser(o.kind, o.beta1, o.beta2, o.epsilon, o.momentum, o.nesterov, o.weight_decay))
        while (m := self.next("step")) is not None:
            out.steps.append(c.Step(m.number, [self.batch(b) for b in m.batches], dict(m.learning_rates)))
        return out

    def state(self, head: pb.StateHead) -> c.State:
        """state reads a state."""
        out = c.State(head.step, {})
        for slot in head.slots:
            if slot.name in out.slots:
                raise malformed(f"two slots of name {slot.name!r}")
            out.slots[slot.name] = self.named(slot.tensors)
        return out

    def dataset(self, head: pb.BindHead) -> c.Dataset:
        """dataset reads a dataset; arrays in files stay references."""
        out = c.Dataset(head.patterns, [])
        for a in head.arrays:
            array = c.Array(a.input, a.gather, self.optional(a, "index", "<i4"))
            if a.HasField("value"):
                array.value = self.tensor(a.value)
            elif a.HasField("file"):
                f = a.file
                if f.dtype not in DTYPES:
                    raise invalid("bind", f"unknown element type {f.dtype}")
                array.file = c.FileRef(f.path, f.offset, np.dtype(DTYPES[f.dtype]), tuple(f.shape), tuple(f.strides) or None)
            out.arrays.append(array)
        return out


def open_options(inbox: Inbox, progress: Callable[[c.Event], None]) -> c.OpenOptions:
    """open_options reads the request of Open, and validates its program."""
    h = inbox.head()
    raw = inbox.optional(h, "program", "u1")
    if raw is None:
        raise malformed("open has no program")
    try:
        program = decode(raw.tobytes())
    except ValueError as e:
        raise invalid("open", str(e)) from e
    names = {0: "", 1: "float32", 2: "float64"}
    if h.dtype not in names:
        raise BackendError(Kind.UNSUPPORTED, "open", f"unknown precision {h.dtype}")
    return c.OpenOptions(
        program=program, devices=list(h.devices), dtype=names[h.dtype], threads=h.threads, workers=h.workers, prefetch=h.prefetch,
        persistent=h.persistent, pin_memory=h.pin_memory, strategy=h.strategy, memory_limit=h.memory_limit, tf32=h.tf32,
        deterministic=h.deterministic, train=h.train, progress=progress)


def info_out(i: c.Info) -> pb.InfoResponse:
    """info_out describes an engine."""
    return pb.InfoResponse(
        name=i.name, version=i.version, engine=i.engine, protocol_major=c.PROTOCOL_MAJOR, protocol_minor=c.PROTOCOL_MINOR,
        capabilities=i.capabilities, dtypes=[NUMBERS[np.dtype(d)] for d in i.dtypes], operations=i.operations)


def device_out(d: c.Device) -> pb.Device:
    """device_out describes a device."""
    return pb.Device(id=d.id, name=d.name, usable=d.usable, reason=d.reason, memory=d.memory, cores=d.cores)


def event_out(e: c.Event) -> pb.Event:
    """event_out describes an event."""
    return pb.Event(phase=e.phase, message=e.message, done=e.done, total=e.total, seconds=e.seconds)


def sums_out(s: c.Sums) -> dict[str, pb.Sum]:
    """sums_out describes sums over patterns."""
    return {name: pb.Sum(sum=total, count=count) for name, (total, count) in s.items()}


def step_result_out(r: c.StepResult) -> pb.StepResponse:
    """step_result_out describes the result of a step."""
    return pb.StepResponse(number=r.number, loss=r.loss, scalars=sums_out(r.scalars), grad_norm=r.grad_norm, clipped=r.clipped,
                           patterns=r.patterns, waited=r.waited)


def state_out(session: int, s: c.State, out: Outbox) -> pb.StateHead:
    """state_out describes a state; its arrays follow in chunks."""
    return pb.StateHead(session=session, step=s.step, slots=[pb.Slot(name=k, tensors=out.named(s.slots[k])) for k in sorted(s.slots)])
