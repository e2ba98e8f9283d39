"""What the PyTorch peers share: settings, random batches, and the protocol of a worker.

A worker builds its model, prints one line of JSON that says what it is, and then answers every line "N" on its input
with N training steps (forward, backward, clipping, AdamW): one line of JSON with the seconds of each and its peak
resident memory.
"""

import argparse
import json
import resource
import sys
import time

import torch


def arguments(**more):
    p = argparse.ArgumentParser()
    for name, default in {"layers": 4, "width": 256, "heads": 4, "vocab": 4096, "context": 256, "batch": 8, "threads": 2}.items():
        p.add_argument("--" + name, type=int, default=default)
    p.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    for name, default in more.items():
        p.add_argument("--" + name, type=type(default), default=default)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    return a


def serve(a, model):
    """Answers lines of the host until its input ends. model(tokens, targets) is the loss."""
    decay = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decay, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=3e-4, betas=(0.9, 0.95), foreach=True)
    data = [torch.randint(a.vocab, (2, a.batch, a.context)) for _ in range(4)]

    def step(i):
        tokens, targets = data[i % len(data)]
        begin = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bf16"):
            loss = model(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - begin, loss.item()

    _, first = step(0)
    print(json.dumps({"ready": True, "parameters": sum(p.numel() for p in model.parameters()), "loss": first, "torch": torch.__version__}), flush=True)
    done = 1
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            took, _ = step(done)
            seconds.append(took)
            done += 1
        print(json.dumps({"seconds": seconds, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), flush=True)
