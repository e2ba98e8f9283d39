"""Writes optimizers.json: steps of every optimizer on the same gradients, in float64.

    python3 optimizers.py > optimizers.json

AdamW and SGD are PyTorch's own, SGD's decay taken apart from its gradient. Muon and Lion are written from their papers:
Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon/) with the scale of Liu et al. 2025 (arXiv:2502.16982, eq. 4)
or Jordan's own, and Chen et al. 2023 (arXiv:2302.06675, algorithm 2).
"""

import json
import math
import sys

import torch

torch.set_default_dtype(torch.float64)

# name, shape, decays, rows of the matrices that it stacks
PARAMETERS = [
    ("table", (9, 6), True, []),
    ("square", (7, 7), True, [7]),
    ("wide", (5, 12), True, [5]),
    ("tall", (12, 5), True, [12]),
    ("packed", (10, 4), True, [6, 2, 2]),
    ("experts", (3, 4, 5), True, [4, 4, 4]),
    ("vector", (33,), False, []),
]
STEPS = 4


def formula(n, phase, size):
    return [float(torch.tensor(size * math.sin(0.37 * i * i + 1.3 * i + phase)).float()) for i in range(n)]


def gradient(k, step, shape):
    return torch.tensor(formula(math.prod(shape), 10 * k + 3 * step, 0.3 + 0.1 * step)).reshape(shape)


def orthogonal(x):
    if x.shape[0] > x.shape[1]:
        return orthogonal(x.T).T
    x = x / (torch.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


def adamw(weights, s, rate):
    groups = [dict(params=[w], weight_decay=s["weight_decay"] if decays else 0.0) for w, decays in weights]
    return torch.optim.AdamW(groups, lr=rate, betas=(s["beta1"], s["beta2"]), eps=s["epsilon"])


class SGD:
    def __init__(self, weights, s):
        self.weights, self.s = weights, s
        self.inner = torch.optim.SGD([w for w, _ in weights], lr=s["learning_rate"], momentum=s["momentum"], nesterov=s["nesterov"])

    def step(self):
        with torch.no_grad():
            for w, decays in self.weights:
                if decays:
                    w *= 1 - self.s["learning_rate"] * self.s["weight_decay"]
        self.inner.step()


class Lion:
    def __init__(self, weights, s):
        self.weights, self.s = weights, s
        self.m = [torch.zeros_like(w) for w, _ in weights]

    def step(self):
        s = self.s
        with torch.no_grad():
            for (w, decays), m in zip(self.weights, self.m):
                u = torch.sign(s["beta1"] * m + (1 - s["beta1"]) * w.grad)
                w -= s["learning_rate"] * (u + (s["weight_decay"] * w if decays else 0))
                m.copy_(s["beta2"] * m + (1 - s["beta2"]) * w.grad)


class Muon:
    """The matrices; beside it an AdamW has the others."""

    def __init__(self, weights, stacks, s):
        self.s = s
        self.matrices = [(w, decays, rows, torch.zeros_like(w)) for (w, decays), rows in zip(weights, stacks) if rows]
        self.inner = adamw([x for x, rows in zip(weights, stacks) if not rows], s, s["learning_rate"] * s["adamw_rate"])

    def step(self):
        s = self.s
        self.inner.step()
        with torch.no_grad():
            for w, decays, rows, m in self.matrices:
                m.mul_(s["momentum"]).add_(w.grad)
                d = w.grad + s["momentum"] * m if s["nesterov"] else m
                parts = []
                for x in d.reshape(-1, d.shape[-1]).split(rows):
                    r, c = x.shape
                    scale = math.sqrt(max(1, r / c)) if s["scale"] == "spectral" else 0.2 * math.sqrt(max(r, c))
                    parts.append(scale * orthogonal(x))
                if decays:
                    w *= 1 - s["learning_rate"] * s["weight_decay"]
                w -= s["learning_rate"] * torch.cat(parts).reshape(w.shape)


def run(name, **settings):
    s = dict(name=name, learning_rate=0.02, beta1=0.9, beta2=0.95, epsilon=1e-8, momentum=0.9, nesterov=False, scale="match_rms",
             adamw_rate=0.5, weight_decay=0.1, clip=1.5)
    s.update(settings)
    weights = [(torch.tensor(formula(math.prod(shape), k, 0.5)).reshape(shape).requires_grad_(), decays)
               for k, (_, shape, decays, _) in enumerate(PARAMETERS)]
    optimizer = {
        "adamw": lambda: adamw(weights, s, s["learning_rate"]),
        "sgd": lambda: SGD(weights, s),
        "lion": lambda: Lion(weights, s),
        "muon": lambda: Muon(weights, [rows for _, _, _, rows in PARAMETERS], s),
    }[name]()
    norms = []
    for step in range(STEPS):
        for k, (w, _) in enumerate(weights):
            w.grad = gradient(k, step, w.shape)
        norms.append(math.sqrt(sum(float((w.grad**2).sum()) for w, _ in weights)))
        if s["clip"]:
            for w, _ in weights:
                w.grad *= min(1.0, s["clip"] / norms[-1])
        optimizer.step()
    return dict(step=s, norms=norms, weights=[w.flatten().tolist() for w, _ in weights])


cases = [
    run("adamw"),
    run("adamw", clip=0, weight_decay=0.0),
    run("sgd"),
    run("sgd", nesterov=True, clip=0),
    run("lion", beta2=0.99),
    run("lion", clip=0, weight_decay=0.0),
    run("muon"),
    run("muon", nesterov=True, scale="spectral", clip=0),
    run("muon", nesterov=True, adamw_rate=2.0, momentum=0.95),
]
parameters = [
    dict(name=n, shape=shape, decay=decays, matrices=rows, weights=formula(math.prod(shape), k, 0.5),
         gradients=[gradient(k, step, shape).flatten().tolist() for step in range(STEPS)])
    for k, (n, shape, decays, rows) in enumerate(PARAMETERS)
]
json.dump(dict(torch=torch.__version__, parameters=parameters, cases=cases), sys.stdout, indent=None)
sys.stdout.write("\n")
