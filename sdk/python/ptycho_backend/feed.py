"""The part of a session that is the same for every engine: its datasets, stop, and the batches of a plan, gathered ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from . import contract as c
from .checks import check_groups, check_plan
from .dataset import BoundDataset
from .errors import not_found
from .program import Input, Param, Program

_WORKERS, _PREFETCH = 2, 2  # of a session whose options name none


@dataclass
class Item:
    """Item is a gathered batch with its inputs by name."""

    index: int  # into the plan's batches
    batch: c.Batch
    inputs: dict[str, np.ndarray]
    waited: float  # seconds until it was gathered


class FeedSession(c.Session):
    """FeedSession implements params, bind and stop, and gathers the batches of plans in worker threads."""

    def __init__(self, options: c.OpenOptions) -> None:
        self.program: Program = options.program
        self.dtype = options.dtype or "float32"
        self._workers, self._prefetch = options.workers or _WORKERS, options.prefetch or _PREFETCH
        self._datasets: dict[str, BoundDataset] = {}
        self._count = 0
        self._stop = threading.Event()

    def params(self) -> list[Param]:
        """params lists the program's parameters."""
        return self.program.params

    def bind(self, dataset: c.Dataset) -> str:
        """bind opens a dataset and returns its identifier."""
        opened = BoundDataset(dataset, self.program)
        self._count += 1
        name = f"dataset-{self._count}"
        self._datasets[name] = opened
        return name

    def stop(self) -> None:
        """stop ends the running plan after its step or batch."""
        self._stop.set()

    def close(self) -> None:
        """close ends the use of all datasets."""
        for d in self._datasets.values():
            d.close()
        self._datasets.clear()

    def dataset(self, name: str) -> BoundDataset:
        """dataset returns a bound dataset."""
        if name not in self._datasets:
            raise not_found("dataset", f"{name!r} is not bound in this session")
        return self._datasets[name]

    def steps(self, plan: c.StepPlan, call: c.Call, values: Iterable[str]) -> Iterator[tuple[c.Step, Iterator[Item]]]:
        """steps checks a plan and yields its steps with their micro-batches, until stop. Each step must use up its micro-batches."""
        self._stop.clear()
        dataset = self.dataset(plan.dataset)
        check_plan(plan, self.program)
        items = self._gather(dataset, [b for s in plan.steps for b in s.batches], call, self.program.inputs_of(values), "step")
        try:
            for s in plan.steps:
                if self._stop.is_set():
                    return
                yield s, (next(items) for _ in s.batches)
        finally:
            items.close()

    def batches(self, plan: c.Plan, call: c.Call, values: Iterable[str], op: str) -> Iterator[Item]:
        """batches checks the batches of a plan and yields them, until stop."""
        self._stop.clear()
        dataset = self.dataset(plan.dataset)
        for b in plan.batches:
            check_groups(b, self.program)
        items = self._gather(dataset, plan.batches, call, self.program.inputs_of(values), op)
        try:
            for item in items:
                if self._stop.is_set():
                    return
                yield item
        finally:
            items.close()

    def one(self, ref: c.BatchRef, values: Iterable[str]) -> dict[str, np.ndarray]:
        """one gathers the inputs of one batch that the given values depend on."""
        values = list(values)
        for name in values:
            if name not in self.program.types:
                raise not_found("inspect", f"the program does not have the value {name}")
        dataset = self.dataset(ref.dataset)
        check_groups(ref.batch, self.program)
        return dataset.gather(ref.batch, self.program.inputs_of(values), self.dtype)

    def _gather(self, dataset: BoundDataset, batches: list[c.Batch], call: c.Call, inputs: list[Input],
                op: str) -> Generator[Item, None, None]:
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="gather")
        ahead: list[Future[dict[str, np.ndarray]]] = []
        try:
            for i, b in enumerate(batches):
                call.check(op)
                while len(ahead) <= self._prefetch and i + len(ahead) < len(batches):
                    ahead.append(pool.submit(dataset.gather, batches[i + len(ahead)], inputs, self.dtype))
                began = time.monotonic()
                gathered = ahead.pop(0).result()
                yield Item(i, b, gathered, time.monotonic() - began)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
