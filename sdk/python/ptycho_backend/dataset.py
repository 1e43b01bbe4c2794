"""Datasets: files mapped read-only, and the batches gathered from them.

The host is not trusted: every size, stride, index and row is checked before memory is accessed.
"""

from __future__ import annotations

import math
import mmap
import os
import stat
from collections.abc import Iterable

import numpy as np

from . import contract as c
from .checks import check_index
from .errors import invalid, not_found
from .program import Input, Program
from .shapes import COMPLEX, INDEX, REAL, Type

_MAX_PATTERNS = 2**31 - 1  # rows of a batch are int32


class Mapping:
    """Mapping is a regular file, mapped read-only."""

    def __init__(self, path: str) -> None:
        if not os.path.isabs(path):
            raise invalid("bind", f"file {path!r}: the path must be absolute because the plugin has another working folder than the host")
        try:
            # Without O_NONBLOCK, opening a pipe would wait for its writer.
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError as e:
            raise not_found("bind", f"the file {path} does not exist") from e
        except OSError as e:
            raise invalid("bind", f"file {path}: {e.strerror}") from e
        except ValueError as e:  # a path with a zero byte
            raise invalid("bind", f"file {path!r}: {e}") from e
        self.path = path
        try:
            st = os.fstat(self._fd)
            if not stat.S_ISREG(st.st_mode):
                raise invalid("bind", f"file {path} is not a regular file")
            self.size = st.st_size
            self.memory: mmap.mmap | bytes = mmap.mmap(self._fd, self.size, access=mmap.ACCESS_READ) if self.size else b""
        except BaseException:
            os.close(self._fd)
            raise

    def check(self) -> None:
        """check refuses a file that became shorter: reading beyond its end would kill the process with SIGBUS."""
        if os.fstat(self._fd).st_size < self.size:
            raise invalid("gather", f"the file {self.path} was truncated while it was in use")

    def close(self) -> None:
        """close ends the use of the file. The mapping ends with the last array in it."""
        os.close(self._fd)

    def array(self, f: c.FileRef, what: str) -> np.ndarray:
        """array returns the array that f describes, without a copy."""
        strides = f.strides
        if strides is None:
            steps = [f.dtype.itemsize]
            for d in reversed(f.shape[1:]):
                steps.append(steps[-1] * max(d, 1))
            strides = tuple(reversed(steps)) if f.shape else ()
        if f.offset < 0 or len(strides) != len(f.shape) or min(f.shape, default=0) < 0 or len(f.shape) > 8:
            raise invalid("bind", f"{what}: {f.path}: shape {f.shape}, offset {f.offset} and strides {strides} do not describe an array")
        if math.prod(f.shape) == 0:
            return np.zeros(f.shape, f.dtype)
        spans = [(d - 1) * s for d, s in zip(f.shape, strides)]
        low = f.offset + sum(min(s, 0) for s in spans)
        high = f.offset + sum(max(s, 0) for s in spans) + f.dtype.itemsize
        if low < 0 or high > self.size:
            raise invalid("bind", f"{what}: {f.path} has {self.size} bytes, too few for {f.dtype} {f.shape} with strides {strides} from byte "
                                  f"{f.offset}: the file is truncated or its description is wrong")
        return np.ndarray(f.shape, f.dtype, buffer=self.memory, offset=f.offset, strides=strides)


class BoundArray:
    """BoundArray is a checked array with the way in which it feeds its input."""

    def __init__(self, data: np.ndarray, gather: int, index: np.ndarray | None, mapping: Mapping | None) -> None:
        self.data, self.gather, self.index, self.mapping = data, gather, index, mapping

    def read(self, rows: np.ndarray) -> np.ndarray:
        """read copies the rows of the patterns, or the whole array."""
        if self.mapping:
            self.mapping.check()
        if self.gather == c.WHOLE:
            return self.data
        return self.data[self.index[rows] if self.index is not None else rows]


