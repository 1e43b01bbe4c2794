"""The operations of a program as PyTorch functions. Autograd derives the gradients; the few exceptions say why.

PyTorch's gradient of a complex tensor is dL/dRe + i·dL/dIm, as in the contract.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ptycho_backend import Op

from . import losses, physics

Function = Callable[..., Tensor]


def sqrt(_: Op, x: Tensor) -> Tensor:
    """sqrt has the derivative 0 at 0."""
    zero = x == 0
    return torch.where(zero, torch.zeros_like(x), torch.sqrt(torch.where(zero, torch.ones_like(x), x)))


class MaxPool2(torch.autograd.Function):
    """MaxPool2 gives the whole gradient to every maximum of a tie; PyTorch's own pool gives it to the first one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """forward returns the maxima of windows of 2×2."""
        y = F.max_pool2d(x, 2)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        """backward repeats the gradient over each window, where the input equals the maximum."""
        x, y = ctx.saved_tensors
        return torch.where(x == upsample(y), upsample(g), torch.zeros_like(x))


def upsample(x: Tensor) -> Tensor:
    """upsample repeats every pixel as 2×2."""
    return x.repeat_interleave(2, -2).repeat_interleave(2, -1)


def mask_center(_: Op, x: Tensor) -> Tensor:
    """mask_center sets the central H/2 × W/2 to zero."""
    h, w = x.shape[-2:]
    inside = torch.zeros(h, w, dtype=torch.bool, device=x.device)
    inside[h // 4:h // 4 + h // 2, w // 4:w // 4 + w // 2] = True
    return torch.where(inside, torch.zeros_like(x), x)


def pad(op: Op, x: Tensor) -> Tensor:
    """pad adds zeros on all four sides."""
    n = int(op.attr("amount"))
    return F.pad(x, (n, n, n, n))


def crop(op: Op, x: Tensor) -> Tensor:
    """crop removes pixels from all four sides."""
    n = int(op.attr("amount"))
    return x[..., n:x.shape[-2] - n, n:x.shape[-1] - n]


def polar(_: Op, amplitude: Tensor, phase: Tensor) -> Tensor:
    """polar computes A·e^{iφ}. torch.polar loses the gradient of an amplitude of 0."""
    return torch.complex(amplitude * torch.cos(phase), amplitude * torch.sin(phase))


def gather(_: Op, table: Tensor, index: Tensor) -> Tensor:
    """gather reads rows of a table."""
    return table.index_select(0, index.reshape(-1)).reshape(*index.shape, *table.shape[1:])


# TABLE maps each operation to a function of the operation and its inputs.
TABLE: dict[str, Function] = {
    "relu": lambda _, x: torch.relu(x),
    "leaky_relu": lambda op, x: F.leaky_relu(x, op.attr("slope")),
    "sigmoid": lambda _, x: torch.sigmoid(x),
    "tanh": lambda _, x: torch.tanh(x),
    "silu": lambda _, x: F.silu(x),
    "softplus": lambda _, x: torch.logaddexp(x, torch.zeros_like(x)),
    "exp": lambda _, x: torch.exp(x),
    "log1p": lambda _, x: torch.log1p(x),
    "sqrt": sqrt,
    "square": lambda _, x: x * x,
    "affine": lambda op, x: op.attr("scale") * x + op.attr("shift"),
    "add": lambda _, a, b: a + b,
    "sub": lambda _, a, b: a - b,
    "mul": lambda _, a, b: a * b,
    "div": lambda _, a, b: a / b,
    "concat": lambda _, *x: torch.cat(x, 1),
    "slice_channels": lambda op, x: x[:, int(op.attr("from")):int(op.attr("to"))],
    "pad": pad,
    "crop": crop,
    "mask_center": mask_center,
    "detach": lambda _, x: x.detach(),
    "conv2d": lambda _, x, w, b: F.conv2d(x, w, b, padding=w.shape[-1] // 2),
    "maxpool2": lambda _, x: MaxPool2.apply(x),
    "avgpool2": lambda _, x: F.avg_pool2d(x, 2),
    "upsample2": lambda _, x: upsample(x),
    "global_mean": lambda _, x: x.mean((-2, -1)),
    "dense": lambda _, x, w, b: F.linear(x, w, b),
    "scale_planes": lambda _, x, s: x * s[..., None, None],
    "complex": lambda _, re, im: torch.complex(re, im),
    "polar": polar,
    "real": lambda _, z: z.real,
    "imag": lambda _, z: z.imag,
    "abs2": lambda _, z: physics.abs2(z),
    "conj": lambda _, z: z.conj().resolve_conj(),
    "fft2": lambda op, z: physics.inverse(z) if op.attr("inverse") else physics.forward(z),
    "illuminate": lambda _, objects, probe: objects[:, :, None] * probe,
    "intensity": lambda _, z: physics.abs2(z).sum(2),
    "translate": lambda op, x, offsets: physics.translate(x, op.attr("sign") * offsets),
    "merge_weight": lambda op, probe: physics.merge_weight(probe, op.attr("floor")),
    "merge_pairwise": lambda _, objects, offsets, weight: physics.merge_pairwise(objects, offsets, weight),
    "assemble": lambda op, objects, offsets, weight: physics.assemble(objects, offsets, weight, int(op.attr("canvas"))),
    "extract": lambda op, canvas, offsets: physics.extract(canvas, offsets, int(op.attr("n"))),
    "back_project": lambda op, counts, probe: physics.back_project(counts, probe, op.attr("epsilon")),
    "gather": gather,
    "mean_pixels": lambda _, x: x.mean((-2, -1)),
    "poisson_deviance": lambda _, lam, k, mask: losses.per_pattern(losses.poisson_deviance, lam, k, mask),
    "poisson_nll": lambda _, lam, k, mask: losses.per_pattern(losses.poisson_nll, lam, k, mask),
    "amplitude_loss": lambda _, lam, k, mask: losses.per_pattern(losses.amplitude_loss, lam, k, mask),
    "amplitude_mae": lambda _, lam, k, mask: losses.per_pattern(losses.amplitude_mae, lam, k, mask),
    "expected_deviance": lambda _, lam, mask: losses.mean(losses.expected_deviance(lam.detach().double()), mask).to(lam.dtype),
}

# FLOWS names the inputs that a gradient flows to, for operations where these are not all inputs.
FLOWS: dict[str, tuple[int, ...]] = {
    "detach": (), "merge_weight": (), "back_project": (), "expected_deviance": (),
    **{k: (0,) for k in ("translate", "merge_pairwise", "assemble", "extract", "gather", "poisson_deviance", "poisson_nll",
                         "amplitude_loss", "amplitude_mae")},
}


def run(op: Op, inputs: list[Tensor], shape: tuple[int, ...]) -> Tensor:
    """run computes one operation. shape is that of its result."""
    if op.kind == "reshape":
        return inputs[0].reshape(shape)
    flows = FLOWS.get(op.kind)
    if flows is not None:
        inputs = [x if i in flows else x.detach() for i, x in enumerate(inputs)]
    return TABLE[op.kind](op, *inputs)
