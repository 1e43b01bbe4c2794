"""The type of every operation's result. A rule raises ValueError for inputs that do not fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

REAL, COMPLEX, INDEX = "real", "complex", "index"
KINDS = (REAL, COMPLEX, INDEX)
Shape = tuple[int, ...]


class Type(NamedTuple):
    """Type is the kind and shape of a value."""

    kind: str
    shape: Shape

    def at(self, groups: int) -> Shape:
        """at returns the shape for a batch with the given number of groups."""
        return tuple(-d * groups if d < 0 else d for d in self.shape)


class Attr(NamedTuple):
    """Attr is an attribute with its range, including both ends."""

    default: float
    low: float
    high: float
    integer: bool = True


class Operation(Protocol):
    """Operation is the part of program.Op that the rules read."""

    @property
    def kind(self) -> str:
        """kind names the operation."""

    @property
    def shape(self) -> Shape:
        """shape is that of a reshape."""

    def attr(self, name: str) -> float:
        """attr returns an attribute, or its default."""


_BIG = 3.4028234663852886e38  # the largest float32
ATTRIBUTES: dict[str, dict[str, Attr]] = {
    "leaky_relu": {"slope": Attr(0.01, 0, 1, False)},
    "affine": {"scale": Attr(1, -_BIG, _BIG, False), "shift": Attr(0, -_BIG, _BIG, False)},
    "slice_channels": {"from": Attr(0, 0, 1 << 20), "to": Attr(0, 1, 1 << 20)},
    "pad": {"amount": Attr(0, 0, 4096)},
    "crop": {"amount": Attr(0, 0, 4096)},
    "fft2": {"inverse": Attr(0, 0, 1)},
    "translate": {"sign": Attr(1, -1, 1)},
    "merge_weight": {"floor": Attr(1e-3, 0, 1, False)},
    "assemble": {"canvas": Attr(0, 2, 1 << 15)},
    "extract": {"n": Attr(0, 2, 1 << 15)},
    "back_project": {"epsilon": Attr(0.02, 1e-9, 1, False)},
}

Rule = Callable[[Operation, list[Type]], Type]


def check_shape(s: Shape) -> None:
    """check_shape accepts at most 8 axes, of which only the first may be per group."""
    if len(s) > 8:
        raise ValueError(f"{len(s)} axes, at most 8")
    for i, d in enumerate(s):
        if d == 0 or d > 1 << 24 or d < -(1 << 20) or d < 0 and i > 0:
            raise ValueError(f"shape {s}: extents must be positive, and only the first axis may be per group")


def _want(ok: bool, what: str) -> None:
    if not ok:
        raise ValueError(what)


def _image(t: Type, kind: str = "", rank: int = 0) -> Shape:
    """_image requires two fixed last axes, and the kind and rank if they are given."""
    s = t.shape
    _want(t.kind != INDEX and len(s) >= 2 and s[-1] > 0 and s[-2] > 0 and kind in ("", t.kind) and rank in (0, len(s)),
          f"is {t.kind} {s}, want images{' ' + kind if kind else ''}{f' of rank {rank}' if rank else ''}")
    return s


def _suffix(b: Shape, a: Shape) -> bool:
    return len(b) <= len(a) and a[len(a) - len(b):] == b


def _unary(_: Operation, t: list[Type]) -> Type:
    _want(t[0].kind == REAL, f"is {t[0].kind}, want real")
    return t[0]


def _binary(op: Operation, t: list[Type]) -> Type:
    a, b = t
    same = a.kind == b.kind != INDEX or op.kind == "mul" and (a.kind, b.kind) == (COMPLEX, REAL)
    _want(same and (op.kind != "div" or a.kind == REAL) and _suffix(b.shape, a.shape), f"cannot combine {a} with {b}")
    return a


def _reshape(op: Operation, t: list[Type]) -> Type:
    check_shape(op.shape)
    out = Type(t[0].kind, op.shape)
    for groups in (1, 2):
        _want(math.prod(t[0].at(groups)) == math.prod(out.at(groups)), f"{t[0].shape} and {op.shape} have different numbers of elements")
    return out


def _concat(_: Operation, t: list[Type]) -> Type:
    first = _image(t[0], REAL, 4)
    channels = 0
    for x in t:
        s = _image(x, REAL, 4)
        _want((s[0], s[2], s[3]) == (first[0], first[2], first[3]) and s[1] > 0, f"{s} cannot be joined to {first}")
        channels += s[1]
    return Type(REAL, (first[0], channels, *first[2:]))


def _slice(op: Operation, t: list[Type]) -> Type:
    s = _image(t[0], REAL, 4)
    low, high = int(op.attr("from")), int(op.attr("to"))
    _want(low < high <= s[1], f"channels {low} to {high} of {s}")
    return Type(REAL, (s[0], high - low, *s[2:]))


def _border(sign: int) -> Rule:
    def rule(op: Operation, t: list[Type]) -> Type:
        s = _image(t[0])
        d = sign * 2 * int(op.attr("amount"))
        _want(s[-1] + d > 0 and s[-2] + d > 0, f"the result of {s} is empty")
        return Type(t[0].kind, (*s[:-2], s[-2] + d, s[-1] + d))
    return rule


def _same_image(_: Operation, t: list[Type]) -> Type:
    _image(t[0])
    return t[0]


def _conv(_: Operation, t: list[Type]) -> Type:
    s, w, b = _image(t[0], REAL, 4), t[1].shape, t[2].shape
    ok = t[1].kind == t[2].kind == REAL and len(w) == 4 and len(b) == 1
    _want(ok and w[1] == s[1] and b[0] == w[0] and w[0] > 0 and w[2] == w[3] and w[2] % 2 == 1, f"weight {w} and bias {b} for {s}")
    return Type(REAL, (s[0], w[0], *s[2:]))


def _dense(_: Operation, t: list[Type]) -> Type:
    s, w, b = t[0].shape, t[1].shape, t[2].shape
    ok = all(x.kind == REAL for x in t) and len(s) == 2 and len(w) == 2 and len(b) == 1
    _want(ok and w[1] == s[1] and b[0] == w[0] and w[0] > 0, f"weight {w} and bias {b} for {s}")
    return Type(REAL, (s[0], w[0]))


def _resized(up: bool) -> Rule:
    def rule(_: Operation, t: list[Type]) -> Type:
        s = _image(t[0], REAL, 4)
        if up:
            return Type(REAL, (s[0], s[1], 2 * s[2], 2 * s[3]))
        _want(s[2] % 2 == 0 and s[3] % 2 == 0, f"{s}: height and width must be even to be halved")
        return Type(REAL, (s[0], s[1], s[2] // 2, s[3] // 2))
    return rule


def _means(_: Operation, t: list[Type]) -> Type:
    return Type(REAL, _image(t[0], REAL, 4)[:2])


def _scale_planes(_: Operation, t: list[Type]) -> Type:
    s = _image(t[0], REAL, 4)
    _want(t[1] == Type(REAL, s[:2]), f"factors {t[1]} for planes of {s}")
    return t[0]


def _pair(_: Operation, t: list[Type]) -> Type:
    _want(t[0].kind == REAL and t[0] == t[1], f"cannot pair {t[0]} with {t[1]}")
    return Type(COMPLEX, t[0].shape)


def _part(out: str) -> Rule:
    def rule(_: Operation, t: list[Type]) -> Type:
        _want(t[0].kind == COMPLEX, f"is {t[0].kind}, want complex")
        return Type(out, t[0].shape)
    return rule


def _fft(_: Operation, t: list[Type]) -> Type:
    _image(t[0], COMPLEX)
    return t[0]


def _illuminate(_: Operation, t: list[Type]) -> Type:
    o, p = _image(t[0], COMPLEX, 4), t[1].shape
    ok = t[1].kind == COMPLEX and (len(p) == 3 or len(p) == 5 and p[:2] == o[:2])
    _want(ok and p[-3] > 0 and p[-2:] == o[-2:], f"probe {p} for objects {o}")
    return Type(COMPLEX, (o[0], o[1], p[-3], o[2], o[3]))


def _intensity(_: Operation, t: list[Type]) -> Type:
    s = _image(t[0], COMPLEX, 5)
    return Type(REAL, (s[0], s[1], s[3], s[4]))


def _offsets(t: Type, groups: int, members: int) -> None:
    _want(t == Type(REAL, (groups, members, 2)), f"offsets {t}, want real {(groups, members, 2)}")


def _translate(_: Operation, t: list[Type]) -> Type:
    s = _image(t[0], rank=4)
    _offsets(t[1], s[0], s[1])
    return t[0]


def _merge_weight(_: Operation, t: list[Type]) -> Type:
    s = t[0].shape
    _want(t[0].kind == COMPLEX and len(s) in (3, 5), f"probe {t[0]}, want complex [modes, N, N] or [groups, C, modes, N, N]")
    return Type(REAL, (*s[:-3], s[-2], s[-1]))


def _merge(_: Operation, t: list[Type]) -> Type:
    s, w = _image(t[0], COMPLEX, 4), t[2].shape
    _want(t[2].kind == REAL and len(w) in (2, 4) and _suffix(w, s), f"weight {t[2]} for objects {t[0]}")
    _offsets(t[1], s[0], s[1])
    return t[0]


def _assemble(op: Operation, t: list[Type]) -> Type:
    s = _merge(op, t).shape
    side = int(op.attr("canvas"))
    _want(side >= s[2] and side >= s[3] and side % 2 == 0, f"canvas of {side} px for patches {s}: want an even side that holds a patch")
    return Type(COMPLEX, (s[0], side, side))


def _extract(op: Operation, t: list[Type]) -> Type:
    s, n = _image(t[0], COMPLEX, 3), int(op.attr("n"))
    _want(n <= s[1] and n <= s[2] and len(t[1].shape) == 3, f"patches of {n} px at {t[1].shape} from canvas {s}")
    members = t[1].shape[1]
    _offsets(t[1], s[0], members)
    return Type(COMPLEX, (s[0], members, n, n))


def _back_project(op: Operation, t: list[Type]) -> Type:
    out = Type(COMPLEX, _image(t[0], REAL, 4))
    _illuminate(op, [out, t[1]])
    return out


def _gather(_: Operation, t: list[Type]) -> Type:
    table, index = t[0], t[1]
    ok = index.kind == INDEX and len(index.shape) == 2 and len(table.shape) > 0 and table.kind != INDEX
    _want(ok and table.shape[0] > 0, f"table {table} by index {index}")
    return Type(table.kind, (*index.shape, *table.shape[1:]))


def _loss(_: Operation, t: list[Type]) -> Type:
    s, mask = _image(t[0], REAL, 4), t[-1]
    _want(len(t) < 3 or t[1] == t[0], f"λ is {t[0]}, counts are {t[1]}")
    _want(mask.kind == REAL and len(mask.shape) >= 2 and _suffix(mask.shape, s), f"mask {mask} does not fit {t[0]}")
    return Type(REAL, s[:2])


# RULES maps each operation to the number of its inputs (−1: one or more) and the rule for the type of its result.
RULES: dict[str, tuple[int, Rule]] = {
    **{k: (1, _unary) for k in ("relu", "leaky_relu", "sigmoid", "tanh", "silu", "softplus", "exp", "log1p", "sqrt", "square", "affine")},
    **{k: (2, _binary) for k in ("add", "sub", "mul", "div")},
    "reshape": (1, _reshape), "concat": (-1, _concat), "slice_channels": (1, _slice),
    "pad": (1, _border(+1)), "crop": (1, _border(-1)), "mask_center": (1, _same_image), "detach": (1, lambda _, t: t[0]),
    "conv2d": (3, _conv), "dense": (3, _dense), "maxpool2": (1, _resized(False)), "avgpool2": (1, _resized(False)),
    "upsample2": (1, _resized(True)), "global_mean": (1, _means), "scale_planes": (2, _scale_planes),
    "complex": (2, _pair), "polar": (2, _pair), "real": (1, _part(REAL)), "imag": (1, _part(REAL)), "abs2": (1, _part(REAL)),
    "conj": (1, _part(COMPLEX)), "fft2": (1, _fft), "illuminate": (2, _illuminate), "intensity": (1, _intensity),
    "translate": (2, _translate), "merge_weight": (1, _merge_weight), "merge_pairwise": (3, _merge), "assemble": (3, _assemble),
    "extract": (2, _extract), "back_project": (2, _back_project), "gather": (2, _gather),
    "mean_pixels": (1, _means), "poisson_deviance": (3, _loss), "poisson_nll": (3, _loss), "amplitude_loss": (3, _loss),
    "amplitude_mae": (3, _loss), "expected_deviance": (2, _loss),
}

OPERATIONS = tuple(sorted(RULES))
