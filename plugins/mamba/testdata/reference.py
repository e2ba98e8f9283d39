"""Writes reference.json: loss and gradients of tiny Mamba language models, by PyTorch's autograd in float64.

The scan is the textbook recurrence, one token at a time; nothing of archlab is used. Run with any PyTorch:

    python3 reference.py > reference.json

Weights are a formula of their name and index (see value), so that the file holds results only.
"""
import json
import math
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def fnv(name):
    h = 0xCBF29CE484222325
    for c in name.encode():
        h = ((h ^ c) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def value(name, *shape):
    """The weight called name: offset + scale * sin(phase + 0.7311 i), rounded to float32."""
    offset, scale = 0.0, 0.4
    if name.endswith("norm.gain") or name.endswith(".D"):
        offset, scale = 1.0, 0.2
    elif name.endswith("A_log"):
        offset, scale = 0.4, 0.5
    elif name.endswith("dt_bias"):
        offset, scale = -1.5, 0.7
    n = math.prod(shape)
    phase = (fnv(name) % 1000) / 1000 * 2 * math.pi
    x = offset + scale * torch.sin(phase + 0.7311 * torch.arange(n))
    return x.float().double().reshape(*shape).requires_grad_()


class Weights(dict):
    def __call__(self, name, *shape):
        if name not in self:
            self[name] = value(name, *shape)
        return self[name]


def rms(x, gain, eps=1e-5):
    return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps) * gain


def conv(x, w, b):
    """Causal depthwise convolution of x [T,D] by w [D,W]: tap W-1 meets the newest token."""
    t, width = x.shape[0], w.shape[1]
    padded = torch.cat([torch.zeros(width - 1, x.shape[1]), x])
    y = sum(padded[j : j + t] * w[:, j] for j in range(width))
    return y + b


def scan(u, dt, a, b, c, skip):
    """h = exp(dt a) h + dt b u; y = c h + skip u. u, dt [T,D]; a [D,N]; b, c [T,D,N]."""
    h, ys = torch.zeros_like(a), []
    for t in range(u.shape[0]):
        h = torch.exp(dt[t][:, None] * a) * h + (dt[t] * u[t])[:, None] * b[t]
        ys.append((c[t] * h).sum(-1) + skip * u[t])
    return torch.stack(ys)


def mamba1(x, p, w, cfg):
    d, di, n, r, k = cfg["width"], cfg["width"] * cfg["expand"], cfg["state"], cfg.get("dt_rank"), cfg["conv"]
    t = x.shape[0]
    z = x @ w(p + "gate_proj.weight", di, d).T
    u = F.silu(conv(x @ w(p + "in_proj.weight", di, d).T, w(p + "conv.weight", di, k), w(p + "conv.bias", di)))
    a = -torch.exp(w(p + "A_log", di, n))
    skip = w(p + "D", di)
    if cfg["selective"]:
        low, b, c = (u @ w(p + "x_proj.weight", r + 2 * n, di).T).split([r, n, n], -1)
        dt = F.softplus(low @ w(p + "dt_proj.weight", di, r).T + w(p + "dt_bias", di))
        b, c = b[:, None, :].expand(t, di, n), c[:, None, :].expand(t, di, n)
    else:
        dt = F.softplus(w(p + "dt_bias", di)).expand(t, di)
        b, c = w(p + "B", di, n).expand(t, di, n), w(p + "C", di, n).expand(t, di, n)
    y = scan(u, dt, a, b, c, skip) * F.silu(z)
    return y @ w(p + "out_proj.weight", d, di).T


