"""Mamba as a language model in plain PyTorch. The selective scan is a function with a backward of its own, in one of two
forms: doubling over time (log T passes over all states), or one step of time after the other.

With --path it runs the Mamba of a checkout of mamba.py instead, in its parallel form; its sequential form is several times slower.
"""

import math
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from common import arguments, serve


def doubling(a, x, reverse=False):
    """h[t] = a[t] h[t-1] + x[t] along axis 1, or from the end, in log T passes."""
    a, h, n, shift = a.clone(), x.clone(), a.shape[1], 1
    while shift < n:
        late, early = (slice(None, n - shift), slice(shift, None)) if reverse else (slice(shift, None), slice(None, n - shift))
        h[:, late] += a[:, late] * h[:, early].clone()
        a[:, late] *= a[:, early].clone()
        shift *= 2
    return h


def stepping(a, x, reverse=False):
    h, steps = torch.empty_like(x), range(a.shape[1])
    last = None
    for t in reversed(steps) if reverse else steps:
        h[:, t] = x[:, t] if last is None else torch.addcmul(x[:, t], a[:, t], h[:, last])
        last = t
    return h


class Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, x, scan):
        h = scan(a, x)
        ctx.save_for_backward(a, h)
        ctx.scan = scan
        return h

    @staticmethod
    def backward(ctx, dh):
        a, h = ctx.saved_tensors
        after = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], 1)  # the factor between t and t+1
        g = ctx.scan(after, dh.contiguous(), reverse=True)
        before = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], 1)
        return g * before, g, None


class Mixer(nn.Module):
    def __init__(self, width, scan, state=16, taps=4):
        super().__init__()
        inner, rank = 2 * width, math.ceil(width / 16)
        self.state, self.rank, self.scan = state, rank, scan
        self.into = nn.Linear(width, 2 * inner, bias=False)
        self.conv = nn.Conv1d(inner, inner, taps, groups=inner, padding=taps - 1)
        self.select = nn.Linear(inner, rank + 2 * state, bias=False)
        self.step = nn.Linear(rank, inner)
        self.decay = nn.Parameter(torch.arange(1, state + 1).float().repeat(inner, 1).log())
        self.skip = nn.Parameter(torch.ones(inner))
        self.out = nn.Linear(inner, width, bias=False)
        with torch.no_grad():
            dt = torch.exp(torch.rand(inner) * math.log(100) + math.log(0.001))
            self.step.bias.copy_(dt + torch.log(-torch.expm1(-dt)))

    def forward(self, x):
        x, z = self.into(x).chunk(2, -1)
        x = F.silu(self.conv(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2))
        dt, b, c = self.select(x).split([self.rank, self.state, self.state], -1)
        dt = F.softplus(self.step(dt)).unsqueeze(-1)  # [B,T,E,1]
        h = Scan.apply(torch.exp(dt * -torch.exp(self.decay)), dt * b.unsqueeze(2) * x.unsqueeze(-1), self.scan)
        y = (h @ c.unsqueeze(-1)).squeeze(-1) + self.skip * x
        return self.out(y * F.silu(z))


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.gain


class Mamba(nn.Module):
    def __init__(self, a):
        super().__init__()
        scan = doubling if a.form == "doubling" else stepping
        self.tokens = nn.Embedding(a.vocab, a.width)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.mixers = nn.ModuleList(Mixer(a.width, scan) for _ in range(a.layers))
        self.norms = nn.ModuleList(RMSNorm(a.width) for _ in range(a.layers))
        self.norm = RMSNorm(a.width)

    def hidden(self, x):
        for norm, mixer in zip(self.norms, self.mixers):
            x = x + mixer(norm(x))
        return x

    def forward(self, tokens, targets):
        logits = F.linear(self.norm(self.hidden(self.tokens(tokens))), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


def checkout(a):
    """The same language model around the blocks of mamba.py."""
    sys.path.insert(0, a.path)
    from mambapy.mamba import Mamba as Body, MambaConfig

    class Wrapped(Mamba):
        def __init__(self, a):
            super().__init__(type(a)(**{**vars(a), "layers": 0}))
            self.body = Body(MambaConfig(d_model=a.width, n_layers=a.layers, pscan=a.form == "doubling"))

        def hidden(self, x):
            return self.body(x)

    return Wrapped(a)


if __name__ == "__main__":
    a = arguments(form="doubling", path="")
    serve(a, checkout(a) if a.path else Mamba(a))
