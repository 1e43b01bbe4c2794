"""Compares each operation with the golden vectors, without ptycho: python -m unittest discover -s tests

Only compute, with its imports torch and ops, knows the engine: rewrite it together with the operations.
"""

import json
import pathlib
import unittest

import numpy as np
import torch

from ptycho_backend import Op
from ptycho_backend_pytorch import _make, ops

BESIDE = pathlib.Path(__file__).parents[1] / "golden"
GOLDEN = BESIDE if BESIDE.exists() else pathlib.Path(__file__).parents[3] / "conformance" / "golden"  # in a checkout of ptycho
LIMITS = {"float64": (1e-10, 1e-10), "float32": (3e-6, 3e-5)}  # of values and of gradients: relative L2 errors


def compute(op, shape, inputs, cotangent):
    """compute returns the value of an operation, and for each input its gradient, or None where none flows."""
    tensors = [torch.from_numpy(x) for x in inputs]
    moving = [x.requires_grad_() for x in tensors if x.is_floating_point() or x.is_complex()]
    y = ops.run(op, tensors, shape)
    found = iter(torch.autograd.grad(y, moving, torch.from_numpy(cotangent), allow_unused=True) if y.requires_grad else [None] * len(moving))
    grads = [next(found) if x.requires_grad else None for x in tensors]
    return y.detach().numpy(), [None if g is None else g.resolve_conj().numpy() for g in grads]


def array(a, dtype):
    """array reads an array of a vector: real or complex numbers of a precision, or an index."""
    if a["kind"] == "index":
        return np.array(a["data"], np.int64).reshape(a["shape"])
    data = np.array(a["data"], dtype)
    if a["kind"] == "complex":
        data = data.view("complex64" if dtype == "float32" else "complex128")
    return data.reshape(a["shape"])


class TestGolden(unittest.TestCase):
    """TestGolden has a test for each operation that the engine lists."""

    def near(self, what, got, want, limit):
        """near compares an array with that of a vector."""
        want = array(want, "float64")
        self.assertIsNotNone(got, f"{what} is missing")
        self.assertEqual(got.shape, want.shape, f"the shape of {what}")
        error = np.linalg.norm((got - want).ravel()) / max(np.linalg.norm(want.ravel()), 1e-300)
        self.assertLessEqual(error, limit, f"relative error of {what}")  # fails for NaN too

    def check(self, kind):
        """check compares one operation in each precision."""
        for case in json.loads((GOLDEN / "operations" / f"{kind}.json").read_text())["cases"]:
            for dtype, (of_values, of_gradients) in LIMITS.items():
                with self.subTest(case.get("note", ""), dtype=dtype, inputs=[(a["name"], a["shape"]) for a in case["inputs"]]):
                    op = Op(kind, "output", tuple(a["name"] for a in case["inputs"]), case["attributes"])
                    inputs, output = [array(a, dtype) for a in case["inputs"]], array(case["output"], dtype)
                    cotangent = array(case["cotangent"], dtype) if "cotangent" in case else np.ones_like(output)
                    y, grads = compute(op, output.shape, inputs, cotangent)
                    self.near("the value", y, case["output"], of_values)
                    want = {g["name"]: g for g in case.get("gradients", [])}
                    for name, got in zip(op.inputs, grads):
                        if name in want:
                            self.near(f"the gradient of {name}", got, want[name], of_gradients)
                        else:
                            self.assertTrue(got is None, f"a gradient flows to {name}, want none")


def add_tests():
    """add_tests adds a method test_KIND for each operation."""
    for kind in _make().info().operations:
        setattr(TestGolden, f"test_{kind}", lambda self, kind=kind: self.check(kind))


add_tests()

if __name__ == "__main__":
    unittest.main()
