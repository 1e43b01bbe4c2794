"""Errors of a backend. The host decides by their kind how it reacts."""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """Kind classifies an error by the possible reaction of the host. Its value is the number in the protocol."""

    INTERNAL = 0
    INVALID = 1  # the caller's mistake: shape, name, value
    NOT_FOUND = 2  # a dataset, parameter or file
    UNSUPPORTED = 3  # the backend does not support it
    UNAVAILABLE = 4  # the device or its library
    EXHAUSTED = 5  # memory
    NUMERIC = 6  # NaN, infinity, divergence
    CANCELLED = 7
    CRASHED = 8


class BackendError(Exception):
    """BackendError is an error with a kind, the call or operation, and one sentence: what was found, and what to do."""

    def __init__(self, kind: Kind, op: str, what: str) -> None:
        super().__init__(f"{op}: {what}" if op else what)
        self.kind, self.op, self.what = kind, op, what


def invalid(op: str, what: str) -> BackendError:
    """invalid returns an error about a mistake of the caller."""
    return BackendError(Kind.INVALID, op, what)


def not_found(op: str, what: str) -> BackendError:
    """not_found returns an error about a name that does not exist."""
    return BackendError(Kind.NOT_FOUND, op, what)


def unsupported(op: str, what: str) -> BackendError:
    """unsupported returns an error about a request that this backend cannot fulfil."""
    return BackendError(Kind.UNSUPPORTED, op, what)
