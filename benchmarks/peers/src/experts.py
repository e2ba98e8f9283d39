"""The GPT with routed experts in place of its feed-forward layers, in the two forms that are usual in PyTorch: a loop
over experts with index_add, and one batched product over experts padded to the fullest."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from common import arguments, serve
from gpt import GPT, Block


class Experts(nn.Module):
    def __init__(self, width, experts, top, form):
        super().__init__()
        self.top, self.form = top, form
        self.router = nn.Linear(width, experts, bias=False)
        self.up = nn.Parameter(torch.empty(experts, width, 4 * width))
        self.down = nn.Parameter(torch.empty(experts, 4 * width, width))
        nn.init.normal_(self.up, std=0.02)
        nn.init.normal_(self.down, std=0.02)

    def forward(self, x):
        b, t, d = x.shape
        x = x.reshape(-1, d)
        gates, chosen = self.router(x).float().softmax(-1).topk(self.top, -1)  # [M,k]
        gates = (gates / gates.sum(-1, keepdim=True)).to(x.dtype)
        y = self.loop(x, gates, chosen) if self.form == "loop" else self.batched(x, gates, chosen)
        return y.view(b, t, d)

    def loop(self, x, gates, chosen):
        out = torch.zeros_like(x)
        for e in range(self.up.shape[0]):
            rows, place = torch.where(chosen == e)
            if len(rows) == 0:
                continue
            y = F.gelu(x[rows] @ self.up[e]) @ self.down[e]
            out = out.index_add(0, rows, (y * gates[rows, place, None]).to(out.dtype))
        return out

    def batched(self, x, gates, chosen):
        experts, flat = self.up.shape[0], chosen.reshape(-1)
        order = flat.argsort(stable=True)
        counts = flat.bincount(minlength=experts)
        first = counts.cumsum(0) - counts
        expert = flat[order]
        slot = torch.arange(len(order)) - first[expert]  # place within its expert
        rows = order // self.top
        padded = x.new_zeros(experts, int(counts.max()), x.shape[1])
        padded = padded.index_put((expert, slot), x[rows])
        y = torch.bmm(F.gelu(torch.bmm(padded, self.up)), self.down)[expert, slot]
        weighted = y * gates.reshape(-1)[order, None].to(y.dtype)
        return torch.zeros_like(x).index_add(0, rows, weighted.to(x.dtype))


def block_of(experts, top, form):
    class Routed(Block):
        def __init__(self, width, heads, context):
            super().__init__(width, heads, context)
            del self.up, self.down
            self.experts = Experts(width, experts, top, form)

        def feed_forward(self, x):
            return self.experts(x)

    return Routed


if __name__ == "__main__":
    a = arguments(experts=8, top=2, form="loop")
    serve(a, GPT(a, block_of(a.experts, a.top, a.form)))
