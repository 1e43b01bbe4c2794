"""A model as data: a list of operations with named values, parameters, buffers and inputs, and its validation.

A positive extent of a shape is that extent. A negative extent −n is n times the number of groups in the batch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import shapes
from .shapes import Attr, Type

PATCHES = "patches"  # the output that every architecture has: complex [−1, C, N, N]
MAX_OPS = 10_000


@dataclass(frozen=True)
class Input:
    """Input is an array that comes with each batch, from the dataset or from the plan."""

    name: str
    type: Type


@dataclass(frozen=True)
class Param:
    """Param is an array of the model that training changes."""

    name: str
    kind: str
    shape: tuple[int, ...]
    trainable: bool
    group: str


@dataclass(frozen=True)
class Buffer:
    """Buffer is a constant of the model that is stored with the weights."""

    name: str
    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Op:
    """Op is one operation: it reads the values of inputs and writes the value out."""

    kind: str
    out: str
    inputs: tuple[str, ...]
    attrs: dict[str, float] = field(default_factory=dict)
    shape: tuple[int, ...] = ()

    def attr(self, name: str) -> float:
        """attr returns an attribute, or the operation's default."""
        if name in self.attrs:
            return self.attrs[name]
        return shapes.ATTRIBUTES[self.kind][name].default


@dataclass(frozen=True)
class Scalar:
    """Scalar is a named result with one number for every pattern: a value of type real [−1, C]."""

    name: str
    value: str
    loss: bool


@dataclass(frozen=True)
class Output:
    """Output is a named array that reconstruct returns."""

    name: str
    value: str


@dataclass
class Program:
    """Program is a model that a backend can compile. decode has validated it; types holds the type of every value."""

    name: str
    n: int
    group: int
    inputs: list[Input]
    params: list[Param]
    buffers: list[Buffer]
    ops: list[Op]
    scalars: list[Scalar]
    outputs: list[Output]
    types: dict[str, Type] = field(default_factory=dict)
    params_json: bytes = b"[]"  # as the host wrote it

    def param(self, name: str) -> Param | None:
        """param returns the parameter of a name."""
        return next((p for p in self.params if p.name == name), None)

    def trainable(self) -> list[str]:
        """trainable lists the parameters that training changes, in the program's order."""
        return [p.name for p in self.params if p.trainable]

    def needed(self, values: Iterable[str]) -> list[Op]:
        """needed lists the operations, in order, that the given values depend on."""
        want, out = set(values), []
        for op in reversed(self.ops):
            if op.out in want:
                out.append(op)
                want.update(op.inputs)
        return out[::-1]

    def inputs_of(self, values: Iterable[str]) -> list[Input]:
        """inputs_of lists the inputs that the given values depend on."""
        read = set(values)
        for op in self.needed(list(read)):
            read.update(op.inputs)
        return [i for i in self.inputs if i.name in read]

    def tables(self, index: str) -> dict[str, int]:
        """tables lists the tables that are read with an index input, with their number of rows."""
        same, out = {index}, {}
        for op in self.ops:
            if op.kind in ("reshape", "detach") and op.inputs[0] in same:
                same.add(op.out)
            if op.kind == "gather" and op.inputs[1] in same:
                out[op.inputs[0]] = self.types[op.inputs[0]].shape[0]
        return out


def decode(raw: bytes) -> Program:
    """decode reads a program from its JSON and validates it. It raises ValueError for an invalid program."""
    try:
        doc = json.loads(raw)
        program = _read(doc)
        _validate(program)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as e:
        raise ValueError(f"program: not a valid description: {type(e).__name__}: {e}") from e
    return program


def _shape(value: Any) -> tuple[int, ...]:
    # Go writes an empty list as null.
    out = tuple(value or ())
    if not all(type(d) is int for d in out):
        raise ValueError(f"program: shape {value} has an extent that is not a whole number")
    return out


def _list(doc: Any, name: str) -> list[Any]:
    return doc.get(name) or []


