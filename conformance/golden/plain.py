"""Operations whose definition is one line of operations/README.md; check.py runs them.

Each gives the output and a function from the cotangent to the gradients, in the order of the file; None: the operation has no gradient.
attributes also has the shape of the output.
"""

import math

import numpy as np


def summed(g, b):
    """The cotangent of an operand that is repeated along the first axes."""
    return g.reshape((-1,) + b.shape).sum(axis=0)


def add(a, b, attributes):
    return a + b, lambda g: [g, summed(g, b)]


def sub(a, b, attributes):
    return a - b, lambda g: [g, -summed(g, b)]


def div(a, b, attributes):
    return a / b, lambda g: [g / b, summed(-g * a / b**2, b)]


def affine(x, attributes):
    return attributes["scale"] * x + attributes["shift"], lambda g: [attributes["scale"] * g]


def leaky_relu(x, attributes):
    slope = np.where(x > 0, 1, attributes["slope"])
    return slope * x, lambda g: [slope * g]


def sigmoid(x, attributes):
    y = 1 / (1 + np.exp(-x))
    return y, lambda g: [g * y * (1 - y)]


def tanh(x, attributes):
    return np.tanh(x), lambda g: [g / np.cosh(x) ** 2]


def exp(x, attributes):
    return np.exp(x), lambda g: [g * np.exp(x)]


def log1p(x, attributes):
    return np.log1p(x), lambda g: [g / (1 + x)]


def sqrt(x, attributes):
    return np.sqrt(x), lambda g: [np.where(x > 0, g / (2 * np.sqrt(np.where(x > 0, x, 1))), 0)]


def square(x, attributes):
    return x**2, lambda g: [2 * g * x]


def detach(x, attributes):
    return x, None


def reshape(x, attributes):
    return x.reshape(attributes["shape"]), lambda g: [g.reshape(x.shape)]


def concat(*operands):
    *parts, attributes = operands
    ends = np.cumsum([p.shape[1] for p in parts])
    return np.concatenate(parts, axis=1), lambda g: np.split(g, ends[:-1], axis=1)


def slice_channels(x, attributes):
    first, last = int(attributes["from"]), int(attributes["to"])

    def back(g):
        d = np.zeros_like(x)
        d[:, first:last] = g
        return [d]

    return x[:, first:last], back


def inner(x, amount):
    return x[..., amount : x.shape[-2] - amount, amount : x.shape[-1] - amount]


def pad(x, attributes):
    amount = int(attributes["amount"])
    y = np.zeros(x.shape[:-2] + (x.shape[-2] + 2 * amount, x.shape[-1] + 2 * amount), x.dtype)
    inner(y, amount)[...] = x
    return y, lambda g: [inner(g, amount)]


def crop(x, attributes):
    amount = int(attributes["amount"])

    def back(g):
        d = np.zeros_like(x)
        inner(d, amount)[...] = g
        return [d]

    return inner(x, amount), back


