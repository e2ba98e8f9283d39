"""Writes reference.json: what PyTorch, in float64, makes of tiny transformers with weights by a formula.

    python3 reference.py > reference.json

The models here are written from the papers with dense masks and per-document positions, sharing nothing with the Go
code but the names and shapes of the weights.
"""

import json
import math
import sys
import zlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def formula(name, shape):
    """Weights that any language can compute: gains near 1, the rest of both signs up to 0.3."""
    n = math.prod(shape)
    phase = zlib.crc32(name.encode()) % 1000
    wave = torch.tensor([math.sin(0.37 * i * i + 1.3 * i + phase) for i in range(n)])
    values = 1 + 0.2 * wave if name.endswith(".gain") else 0.3 * wave
    return values.to(torch.float32).to(torch.float64).reshape(shape)  # exactly the float32 weights


def shapes(c, vocab, context):
    d, k, f = c["width"], c["head_width"], c["ff_width"]
    h, g = c["heads"], c["kv_heads"]
    wide = (h + 2 * g) * k
    out = {"embed.weight": (vocab, d)}
    if c["positions"] == "learned":
        out["positions.weight"] = (context, d)

    def norm(name):
        out[name + ".gain"] = (d,)
        if c["bias"] and c["norm"] == "layernorm":
            out[name + ".bias"] = (d,)

    def linear(name, rows, cols):
        out[name + ".weight"] = (rows, cols)
        if c["bias"]:
            out[name + ".bias"] = (rows,)

    for i in range(c["layers"]):
        p = f"layers.{i}."
        norm(p + "attention_norm")
        linear(p + "attention.qkv", wide, d)
        if c["conv"]:
            linear(p + "attention.conv", wide, c["conv"])
        if c["qk_norm"]:
            out[p + "attention.q_norm.gain"] = (k,)
            out[p + "attention.k_norm.gain"] = (k,)
        linear(p + "attention.out", d, h * k)
        norm(p + "mlp_norm")
        linear(p + "mlp.up", 2 * f if c["mlp"] == "swiglu" else f, d)
        linear(p + "mlp.down", d, f)
    norm("norm")
    if not c["tie_embeddings"]:
        out["head.weight"] = (vocab, d)
    return out


def rms(x, gain, eps=1e-5):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * gain