def _read(doc: Any) -> Program:
    return Program(
        name=str(doc["name"]), n=int(doc["n"]), group=int(doc["group"]),
        inputs=[Input(i["name"], Type(i["type"]["kind"], _shape(i["type"]["shape"]))) for i in _list(doc, "inputs")],
        params=[Param(p["name"], p["kind"], _shape(p["shape"]), bool(p["trainable"]), p["group"]) for p in _list(doc, "params")],
        buffers=[Buffer(b["name"], b["kind"], _shape(b["shape"])) for b in _list(doc, "buffers")],
        ops=[Op(o["op"], o["out"], tuple(o.get("in") or ()), dict(o.get("attrs") or {}), _shape(o.get("shape"))) for o in _list(doc, "ops")],
        scalars=[Scalar(s["name"], s["value"], bool(s["loss"])) for s in _list(doc, "scalars")],
        outputs=[Output(o["name"], o["value"]) for o in _list(doc, "outputs")],
        params_json=json.dumps(_list(doc, "params")).encode(),
    )


def _define(program: Program, name: str, t: Type) -> None:
    if not name:
        raise ValueError("the name is empty")
    if name in program.types:
        raise ValueError("is defined twice")
    shapes.check_shape(t.shape)
    program.types[name] = t


def _define_array(program: Program, name: str, kind: str, shape: tuple[int, ...], kinds: tuple[str, ...]) -> None:
    if kind not in kinds:
        raise ValueError(f"unknown kind {kind!r}")
    if any(d < 1 for d in shape):
        raise ValueError(f"shape {shape} has an extent below 1")
    _define(program, name, Type(kind, shape))


def _validate(p: Program) -> None:
    if len(p.ops) > MAX_OPS:
        raise ValueError(f"program {p.name}: {len(p.ops)} operations, at most {MAX_OPS}")
    if p.n < 2 or p.group < 1:
        raise ValueError(f"program {p.name}: pattern side {p.n} and group of {p.group}, want at least 2 and 1")
    try:
        name = ""
        for i in p.inputs:
            name = i.name
            if i.type.kind not in shapes.KINDS:
                raise ValueError(f"unknown kind {i.type.kind!r}")
            _define(p, name, i.type)
        for q in p.params:
            name = q.name
            _define_array(p, name, q.kind, q.shape, (shapes.REAL, shapes.COMPLEX))
        for b in p.buffers:
            name = b.name
            _define_array(p, name, b.kind, b.shape, shapes.KINDS)
        for op in p.ops:
            name = op.out
            _define(p, name, _infer(p, op))
        for s in p.scalars:
            name = s.name
            if p.types.get(s.value) != Type(shapes.REAL, (-1, p.group)):
                raise ValueError(f"reads {s.value} of type {p.types.get(s.value)}, want real (-1, {p.group})")
        for o in p.outputs:
            name = o.name
            if o.value not in p.types:
                raise ValueError(f"reads {o.value}, which is not defined")
    except ValueError as e:
        raise ValueError(f"program {p.name}: {name}: {e}") from e


def _infer(p: Program, op: Op) -> Type:
    if op.kind not in shapes.RULES:
        raise ValueError(f"unknown operation {op.kind!r}")
    arity, rule = shapes.RULES[op.kind]
    if len(op.inputs) != arity and arity > 0 or not op.inputs:
        raise ValueError(f"{op.kind} reads {len(op.inputs)} values, want {max(arity, 1)}")
    for value in op.inputs:
        if value not in p.types:
            raise ValueError(f"{op.kind} reads {value}, which is not defined before it")
    known: dict[str, Attr] = shapes.ATTRIBUTES.get(op.kind, {})
    for name, v in op.attrs.items():
        a = known.get(name)
        if a is None:
            raise ValueError(f"{op.kind} has the unknown attribute {name}")
        if not isinstance(v, (int, float)) or math.isnan(v) or not a.low <= v <= a.high or a.integer and v != int(v):
            raise ValueError(f"attribute {name} of {op.kind} is {v}, want {a.low} … {a.high}")
    if op.shape and op.kind != "reshape":
        raise ValueError(f"{op.kind} has a shape, but only reshape may have one")
    return rule(op, [p.types[v] for v in op.inputs])
