"""The engine: its description, its devices, and how a session is opened."""

from __future__ import annotations

import os

import torch

import ptycho_backend as pt
from ptycho_backend.contract import CUDA, EMA, FLOAT64, INSPECT, TRAIN

from . import ops
from .session import TorchSession

VERSION = "0.1.0"


class TorchBackend(pt.Backend):
    """TorchBackend computes with PyTorch, on the CPU or on a device that torch.device("cuda") knows."""

    def info(self) -> pt.Info:
        """info describes the engine."""
        capabilities = [TRAIN, INSPECT, FLOAT64, EMA]
        if torch.version.cuda or torch.version.hip:
            capabilities.append(CUDA)
        return pt.Info(name="pytorch", version=VERSION, engine=f"PyTorch {torch.__version__}", capabilities=capabilities,
                       dtypes=["float32", "float64"], operations=sorted([*ops.TABLE, "reshape"]))

    def devices(self) -> list[pt.Device]:
        """devices lists the GPUs, then the CPU. The first usable device is the default."""
        out = []
        if torch.cuda.is_available():
            for i in range(torch.cuda.device_count()):
                p = torch.cuda.get_device_properties(i)
                out.append(pt.Device(f"cuda:{i}", p.name, memory=p.total_memory, cores=p.multi_processor_count))
        elif torch.version.cuda:
            out.append(pt.Device("cuda:0", "NVIDIA GPU", usable=False, reason="PyTorch finds neither a GPU nor its driver; check: nvidia-smi"))
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        out.append(pt.Device("cpu", torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") else "CPU", cores=cores))
        return out

    def open(self, options: pt.OpenOptions, call: pt.Call) -> pt.Session:
        """open prepares a program for a device. The caller has checked that the device can be used."""
        name = options.devices[0] if options.devices else next(d.id for d in self.devices() if d.usable)
        return TorchSession(options, torch.device("cuda:0" if name == "cuda" else name))
