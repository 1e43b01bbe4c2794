"""ptycho_backend turns a Python object into a backend of ptycho: implement contract.Backend and pass it to serve."""

from .contract import (
    Array, Backend, Batch, BatchRef, Call, Dataset, Device, Event, FileRef, Gradient, Info, Inspector, OpenOptions, Optimiser, Plan, Session,
    State, Step, StepPlan, StepResult, Sums,
)
from .errors import BackendError, Kind, invalid, not_found, unsupported
from .program import Op, Param, Program
from .serve import serve
from .tools import Finding

__all__ = [
    "Array", "Backend", "BackendError", "Batch", "BatchRef", "Call", "Dataset", "Device", "Event", "FileRef", "Finding", "Gradient", "Info",
    "Inspector", "Kind", "Op", "OpenOptions", "Optimiser", "Param", "Plan", "Program", "Session", "State", "Step", "StepPlan", "StepResult",
    "Sums", "invalid", "not_found", "serve", "unsupported",
]