class BoundDataset:
    """BoundDataset is an open dataset as seen through the inputs of one program."""

    def __init__(self, dataset: c.Dataset, program: Program) -> None:
        if not 0 <= dataset.patterns <= _MAX_PATTERNS:
            raise invalid("bind", f"dataset of {dataset.patterns} patterns, want 0 to {_MAX_PATTERNS}")
        self.patterns, self.program = dataset.patterns, program
        self._arrays: dict[str, BoundArray] = {}
        self._files: dict[str, Mapping] = {}
        inputs = {i.name: i for i in program.inputs}
        try:
            for a in dataset.arrays:
                if a.input not in inputs:
                    continue  # no input reads it
                if a.input in self._arrays:
                    raise invalid("bind", f"input {a.input} is fed by two arrays")
                self._arrays[a.input] = self._open(a, inputs[a.input].type)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """close ends the use of the files."""
        for f in self._files.values():
            f.close()
        self._files.clear()
        self._arrays.clear()

    def _open(self, a: c.Array, t: Type) -> BoundArray:
        what, mapping = f"input {a.input}", None
        if (a.value is None) == (a.file is None):
            raise invalid("bind", f"{what}: its array has {'neither' if a.value is None else 'both'} a value and a file")
        if a.file is not None:
            mapping = self._files.get(a.file.path) or Mapping(a.file.path)
            self._files[a.file.path] = mapping
            data = mapping.array(a.file, what)
        else:
            assert a.value is not None
            data = a.value
        if t.kind == REAL and np.iscomplexobj(data) or t.kind == INDEX and data.dtype.kind not in "iu":
            raise invalid("bind", f"{what} is {t.kind}, its array is {data.dtype}")
        per_group = bool(t.shape) and t.shape[0] < 0
        if a.gather == c.WHOLE:
            if per_group or t.shape != data.shape:
                raise invalid("bind", f"{what} has shape {t.shape}, but its array for all batches has {data.shape}")
            return BoundArray(data, a.gather, None, mapping)
        if a.gather not in (c.PER_PATTERN, c.INDEXED):
            raise invalid("bind", f"{what}: unknown way of gathering {a.gather}")
        self._fit_rows(data, t, what)
        if a.gather == c.PER_PATTERN:
            if data.shape[0] != self.patterns:
                raise invalid("bind", f"{what}: its array {data.shape} has {data.shape[0]} rows for {self.patterns} patterns")
            return BoundArray(data, a.gather, None, mapping)
        if a.index is None or len(a.index) != self.patterns:
            raise invalid("bind", f"{what}: its index has {0 if a.index is None else len(a.index)} entries for {self.patterns} patterns")
        bad = (a.index < 0) | (a.index >= data.shape[0])
        if bad.any():
            p = int(np.argmax(bad))
            raise invalid("bind", f"{what}: its index sends pattern {p} to row {a.index[p]} of {data.shape[0]}")
        return BoundArray(data, a.gather, a.index, mapping)

    def _fit_rows(self, data: np.ndarray, t: Type, what: str) -> None:
        if not t.shape or t.shape[0] >= 0:
            raise invalid("bind", f"{what} has shape {t.shape} for all batches, but its array is per pattern")
        if data.ndim == 0:
            raise invalid("bind", f"{what} comes per pattern, its array has no axes")
        one, row = t.at(1), data.shape[1:]
        head = len(one) - len(row)
        if head < 0 or one[head:] != row or math.prod(one[:head]) != self.program.group:
            raise invalid("bind", f"{what} has shape {t.shape}, a row of its array {row}, and a group has {self.program.group} patterns")

    def gather(self, b: c.Batch, inputs: Iterable[Input], dtype: str) -> dict[str, np.ndarray]:
        """gather returns the inputs of a batch in the precision dtype. An array of the batch replaces one of the dataset."""
        n = len(b.rows)
        bad = (b.rows < 0) | (b.rows >= self.patterns)
        if bad.any():
            i = int(np.argmax(bad))
            raise invalid("gather", f"row {i} refers to pattern {b.rows[i]}, but the dataset has {self.patterns}")
        out = {}
        for wanted in inputs:
            shape = wanted.type.at(n // self.program.group)
            if wanted.name in b.extra:
                a = b.extra[wanted.name]
                if a.shape != shape:
                    raise invalid("gather", f"input {wanted.name}: the batch has shape {a.shape}, want {shape}")
            elif wanted.name == "offsets" and len(b.offsets):
                a = b.offsets
            elif wanted.name in self._arrays:
                a = self._arrays[wanted.name].read(b.rows)
            else:
                raise not_found("gather", f"input {wanted.name}: missing in both the dataset and the batch")
            if a.size != math.prod(shape):
                raise invalid("gather", f"input {wanted.name}: {a.size} numbers, want {shape}")
            out[wanted.name] = convert(a, wanted.type.kind, dtype, wanted.name).reshape(shape)
            if wanted.type.kind == INDEX:
                check_index(self.program, wanted.name, out[wanted.name])
        return out


def convert(a: np.ndarray, kind: str, dtype: str, name: str) -> np.ndarray:
    """convert returns a in the type of a kind and precision, contiguous. Real values convert to complex, complex ones never to real."""
    if kind == INDEX:
        if np.iscomplexobj(a) or not np.array_equal(a, a.astype(np.int32)):
            raise invalid("gather", f"input {name} has an index that is not an int32")
        return np.ascontiguousarray(a, np.int32)
    if kind == REAL and np.iscomplexobj(a):
        raise invalid("gather", f"input {name} is real, its array is complex")
    target = np.dtype(dtype) if kind == REAL else np.dtype({"float32": "complex64", "float64": "complex128"}[dtype])
    assert kind in (REAL, COMPLEX)
    return np.ascontiguousarray(a, target)
