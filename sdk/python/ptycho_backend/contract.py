"""The contract between the host and a backend: the types that cross the process boundary, and the calls to implement.

Shapes are in brackets, slowest axis first: B groups of C patterns of N×N pixels. A backend must not modify its arguments.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .errors import BackendError, Kind, unsupported
from .program import Param, Program

PROTOCOL_MAJOR = 2
PROTOCOL_MINOR = 1

# Capabilities.
TRAIN = "train"
INSPECT = "inspect"  # the session implements Inspector
FLOAT64 = "float64"
CUDA = "cuda"
EMA = "ema"

# Ways of gathering.
WHOLE = 1  # the same array for every batch: mask [N, N], probe [modes, N, N]
PER_PATTERN = 2  # row r of the array belongs to pattern r: counts [patterns, N, N]
INDEXED = 3  # pattern r reads row index[r]: a probe per scan [probes, modes, N, N]

# Slots of a state.
WEIGHTS, MOMENT1, MOMENT2, VELOCITY, AVERAGE, BUFFERS = "weights", "m", "v", "momentum", "ema", "buffers"


@dataclass
class Info:
    """Info describes an engine. The host may ask for all that it lists, and for nothing else."""

    name: str  # as in --backend NAME
    version: str
    engine: str  # name and version of the library that computes
    operations: Sequence[str]
    capabilities: Sequence[str] = ()
    dtypes: Sequence[str] = ("float32",)


@dataclass
class Device:
    """Device is a processor that can run programs."""

    id: str  # "cpu", "cuda:0"
    name: str
    usable: bool = True
    reason: str = ""  # why it is not usable and how to fix that
    memory: int = 0  # bytes, 0 when unknown
    cores: int = 0


@dataclass
class Event:
    """Event is progress that is not a result."""

    phase: str  # a lower-case word: "compile", "device", "transfer"
    message: str = ""
    done: int = 0
    total: int = 0
    seconds: float = 0.0


@dataclass
class OpenOptions:
    """OpenOptions describes what to compile and how to run it. The zero value selects the backend's default."""

    program: Program
    devices: Sequence[str] = ()
    dtype: str = ""  # "float32" (default) or "float64"
    threads: int = 0
    workers: int = 0
    prefetch: int = 0
    persistent: bool = False
    pin_memory: bool = False
    strategy: str = ""
    memory_limit: int = 0  # bytes
    tf32: bool = False
    deterministic: bool = False
    train: bool = False
    progress: Callable[[Event], None] = lambda event: None  # may be called until the session is closed, from any thread


@dataclass
class FileRef:
    """FileRef is an array in a regular file, little-endian."""

    path: str
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None  # bytes; None: row-major without gaps


@dataclass
class Array:
    """Array is one array of a dataset: by value, or in a file that the backend maps read-only."""

    input: str
    gather: int
    index: np.ndarray | None = None  # int32 [patterns], for INDEXED
    value: np.ndarray | None = None
    file: FileRef | None = None


@dataclass
class Dataset:
    """Dataset holds arrays under the names of the program's inputs."""

    patterns: int
    arrays: list[Array]


@dataclass
class Batch:
    """Batch holds the groups of one micro-batch. A row may occur more than once."""

    rows: np.ndarray  # int32 [B·C]
    offsets: np.ndarray  # float32 [B·C·2] (row, column) in object pixels
    weights: np.ndarray | None = None  # float32 [B·C]; None: 1. Zero marks padding
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)  # inputs that replace arrays of the dataset


@dataclass
class Optimiser:
    """Optimiser is an update rule with its constants; see optim.coefficients."""

    kind: str  # "adam", "adamw", "sgd"
    beta1: float = 0.0
    beta2: float = 0.0
    epsilon: float = 0.0
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0


@dataclass
class Step:
    """Step is one optimiser step over its micro-batches."""

    number: int
    batches: list[Batch]
    learning_rates: Mapping[str, float]  # by parameter group; "" is the default group

    def rate(self, group: str) -> float:
        """rate returns the learning rate of a parameter group."""
        return self.learning_rates[group] if group in self.learning_rates else self.learning_rates.get("", 0.0)

    def norm(self) -> float:
        """norm returns the divisor of the step's loss: the sum of all pattern weights."""
        return sum(weight_sum(b) for b in self.batches)


def weight_sum(batch: Batch) -> float:
    """weight_sum adds the pattern weights of a batch, in order."""
    return float(len(batch.rows)) if batch.weights is None else float(np.sum(batch.weights, dtype=np.float64))


