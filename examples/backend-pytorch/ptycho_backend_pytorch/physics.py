"""The physics of far-field ptychography. Coordinates are (row y, column x), in pixels of the object."""

from __future__ import annotations

import torch
from torch import Tensor

COVERAGE_FLOOR = 1e-3  # share of the largest weight below which a canvas pixel counts as uncovered


def abs2(z: Tensor) -> Tensor:
    """abs2 returns |z|²."""
    return z.real * z.real + z.imag * z.imag


def forward(z: Tensor) -> Tensor:
    """forward transforms object plane to detector: orthonormal, the zero frequency at N/2 of the result."""
    return torch.fft.fftshift(torch.fft.fft2(z, norm="ortho"), dim=(-2, -1))


def inverse(z: Tensor) -> Tensor:
    """inverse is the exact inverse of forward."""
    return torch.fft.ifft2(torch.fft.ifftshift(z, dim=(-2, -1)), norm="ortho")


def hats(rows: int, cols: int, d: Tensor) -> Tensor:
    """hats returns the weights [.., rows, cols] of a bilinear shift by d along one axis: hat(row − col − d), hat(t) = max(0, 1 − |t|)."""
    y = torch.arange(rows, dtype=torch.float64, device=d.device)[:, None]
    x = torch.arange(cols, dtype=torch.float64, device=d.device)
    return (1 - (y - x - d.double()[..., None, None]).abs()).clamp(min=0)


def between(image: Tensor, along_y: Tensor, along_x: Tensor) -> Tensor:
    """between applies weights to the two axes of images: along_y · image · along_xᵀ."""
    if image.is_complex():
        return torch.complex(between(image.real, along_y, along_x), between(image.imag, along_y, along_x))
    return along_y.to(image.dtype) @ image @ along_x.to(image.dtype).transpose(-1, -2)


def splat(image: Tensor, at: Tensor, rows: int, cols: int) -> Tensor:
    """splat returns images of rows × cols with the given ones at the position at [.., 2], bilinear, zero outside."""
    return between(image, hats(rows, image.shape[-2], at[..., 0]), hats(cols, image.shape[-1], at[..., 1]))


def sample(image: Tensor, at: Tensor, rows: int, cols: int) -> Tensor:
    """sample is the adjoint of splat: it reads images of rows × cols at the position at."""
    y = hats(image.shape[-2], rows, at[..., 0]).transpose(-1, -2)
    x = hats(image.shape[-1], cols, at[..., 1]).transpose(-1, -2)
    return between(image, y, x)


def translate(x: Tensor, offsets: Tensor) -> Tensor:
    """translate moves images [B, C, H, W] by offsets [B, C, 2], down and right for positive ones."""
    return splat(x, offsets, x.shape[-2], x.shape[-1])


def divide(num: Tensor, den: Tensor, floor: Tensor | float) -> Tensor:
    """divide returns num/den where den is above the floor, else 0."""
    covered = den > floor
    return torch.where(covered, num / torch.where(covered, den, torch.ones_like(den)), torch.zeros_like(num))


def merge_weight(probe: Tensor, floor: float) -> Tensor:
    """merge_weight returns Σ_modes|P|² over its maximum, plus a floor."""
    w = abs2(probe).sum(-3)
    top = w.amax((-2, -1), keepdim=True)
    return w / torch.where(top > 0, top, torch.ones_like(top)) + floor


def merge_pairwise(objects: Tensor, offsets: Tensor, weight: Tensor) -> Tensor:
    """merge_pairwise returns the group's object as each member i sees it: Σ_j T(w_j·O_j, p_j − p_i) / Σ_j T(w_j, p_j − p_i)."""
    h, w = objects.shape[-2:]
    weight = weight.expand(objects.shape)
    offsets, weighted, merged = offsets.double(), weight * objects, []
    for i in range(objects.shape[1]):
        at = offsets - offsets[:, i:i + 1]
        merged.append(divide(splat(weighted, at, h, w).sum(1), splat(weight, at, h, w).sum(1), 0.0))
    return torch.stack(merged, 1)


def corners(side: tuple[int, int], patch: tuple[int, int], offsets: Tensor) -> Tensor:
    """corners returns the place of pixel (0, 0) of patches on a canvas: pixel n/2 is at side/2 plus the offset."""
    first = torch.tensor([s // 2 - n // 2 for s, n in zip(side, patch)], dtype=torch.float64, device=offsets.device)
    return first + offsets.double()


def assemble(objects: Tensor, offsets: Tensor, weight: Tensor, side: int) -> Tensor:
    """assemble merges the patches of each group on a canvas [side, side]."""
    h, w = objects.shape[-2:]
    # The corner along x is that of the rows, as in the definition: patches are square.
    at = corners((side, side), (h, h), offsets)
    weight = weight.expand(objects.shape)
    floor = COVERAGE_FLOOR * weight.amax((1, 2, 3)).clamp(min=0)[:, None, None]
    return divide(splat(weight * objects, at, side, side).sum(1), splat(weight, at, side, side).sum(1), floor)


def extract(canvas: Tensor, offsets: Tensor, n: int) -> Tensor:
    """extract reads patches of n pixels from a canvas [B, S, S], centred at the offsets."""
    side = canvas.shape[-2]
    return sample(canvas[:, None], corners((side, side), (n, n), offsets), n, n)


def back_project(counts: Tensor, probe: Tensor, epsilon: float) -> Tensor:
    """back_project transforms patterns to object space with the phases of the empty beam.

    F⁻¹(√k · F₀/|F₀|) · P* / (|P|² + ε·max|P|²) with F₀ = F(P) and the first probe mode P; F₀/|F₀| is 1 where F₀ is 0.
    """
    p = probe[..., 0, :, :].to(torch.complex128)
    power = abs2(p)
    denominator = power + epsilon * power.amax((-2, -1), keepdim=True)
    some = denominator > 0
    factor = torch.where(some, p.conj() / torch.where(some, denominator, torch.ones_like(denominator)), torch.zeros_like(p))
    beam = forward(p)
    size = beam.abs()
    phase = torch.where(size > 0, beam / torch.where(size > 0, size, torch.ones_like(size)), torch.ones_like(beam))
    out = inverse(torch.sqrt(counts.double()) * phase) * factor
    return out.to(torch.complex64 if counts.dtype == torch.float32 else torch.complex128)
