"""Writes reference.json: losses and gradients of tiny multi-token-prediction models, by PyTorch's autograd in float64.

Both published forms are written from their papers' equations, with nothing of archlab. Run with any PyTorch:

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


def block(x, p, w, cfg):
    d, f = cfg["width"], cfg["ff_width"]
    x = x + attention(rms(x, w(p + "attention_norm.gain", d)), p + "attention.", w, cfg)
    n = rms(x, w(p + "mlp_norm.gain", d))
    return x + swiglu(n, w(p + "mlp.up.weight", 2 * f, d), w(p + "mlp.down.weight", d, f))


def independent(tokens, w, cfg, vocab):
    """Gloeckle et al. 2024: trunk, one layer a head, shared norm and unembedding."""
    h = w("embed.weight", vocab, cfg["width"])[tokens]
    for l in range(cfg["layers"] - 1):
        h = block(h, f"layers.{l}.", w, cfg)
    latents = [block(h, f"layers.{cfg['layers'] - 1}.", w, cfg)]
    latents += [block(h, f"heads.{k}.layer.", w, cfg) for k in range(1, cfg["extra"] + 1)]
    return [rms(x, w("norm.gain", cfg["width"])) for x in latents]


def sequential(tokens, w, cfg, vocab):
    """DeepSeek-V3, eq. 21-24: the token k later joins, zero past the sequence's end."""
    d, t = cfg["width"], len(tokens)
    emb = w("embed.weight", vocab, d)
    h = emb[tokens]
    for l in range(cfg["layers"]):
        h = block(h, f"layers.{l}.", w, cfg)
    out = [rms(h, w("norm.gain", d))]
    for k in range(1, cfg["extra"] + 1):
        p = f"heads.{k}."
        later = torch.cat([emb[tokens[k:]], torch.zeros(min(k, t), d)])
        both = torch.cat([rms(h, w(p + "hidden_norm.gain", d)), rms(later, w(p + "token_norm.gain", d))], -1)
        h = block(both @ w(p + "projection.weight", d, 2 * d).T, p + "layer.", w, cfg)
        out.append(rms(h, w(p + "norm.gain", d)))
    return out


def case(name, cfg, vocab, tokens, targets, weights, starts):
    w = Weights()
    b, t = len(tokens), len(tokens[0])
    losses = [0.0] * (cfg["extra"] + 1)
    for i, row in enumerate(tokens):
        cuts = [0] + [s - i * t for s in starts if i * t < s < (i + 1) * t] + [t]
        for lo, hi in zip(cuts, cuts[1:]):
            hidden = (independent if cfg["form"] == "independent" else sequential)(torch.tensor(row[lo:hi]), w, cfg, vocab)
            for k, h in enumerate(hidden):
                # head k at position i predicts what position i+k predicts, with that position's weight
                logp = F.log_softmax(h[: max(hi - lo - k, 0)] @ w("embed.weight").T, -1)
                y, a = torch.tensor(targets[i][lo + k : hi]), torch.tensor(weights[i][lo + k : hi])
                if len(y):
                    losses[k] = losses[k] - (a * logp.gather(1, y[:, None])[:, 0]).sum()
    share = cfg["head_loss"] / (1 if cfg["form"] == "independent" else cfg["extra"])
    (losses[0] + share * sum(losses[1:])).backward()
    flat = lambda rows: [v for r in rows for v in r]
    return {
        "name": name,
        "config": cfg,
        "vocab": vocab,
        "batch": {"B": b, "T": t, "Tokens": flat(tokens), "Targets": flat(targets), "Weights": flat(weights), "Starts": starts},
        "losses": [x.item() for x in losses],
        "metrics": {f"loss_token_{k + 2}": x.item() for k, x in enumerate(losses[1:])},
        "grads": {k: [float(f"{x:.7g}") for x in v.grad.flatten().tolist()] for k, v in sorted(w.items())},
    }


def main():
    vocab, t = 7, 9
    rows = [[(3 * i * i + 5 * r + i) % vocab for i in range(t + 1)] for r in range(2)]
    tokens, targets = [r[:-1] for r in rows], [r[1:] for r in rows]
    weights = [[0.125] * t, [0.0625] * (t - 2) + [0.0, -0.25]]
    base = {"width": 4, "layers": 2, "heads": 2, "kv_heads": 1, "ff_width": 5, "extra": 2, "head_loss": 1.0}
    cases = [
        ("independent heads", dict(base, form="independent"), []),
        ("independent heads with documents", dict(base, form="independent", extra=1), [3, 13, 14]),
        ("sequential modules", dict(base, form="sequential", head_loss=0.3, layers=1), []),
        ("sequential modules with documents", dict(base, form="sequential", layers=1), [3, 13, 14]),
    ]
    out = [case(n, c, vocab, tokens, targets, weights, s) for n, c, s in cases]
    sys.stdout.write("[\n" + ",\n".join(json.dumps(c) for c in out) + "\n]\n")


main()