@dataclass
class StepPlan:
    """StepPlan is a sequence of optimiser steps."""

    dataset: str
    steps: list[Step]
    optimiser: Optimiser
    clip: str  # "", "norm", "value", "agc"
    clip_limit: float
    ema_decay: float  # 0: no moving average of the weights
    loss_weights: Mapping[str, float]


Sums = dict[str, tuple[float, float]]  # scalar -> weighted sum over patterns, sum of the weights


@dataclass
class StepResult:
    """StepResult describes one optimiser step, at the weights before its update."""

    number: int
    loss: float
    scalars: Sums
    grad_norm: float  # L2 over all trainable parameters, before clipping
    clipped: bool
    patterns: int
    waited: float = 0.0


@dataclass
class Plan:
    """Plan is a sequence of batches to evaluate or to reconstruct."""

    dataset: str
    batches: list[Batch]
    ema: bool = False


@dataclass
class BatchRef:
    """BatchRef is a batch of a dataset with the loss to compute."""

    dataset: str
    batch: Batch
    loss_weights: Mapping[str, float]


@dataclass
class Gradient:
    """Gradient holds a loss, its scalars, and dLoss/dParam; a complex one is dL/dRe + i·dL/dIm."""

    loss: float
    scalars: Sums
    gradients: dict[str, np.ndarray]


@dataclass
class State:
    """State is everything that a session needs to continue with identical bits."""

    step: int
    slots: dict[str, dict[str, np.ndarray]]


class Call:
    """Call is a running call of the host. A long call asks it now and then whether it is still wanted."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """cancel asks the call to end."""
        self._cancelled.set()

    def cancelled(self) -> bool:
        """cancelled reports whether the host gave the call up."""
        return self._cancelled.is_set()

    def check(self, op: str) -> None:
        """check raises a CANCELLED error after cancel."""
        if self.cancelled():
            raise BackendError(Kind.CANCELLED, op, "the call was cancelled")


class Session:
    """Session is a program on a device with its state. Calls come one at a time, except stop.

    step, evaluate and reconstruct are generators: each result is sent when it is yielded.
    """

    def params(self) -> Sequence[Param]:
        """params lists the program's parameters, in its order."""
        raise NotImplementedError

    def set_state(self, state: State) -> None:
        """set_state replaces the state. Slots that are missing are zeroed; weights and buffers must be complete."""
        raise unsupported("set state", "this backend does not support this call")

    def state(self) -> State:
        """state returns a copy of the state."""
        raise unsupported("state", "this backend does not support this call")

    def bind(self, dataset: Dataset) -> str:
        """bind makes a dataset available to plans until the session is closed, and returns its identifier."""
        raise unsupported("bind", "this backend does not support this call")

    def step(self, plan: StepPlan, call: Call) -> Iterator[StepResult]:
        """step runs optimiser steps in order and yields one result per step."""
        raise unsupported("step", "this backend does not support this call")

    def evaluate(self, plan: Plan, call: Call) -> Iterator[Sums]:
        """evaluate yields the scalars of each batch and does not change the state."""
        raise unsupported("evaluate", "this backend does not support this call")

    def reconstruct(self, plan: Plan, call: Call) -> Iterator[np.ndarray]:
        """reconstruct yields the patches of each batch, complex [B·C, n, n]."""
        raise unsupported("reconstruct", "this backend does not support this call")

    def stop(self) -> None:
        """stop asks the running plan to end after its step or batch. It is called from another thread."""
        raise unsupported("stop", "this backend does not support this call")

    def close(self) -> None:
        """close frees memory, datasets and workers."""


class Inspector:
    """Inspector is implemented by sessions that return intermediate values and gradients."""

    def forward(self, ref: BatchRef, taps: Sequence[str]) -> dict[str, np.ndarray]:
        """forward returns the named values of the program for one batch."""
        raise NotImplementedError

    def gradient(self, ref: BatchRef, params: Sequence[str]) -> Gradient:
        """gradient returns the loss and its gradients, for all trainable parameters if none is named."""
        raise NotImplementedError


class Backend:
    """Backend is an engine."""

    def info(self) -> Info:
        """info describes the engine. It is cheap and does not access a device."""
        raise NotImplementedError

    def devices(self) -> Sequence[Device]:
        """devices lists the devices, with the reason for each one that is not usable."""
        raise NotImplementedError

    def open(self, options: OpenOptions, call: Call) -> Session:
        """open compiles a program for a device."""
        raise NotImplementedError
