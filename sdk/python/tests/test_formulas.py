"""Tests of the formulas against conformance/golden and against closed forms. Run: python -m unittest discover -s sdk/python/tests"""

import json
import math
import pathlib
import unittest

import numpy as np

from ptycho_backend import deviance, optim, program
from ptycho_backend.contract import Optimiser
from ptycho_backend.shapes import RULES

GOLDEN = pathlib.Path(__file__).parents[3] / "conformance" / "golden"


def read(name):
    return json.loads((GOLDEN / name).read_text())


def numbers(a):
    """numbers returns an array of real numbers; a complex one has two for each element."""
    return np.array(a["data"], float)


def error(got, want):
    return np.linalg.norm(got - want) / np.linalg.norm(want)


class TestFormulas(unittest.TestCase):
    def test_update_rules(self):
        doc = read("optimisers.json")
        for case in doc["cases"]:
            o = Optimiser(case["optimiser"], case.get("beta1", 0), case.get("beta2", 0), case.get("epsilon", 0), case.get("momentum", 0),
                          case.get("nesterov", False), case["weight_decay"])
            weights = [numbers(a) for a in doc["weights"]]
            state = [[np.zeros_like(w) for _ in optim.slots(o)] for w in weights]
            averages = [w.copy() for w in weights]
            for t, (golden, after) in enumerate(zip(doc["gradients"], case["after"]), 1):
                grads = [numbers(g) for g in golden]
                optim.clip(case.get("clip", ""), case.get("clip_limit", 0), optim.norm(grads), weights, grads)
                for i, (w, g, s) in enumerate(zip(weights, grads, state)):
                    optim.update(o, t, case["learning_rate"], w, g, *s)
                    self.assertLess(error(w, numbers(after[i])), 1e-12, f"{case.get('note', o.kind)}, step {t}")
                    if decay := case.get("ema_decay"):
                        optim.average(averages[i], w, decay)
                        self.assertLess(error(averages[i], numbers(case["ema"][t - 1][i])), 1e-12, f"average, step {t}")

    def test_clipping(self):
        w, g = [np.array([3.0, 4.0])], [np.array([6.0, -8.0])]
        self.assertFalse(optim.clip("norm", 10, optim.norm(g), w, g))
        self.assertTrue(optim.clip("norm", 5, optim.norm(g), w, g))
        np.testing.assert_allclose(g[0], [3, -4])
        self.assertTrue(optim.clip("value", 3.5, optim.norm(g), w, g))
        np.testing.assert_allclose(g[0], [3, -3.5])
        self.assertTrue(optim.clip("agc", 0.1, optim.norm(g), w, g))
        self.assertAlmostEqual(optim.norm(g), 0.5)

    def test_schedules(self):
        def at(s, **k):
            return optim.Schedule(peak=1.0, steps=7, total=70, **k).at(s)
        self.assertAlmostEqual(at(35, kind="cosine"), 0.5)
        self.assertAlmostEqual(at(99, kind="cosine", floor=0.1), 0.1)
        self.assertAlmostEqual(at(6, kind="warmup-cosine", warmup=14), 0.5)
        self.assertAlmostEqual(at(42, kind="warmup-cosine", warmup=14), 0.5)
        for s, want in ((0, 0.1), (7, 0.4), (21, 1.0), (70, 0.01), (99, 0.01)):
            self.assertAlmostEqual(at(s, kind="one-cycle"), want)
        self.assertAlmostEqual(at(35, kind="one-cycle"), 0.01 + 0.99 * math.cos(math.pi / 7) ** 2)
        self.assertAlmostEqual(at(7 * 4, kind="step", gamma=0.5, every=2), 0.25)
        self.assertAlmostEqual(at(500, kind="exponential", gamma=0.9), 0.9**9)
        self.assertAlmostEqual(at(7 * 5, kind="multistage", gamma=0.1, milestones=(2, 5)), 0.01)

    def test_expected_deviance(self):
        """The table agrees with the sum over Poisson counts."""
        values, _ = deviance.table()
        for i in (0, 500, 1200, len(values) - 1):
            lam = math.exp(deviance.LOG_LOW + i * deviance.STEP)
            want = 0.0
            for k in range(300):
                p = math.exp(k * math.log(lam) - lam - math.lgamma(k + 1))
                want += p * 2 * (lam - k + (k * math.log(k / lam) if k else 0))
            self.assertAlmostEqual(values[i] / want, 1, places=9)

    def test_programs(self):
        p = program.decode(json.dumps(read("network.json")["program"]).encode())
        self.assertEqual(p.types[p.outputs[0].value].kind, "complex")
        self.assertEqual({f.stem for f in (GOLDEN / "operations").glob("*.json")}, set(RULES))
        for bad in (b"", b"[]", b"null", b'{"name":"x","n":"a"}', b'{"name":"x","n":8,"group":1,"ops":[{"op":"relu","out":"y","in":["x"]}]}',
                    b'{"name":"x","n":8,"group":1,"inputs":[{"name":"x","type":{"kind":"real","shape":[2,-3]}}]}', b"[" * 100000,
                    b'{"name":"x","n":1e999,"group":1}', b'{"name":"x","n":8,"group":1,"ops":[{"op":"relu","out":["y"],"in":["x"]}]}',
                    b'{"name":"x","n":8,"group":1,"ops":[{"op":{},"out":"y","in":["x"]}]}'):
            with self.assertRaises(ValueError):
                program.decode(bad)


if __name__ == "__main__":
    unittest.main()
