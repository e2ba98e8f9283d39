"""Writes reference.json: losses and gradients of tiny mixture-of-experts language models, by PyTorch's autograd in float64.

Every expert runs on every token and the gates pick what counts: the dense definition, nothing of archlab's dispatch.
Run with any PyTorch:

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
    offset, scale = (1.0, 0.2) if name.endswith("norm.gain") else (0.0, 0.4)
    phase = (fnv(name) % 1000) / 1000 * 2 * math.pi
    x = offset + scale * torch.sin(phase + 0.7311 * torch.arange(math.prod(shape)))
    return x.float().double().reshape(*shape).requires_grad_()


class Weights(dict):
    def __call__(self, name, *shape):
        if name not in self:
            self[name] = value(name, *shape)
        return self[name]


def rms(x, gain, eps=1e-5):
    return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps) * gain


def rotary(x, theta=10000.0):
    """x [T,H,K]: pairs (i, i+K/2) turn by position * theta^(-2i/K)."""
    t, _, k = x.shape
    angle = torch.arange(t)[:, None] * theta ** (-torch.arange(0, k, 2) / k)
    cos, sin = torch.cos(angle)[:, None], torch.sin(angle)[:, None]
    a, b = x[..., : k // 2], x[..., k // 2 :]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def attention(x, p, w, cfg):
    d, h, g = cfg["width"], cfg["heads"], cfg["kv_heads"]
    k, t = d // h, x.shape[0]
    q, key, v = (x @ w(p + "qkv.weight", (h + 2 * g) * k, d).T).split([h * k, g * k, g * k], -1)
    q, key, v = rotary(q.reshape(t, h, k)), rotary(key.reshape(t, g, k)), v.reshape(t, g, k)
    key, v = key.repeat_interleave(h // g, 1), v.repeat_interleave(h // g, 1)
    s = torch.einsum("ihk,jhk->hij", q, key) / math.sqrt(k)
    s = s.masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf)
    y = torch.einsum("hij,jhk->ihk", s.softmax(-1), v).reshape(t, h * k)
    return y @ w(p + "out.weight", d, h * k).T


def swiglu(x, up, down):
    gate, lin = (x @ up.T).chunk(2, -1)
    return (F.silu(gate) * lin) @ down.T


class Router:
    """The sums over all tokens of a batch that the auxiliary losses need, for one layer."""

    def __init__(self):
        self.scores, self.logits, self.chosen = [], [], []


def sizes(cfg):
    """Routed experts, chosen ones, and the width of one (DeepSeekMoE, section 3: m·N - s, m·K - s, F/m)."""
    m, s = cfg.get("segments", 1), cfg["shared"]
    return m * cfg["experts"] - s, m * cfg["top_k"] - s, cfg["ff_width"] // (m * cfg["top_k"])


def moe(x, p, w, cfg, router):
    d, (e, k, f) = cfg["width"], sizes(cfg)
    logits = x @ w(p + "router.weight", e, d).T
    s = logits.softmax(-1) if cfg["gate"] == "softmax" else logits.sigmoid()
    bias = w(p + "router.bias", e).detach() if cfg["bias_rate"] else torch.zeros(e)
    chosen = (s + bias).detach().topk(k, -1).indices
    gates = s.gather(1, chosen)
    if cfg["normalize_gates"]:
        gates = gates / gates.sum(-1, keepdim=True)
    gates = gates * cfg["gate_scale"]
    up, down = w(p + "experts.up", e, 2 * f, d), w(p + "experts.down", e, d, f)
    every = torch.stack([swiglu(x, up[i], down[i]) for i in range(e)], 1)  # [T,E,D]
    y = (gates[..., None] * every.gather(1, chosen[..., None].expand(-1, -1, d))).sum(1)
    if cfg["shared"]:
        y = y + swiglu(x, w(p + "shared.up.weight", 2 * f * cfg["shared"], d), w(p + "shared.down.weight", d, f * cfg["shared"]))
    router.scores.append(s / s.sum(-1, keepdim=True))
    router.logits.append(logits)
    router.chosen.append(chosen)
    return y


def case(name, cfg, vocab, tokens, targets, weights, starts):
    w = Weights()
    b, t = len(tokens), len(tokens[0])
    main, routers = 0.0, [Router() for _ in range(cfg["layers"])]
    for i, row in enumerate(tokens):
        cuts = [0] + [s - i * t for s in starts if i * t < s < (i + 1) * t] + [t]
        for lo, hi in zip(cuts, cuts[1:]):
            h = w("embed.weight", vocab, cfg["width"])[torch.tensor(row[lo:hi])]
            for l in range(cfg["layers"]):
                p = f"layers.{l}."
                h = h + attention(rms(h, w(p + "attention_norm.gain", cfg["width"])), p + "attention.", w, cfg)
                h = h + moe(rms(h, w(p + "moe_norm.gain", cfg["width"])), p + "moe.", w, cfg, routers[l])
            h = rms(h, w("norm.gain", cfg["width"]))
            logp = F.log_softmax(h @ w("embed.weight").T, -1)
            y = torch.tensor(targets[i][lo:hi])
            main = main - (torch.tensor(weights[i][lo:hi]) * logp.gather(1, y[:, None])[:, 0]).sum()
    balance, z, after = 0.0, 0.0, {}
    e, k, _ = sizes(cfg)
    for l, r in enumerate(routers):
        load = F.one_hot(torch.cat(r.chosen), e).double().sum((0, 1))
        balance = balance + e * (load / (b * t * k) * torch.cat(r.scores).mean(0)).sum()
        if cfg["bias_rate"]:
            bias = f"layers.{l}.moe.router.bias"
            after[bias] = (w.pop(bias) + cfg["bias_rate"] * torch.sign(load.mean() - load)).tolist()
        z = z + torch.logsumexp(torch.cat(r.logits), -1).pow(2).mean()
    balance, z = balance / cfg["layers"], z / cfg["layers"]
    (main + cfg["balance_loss"] * balance + cfg["z_loss"] * z).backward()
    flat = lambda rows: [v for r in rows for v in r]
    return {
        "name": name,
        "config": cfg,
        "vocab": vocab,
        "batch": {"B": b, "T": t, "Tokens": flat(tokens), "Targets": flat(targets), "Weights": flat(weights), "Starts": starts},
        "loss": main.item(),
        "metrics": {n: v.item() for n, v in (("balance_loss", balance), ("z_loss", z)) if cfg[n]},
        "after": after,
        "grads": {k: [float(f"{x:.7g}") for x in v.grad.flatten().tolist()] for k, v in sorted(w.items())},
    }


def main():
    vocab, t = 7, 9
    rows = [[(3 * i * i + 5 * r + i) % vocab for i in range(t + 1)] for r in range(2)]
    tokens, targets = [r[:-1] for r in rows], [r[1:] for r in rows]
    weights = [[0.125] * t, [0.0625] * (t - 2) + [0.0, -0.25]]
    base = {"width": 8, "layers": 1, "heads": 2, "kv_heads": 1, "experts": 4, "top_k": 2, "ff_width": 6, "shared": 0, "gate": "softmax",
            "normalize_gates": True, "gate_scale": 1.0, "bias_rate": 0.0, "balance_loss": 0.1, "z_loss": 0.05}
    cases = [
        ("softmax gates", dict(base, layers=2), [4, 11]),
        ("softmax gates as they are", dict(base, normalize_gates=False, top_k=1, ff_width=3, z_loss=0.0), []),
        ("sigmoid gates, fine-grained and shared experts", dict(base, gate="sigmoid", segments=2, experts=3, ff_width=8, shared=1, gate_scale=1.5), [5]),
        ("bias moves the choice, not the gates", dict(base, gate="sigmoid", bias_rate=0.01, balance_loss=0.0), []),
    ]
    out = [case(n, c, vocab, tokens, targets, weights, s) for n, c, s in cases]
    sys.stdout.write("[\n" + ",\n".join(json.dumps(c) for c in out) + "\n]\n")


main()
