"""A backend for tests of sdk/python: it computes nothing and shows what it received."""

import ctypes
import os
import sys
import time

import numpy as np

import ptycho_backend as pt
from ptycho_backend import checks
from ptycho_backend.feed import FeedSession


class ToySession(FeedSession, pt.Inspector):
    def __init__(self, options):
        super().__init__(options)
        self.progress, self.kept = options.progress, pt.State(0, {})
        print("printed text does not disturb the protocol")

    def set_state(self, state):
        checks.check_state(state, self.program)
        self.kept = state

    def state(self):
        return self.kept

    def step(self, plan, call):
        for name in plan.loss_weights:
            if name.startswith("fail "):
                raise pt.BackendError(pt.Kind[name[5:].upper().replace(" ", "_")], "toy", "as asked")
            if name == "raise":
                raise ZeroDivisionError("out of cheese")
        for step, items in self.steps(plan, call, ["each"]):
            for item in items:
                self.progress(pt.Event("late", f"step {step.number}"))
                count = float(len(item.batch.rows))
                yield pt.StepResult(step.number, 1.0, {"loss": (count, count), "deviance": (0.0, count)}, 0.0, False, len(item.batch.rows))

    def reconstruct(self, plan, call):
        for item in self.batches(plan, call, ["object"], "reconstruct"):
            yield item.inputs["object"].reshape(-1, *item.inputs["object"].shape[-2:])

    def forward(self, ref, taps):
        inputs = self.one(ref, taps)
        return {name: inputs[name] for name in taps}

    def gradient(self, ref, params):
        raise pt.unsupported("gradient", "a toy has none")


class Toy(pt.Backend):
    def info(self):
        return pt.Info("toy", "1", f"NumPy {np.__version__}", ["relu"], ["train", "inspect", "float64"], ["float32", "float64"])

    def devices(self):
        return [pt.Device("cpu", "Python " + sys.version.split()[0], cores=1)]

    def open(self, options, call):
        options.progress(pt.Event("compile", "nothing", 1, 1))
        return ToySession(options)


def make():
    start = os.environ.get("PTYCHO_TOY", "")
    while start == "wait":
        time.sleep(1)
    if start == "hold":
        ctypes.PyDLL(None).sleep(33)  # keeps the interpreter's lock, as the import of an engine does
    if start == "fail":
        raise ImportError("libengine.so is missing")
    return Toy()


pt.serve(make, name="toy")