def mamba2(x, p, w, cfg):
    d, di, n, g, k = cfg["width"], cfg["width"] * cfg["expand"], cfg["state"], cfg["groups"], cfg["conv"]
    hd = cfg["head_width"]
    nh, t = di // hd, x.shape[0]
    z = x @ w(p + "gate_proj.weight", di, d).T
    u = F.silu(conv(x @ w(p + "in_proj.weight", di, d).T, w(p + "conv.weight", di, k), w(p + "conv.bias", di)))
    bc = x @ w(p + "bc_proj.weight", 2 * g * n, d).T
    b, c = F.silu(conv(bc, w(p + "bc_conv.weight", 2 * g * n, k), w(p + "bc_conv.bias", 2 * g * n))).chunk(2, -1)
    dt = F.softplus(x @ w(p + "dt_proj.weight", nh, d).T + w(p + "dt_bias", nh))
    a, skip = -torch.exp(w(p + "A_log", nh)), w(p + "D", nh)
    per = lambda v: v.repeat_interleave(hd, -1)  # a value of each head to its channels
    # channels of a head share its decay and its group's B and C
    rows = lambda v: v.reshape(t, g, n).repeat_interleave(di // g, 1)
    y = scan(u, per(dt), per(a)[:, None].expand(di, n), rows(b), rows(c), per(skip))
    y = rms(y * F.silu(z), w(p + "norm.gain", di))
    return y @ w(p + "out_proj.weight", d, di).T


def case(name, cfg, vocab, tokens, targets, weights, starts):
    """tokens, targets, weights [B][T]; starts as in family.Batch."""
    w = Weights()
    t = len(tokens[0])
    loss = 0.0
    for i, row in enumerate(tokens):
        cuts = [0] + [s - i * t for s in starts if i * t < s < (i + 1) * t] + [t]
        for lo, hi in zip(cuts, cuts[1:]):
            h = w("embed.weight", vocab, cfg["width"])[torch.tensor(row[lo:hi])]
            for l in range(cfg["layers"]):
                p = f"layers.{l}."
                x = rms(h, w(p + "norm.gain", cfg["width"]))
                h = h + (mamba1 if cfg["variant"] == "mamba" else mamba2)(x, p + "mixer.", w, cfg)
            h = rms(h, w("norm.gain", cfg["width"]))
            logp = F.log_softmax(h @ w("embed.weight").T, -1)
            y = torch.tensor(targets[i][lo:hi])
            loss = loss - (torch.tensor(weights[i][lo:hi]) * logp.gather(1, y[:, None])[:, 0]).sum()
    loss.backward()
    flat = lambda rows: [v for r in rows for v in r]
    return {
        "name": name,
        "config": cfg,
        "vocab": vocab,
        "batch": {"B": len(tokens), "T": t, "Tokens": flat(tokens), "Targets": flat(targets), "Weights": flat(weights), "Starts": starts},
        "loss": loss.item(),
        "grads": {k: [float(f"{x:.7g}") for x in v.grad.flatten().tolist()] for k, v in sorted(w.items())},
    }


def main():
    vocab, t = 7, 11
    rows = [[(3 * i * i + 5 * r + i) % vocab for i in range(t + 1)] for r in range(2)]
    tokens, targets = [r[:-1] for r in rows], [r[1:] for r in rows]
    weights = [[0.125] * t, [0.0625] * (t - 2) + [0.0, -0.25]]
    base = {"width": 4, "layers": 2, "expand": 2, "state": 3, "conv": 4}
    cases = [
        ("mamba", dict(base, variant="mamba", selective=True, dt_rank=2), []),
        ("mamba with documents", dict(base, variant="mamba", selective=True, dt_rank=1), [4, 11, 13]),
        ("time-invariant", dict(base, variant="mamba", selective=False), [15]),
        ("mamba2", dict(base, variant="mamba2", selective=True, head_width=4, groups=1), [6]),
        ("mamba2 with groups", dict(base, variant="mamba2", selective=True, head_width=2, groups=2), []),
    ]
    out = [case(n, c, vocab, tokens, targets, weights, s) for n, c, s in cases]
    sys.stdout.write("[\n" + ",\n".join(json.dumps(c) for c in out) + "\n]\n")


main()
