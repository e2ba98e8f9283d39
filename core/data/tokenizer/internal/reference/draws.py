"""Counts how SentencePiece cuts a text at random.

    python3 draws.py MODEL TEXT ALPHA BEST DRAWS    # prints {"1 2 3": how often, ...}; BEST -1: among all cuts; for BPE ALPHA is the dropout
"""

import collections
import json
import sys

import sentencepiece

model, text, alpha, best, draws = sys.argv[1:]
sp = sentencepiece.SentencePieceProcessor(model_file=model)
one = lambda: sp.encode(text, out_type=int, enable_sampling=True, alpha=float(alpha), nbest_size=int(best))
print(json.dumps(collections.Counter(" ".join(map(str, one())) for _ in range(int(draws)))))
