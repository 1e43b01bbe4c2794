"""A backend whose operations are those of conformance/golden, check.py and plain.py: it computes forward and gradient."""

import check
import numpy as np

import ptycho_backend as pt
from ptycho_backend import checks
from ptycho_backend.contract import BUFFERS, WEIGHTS
from ptycho_backend.feed import FeedSession
from ptycho_backend.shapes import ATTRIBUTES

TYPES = {"real": np.float32, "complex": np.complex64, "index": np.int32}
KINDS = {"f": "real", "c": "complex", "i": "index"}


class Session(FeedSession, pt.Inspector):
    def __init__(self, options):
        super().__init__(options)
        self._kept = pt.State(0, {})

    def set_state(self, state):
        checks.check_state(state, self.program)
        self._kept = state

    def state(self):
        return self._kept

    def _compute(self, ref, names):
        """_compute returns all values, and the operations with their functions for the way back."""
        given = {**self._kept.slots.get(BUFFERS, {}), **self._kept.slots[WEIGHTS], **self.one(ref, names)}
        values = {name: np.array(a, TYPES[KINDS[a.dtype.kind]]) for name, a in given.items()}
        tape, groups = [], len(ref.batch.rows) // self.program.group
        for op in self.program.needed(names):
            t = self.program.types[op.out]
            attributes = {name: op.attr(name) for name in ATTRIBUTES.get(op.kind, {})} | {"shape": t.at(groups)}
            y, back = check.operations[op.kind](*[values[name] for name in op.inputs], attributes)
            values[op.out] = np.asarray(y, TYPES[t.kind])
            tape.append((op, back))
        return values, tape

    def forward(self, ref, taps):
        values, _ = self._compute(ref, taps)
        return {name: values[name] for name in taps}

    def gradient(self, ref, params):
        names, norm = checks.check_gradient(ref, self.program, params)
        values, tape = self._compute(ref, [s.value for s in self.program.scalars])
        weights = np.ones(len(ref.batch.rows)) if ref.batch.weights is None else ref.batch.weights
        grads, sums, loss = {}, {}, 0.0
        for s in self.program.scalars:
            total = float((weights * values[s.value].ravel()).sum())
            weight = ref.loss_weights.get(s.name, 0.0)
            sums[s.name], loss = (total, float(weights.sum())), loss + weight * total / norm
            grads[s.value] = grads.get(s.value, 0) + (weight / norm * weights).reshape(values[s.value].shape)
        for op, back in reversed(tape):
            g = grads.get(op.out)
            for name, d in zip(op.inputs, back(g) if back and g is not None else []):
                grads[name] = grads.get(name, 0) + np.asarray(d)
        return pt.Gradient(loss, sums, {n: np.array(grads.get(n, np.zeros_like(values[n])), values[n].dtype) for n in names})


class Golden(pt.Backend):
    def info(self):
        return pt.Info("golden", "1", f"NumPy {np.__version__}", operations=sorted(check.operations), capabilities=["inspect"], dtypes=["float32"])

    def devices(self):
        return [pt.Device("cpu", "one core", cores=1)]

    def open(self, options, call):
        return Session(options)


np.seterr(all="ignore")
pt.serve(Golden, name="golden")