def rotary(x, pos, theta):
    """x [T,heads,K]; halves of a head form the real and the imaginary part."""
    k = x.shape[-1]
    angle = pos[:, None] * theta ** (-torch.arange(0, k, 2) / k)
    z = torch.complex(x[..., : k // 2], x[..., k // 2 :]) * torch.polar(torch.ones_like(angle), angle)[:, None, :]
    return torch.cat([z.real, z.imag], -1)


def document(w, c, tokens):
    """Logits [T,V] of one document."""
    t = len(tokens)
    h, g, k = c["heads"], c["kv_heads"], c["head_width"]
    pos = torch.arange(t)

    def norm(name, x):
        if c["norm"] == "rmsnorm":
            return rms(x, w[name + ".gain"])
        return F.layer_norm(x, (x.shape[-1],), w[name + ".gain"], w.get(name + ".bias"), 1e-5)

    def linear(name, x):
        return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))

    x = w["embed.weight"][tokens]
    if c["positions"] == "learned":
        x = x + w["positions.weight"][:t]
    ages = pos[:, None] - pos[None, :]
    hidden = ages < 0
    if c["window"]:
        hidden = hidden | (ages >= c["window"])
    for i in range(c["layers"]):
        p = f"layers.{i}."
        qkv = linear(p + "attention.qkv", norm(p + "attention_norm", x))
        if c["conv"]:
            name = p + "attention.conv"
            padded = F.pad(qkv.T[None], (c["conv"] - 1, 0))
            weight = w[name + ".weight"][:, None, :]
            qkv = F.conv1d(padded, weight, w.get(name + ".bias"), groups=qkv.shape[1])[0].T
        q, key, v = qkv.split([h * k, g * k, g * k], -1)
        q, key, v = q.view(t, h, k), key.view(t, g, k), v.view(t, g, k)
        if c["qk_norm"]:
            q, key = rms(q, w[p + "attention.q_norm.gain"]), rms(key, w[p + "attention.k_norm.gain"])
        if c["positions"] == "rotary":
            q, key = rotary(q, pos, c["rope_theta"]), rotary(key, pos, c["rope_theta"])
        key, v = key.repeat_interleave(h // g, 1), v.repeat_interleave(h // g, 1)
        scores = torch.einsum("ihk,jhk->hij", q, key) / math.sqrt(k)
        share = scores.masked_fill(hidden, -math.inf).softmax(-1)
        x = x + linear(p + "attention.out", torch.einsum("hij,jhk->ihk", share, v).reshape(t, h * k))
        y = linear(p + "mlp.up", norm(p + "mlp_norm", x))
        if c["mlp"] == "swiglu":
            gate, up = y.chunk(2, -1)
            y = F.silu(gate) * up
        elif c["mlp"] == "gelu":
            y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
        else:
            y = F.relu(y) ** 2
        x = x + linear(p + "mlp.down", y)
    head = w["embed.weight"] if c["tie_embeddings"] else w["head.weight"]
    return norm("norm", x) @ head.T


def log_probs(w, c, batch):
    """Log-probability of every target, documents apart."""
    n = batch["b"] * batch["t"]
    starts = sorted(set(range(0, n, batch["t"])) | set(batch["starts"])) + [n]
    out = []
    for lo, hi in zip(starts, starts[1:]):
        logits = document(w, c, torch.tensor(batch["tokens"][lo:hi]))
        targets = torch.tensor(batch["targets"][lo:hi])
        out.append(logits.log_softmax(-1)[torch.arange(hi - lo), targets])
    return torch.cat(out)


def batches(vocab, b, t, starts):
    made = []
    for m in range(2):
        n = b * t
        tokens = [(7 * i * i + 3 * i + 5 * m) % vocab for i in range(n)]
        targets = [(5 * i * i + i + m) % vocab for i in range(n)]
        weights = [0.0 if i % 5 == 3 else (1 + i % 3) / 64 for i in range(n)]
        made.append(dict(b=b, t=t, tokens=tokens, targets=targets, weights=weights, starts=starts if m else []))
    return made


def run(name, config, vocab, context, b, t, starts, clip):
    weights = {n: formula(n, s).requires_grad_() for n, s in shapes(config, vocab, context).items()}
    micro = batches(vocab, b, t, starts)
    step = dict(learning_rate=0.01, beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=0.1, clip=clip)
    groups = [
        dict(params=[p for p in weights.values() if p.dim() > 1], weight_decay=0.1),
        dict(params=[p for p in weights.values() if p.dim() == 1], weight_decay=0.0),
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95), eps=1e-8)
    losses, norms, gradients = [], [], {}
    first = [log_probs(weights, config, m).tolist() for m in micro]
    for s in range(5):
        optimizer.zero_grad()
        loss = sum(-(log_probs(weights, config, m) * torch.tensor(m["weights"])).sum() for m in micro)
        loss.backward()
        losses.append(loss.item())
        norms.append(math.sqrt(sum((p.grad**2).sum().item() for p in weights.values())))
        if s == 0:
            for n, p in weights.items():
                g = p.grad.flatten()
                at = sorted({0, len(g) // 3, len(g) // 2, len(g) - 1})
                gradients[n] = dict(shape=list(p.shape), norm=g.norm().item(), at=at, values=g[at].tolist())
        if clip:
            for p in weights.values():
                p.grad *= min(1.0, clip / norms[-1])
        optimizer.step()
    return dict(
        name=name, config=config, vocab=vocab, context=context, batches=micro, step=step,
        log_probs=first, losses=losses, grad_norms=norms, gradients=gradients,
    )


base = dict(
    width=16, layers=2, heads=4, kv_heads=4, head_width=4, mlp="gelu", ff_width=24, norm="layernorm", positions="learned",
    rope_theta=10000.0, window=0, qk_norm=False, conv=0, bias=True, tie_embeddings=True,
)
llama = dict(base, mlp="swiglu", norm="rmsnorm", positions="rotary", kv_heads=2, rope_theta=100.0, bias=False, tie_embeddings=False)
cases = [
    run("gpt2", base, 23, 12, 3, 12, [], 0.0),
    run("llama", llama, 23, 32, 2, 13, [4, 5, 17], 1.0),
    run("window and convolution", dict(llama, mlp="squared_relu", kv_heads=1, window=3, qk_norm=True, conv=3, bias=True, layers=1, tie_embeddings=True), 11, 32, 2, 9, [6], 0.0),
    run("longer", dict(llama, width=48, heads=3, kv_heads=3, head_width=16, ff_width=40, layers=1), 31, 96, 1, 90, [70], 1.0),
    run("no positions", dict(base, positions="none", heads=2, kv_heads=2, head_width=6, bias=False), 11, 32, 2, 7, [3], 0.0),
]
json.dump(dict(torch=torch.__version__, cases=cases), sys.stdout, indent=1)
sys.stdout.write("\n")