def mask_center(x, attributes):
    h, w = x.shape[-2:]
    keep = np.ones((h, w))
    keep[h // 4 : h // 4 + h // 2, w // 4 : w // 4 + w // 2] = 0
    return x * keep, lambda g: [g * keep]


def avgpool2(x, attributes):
    p, c, rows, cols = x.shape
    y = x.reshape(p, c, rows // 2, 2, cols // 2, 2).mean(axis=(3, 5))
    return y, lambda g: [g.repeat(2, axis=2).repeat(2, axis=3) / 4]


def upsample2(x, attributes):
    p, c, rows, cols = x.shape
    return x.repeat(2, axis=2).repeat(2, axis=3), lambda g: [g.reshape(p, c, rows, 2, cols, 2).sum(axis=(3, 5))]


def global_mean(x, attributes):
    area = x.shape[2] * x.shape[3]
    return x.sum(axis=(2, 3)) / area, lambda g: [np.broadcast_to(g[:, :, None, None] / area, x.shape)]


mean_pixels = global_mean  # patterns are planes here


def dense(x, weight, bias, attributes):
    return x @ weight.T + bias, lambda g: [g @ weight, g.T @ x, g.sum(axis=0)]


def scale_planes(x, factors, attributes):
    return x * factors[:, :, None, None], lambda g: [g * factors[:, :, None, None], (g * x).sum(axis=(2, 3))]


def complex_(re, im, attributes):
    return re + 1j * im, lambda g: [g.real, g.imag]


def real(z, attributes):
    return z.real, lambda g: [g + 0j]


def imag(z, attributes):
    return z.imag, lambda g: [1j * g]


def conj(z, attributes):
    return z.conj(), lambda g: [g.conj()]


def gather(table, index, attributes):
    def back(g):
        d = np.zeros_like(table)
        for i in np.ndindex(index.shape):
            d[index[i]] += g[i]
        return [d]

    return table[index], back


def share(lam, mask):
    """The part of each pixel in the mean over its pattern; 0 in a pattern without a valid pixel."""
    m = np.broadcast_to(mask, lam.shape)
    total = m.sum(axis=(2, 3), keepdims=True)
    return m / np.where(total == 0, 1, total)


def valid(part, x):
    """part·x, and 0 in an invalid pixel, which may hold any number, even NaN."""
    return np.where(part == 0, 0, part * x)


def loss(f, df):
    """A loss from its value and its derivative by λ, both for single pixels."""

    def operation(lam, k, mask, attributes):
        part = share(lam, mask)
        y = valid(part, f(lam, k)).sum(axis=(2, 3))
        return y, lambda g: [g[:, :, None, None] * valid(part, df(lam, k))]

    return operation


log_factorial = np.vectorize(lambda n: math.lgamma(n + 1), otypes=[float])


def logarithms(k, lam):
    """k·ln(k/λ), 0 at k = 0."""
    return np.where(k > 0, k * np.log(np.where(k > 0, k, 1) / lam), 0)


LOSSES = {
    "poisson_deviance": loss(lambda lam, k: 2 * (lam - k + logarithms(k, lam)), lambda lam, k: 2 * (1 - k / lam)),
    "poisson_nll": loss(lambda lam, k: lam - k * np.log(lam) + log_factorial(k), lambda lam, k: 1 - k / lam),
    "amplitude_loss": loss(lambda lam, k: (np.sqrt(lam) - np.sqrt(k)) ** 2, lambda lam, k: 1 - np.sqrt(k / lam)),
    "amplitude_mae": loss(lambda lam, k: np.abs(np.sqrt(lam) - np.sqrt(k)), lambda lam, k: np.sign(lam - k) / (2 * np.sqrt(lam))),
}

COUNTS = np.arange(1, 400.0)
FACTORIALS = log_factorial(COUNTS)


def expected_deviance(lam, mask, attributes):
    def one(mean):
        if mean == 0:
            return 0.0
        if mean >= 100:
            return np.polyval([863 / 252, 9 / 10, 19 / 60, 1 / 6, 1 / 6, 1], 1 / mean)
        chance = np.exp(COUNTS * math.log(mean) - mean - FACTORIALS)
        terms = mean - COUNTS + COUNTS * np.log(COUNTS / mean)  # none is negative: nothing cancels
        return 2 * (math.exp(-mean) * mean + (chance * terms).sum())

    expected = np.vectorize(one, otypes=[float])(lam.astype(float))  # float64, whatever the precision of λ
    return valid(share(lam, mask), expected).sum(axis=(2, 3)), None


OPERATIONS = [add, sub, div, affine, leaky_relu, sigmoid, tanh, exp, log1p, sqrt, square, detach, reshape, concat, slice_channels, pad, crop]
OPERATIONS += [mask_center, avgpool2, upsample2, global_mean, dense, scale_planes, complex_, real, imag, conj, gather]
OPERATIONS += [expected_deviance]
