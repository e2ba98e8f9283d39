"""SentencePiece's part of the measurement: trains a model, or encodes documents and prints the time and hashes of the ids as JSON."""

import array
import json
import sys
import time
import zlib

import sentencepiece as spm

do, folder, kind, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
if do == "train":
    with open(folder + "/train.txt", encoding="utf-8", newline="\n") as f:
        lines = [line.rstrip("\n") for line in f][:60000]
    spm.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_prefix=folder + "/" + kind, model_type=kind, vocab_size=8000,
                                   byte_fallback=True, num_threads=threads, minloglevel=2)
    print(spm.__version__)
    sys.exit()
sp = spm.SentencePieceProcessor(model_file=folder + "/" + kind + ".model")
with open(folder + "/docs.json", encoding="utf-8") as f:
    docs = json.load(f)
sp.encode(docs[: len(docs) // 20], out_type=int, num_threads=threads)
begin = time.perf_counter()
ids = sp.encode(docs, out_type=int, num_threads=threads)
seconds = time.perf_counter() - begin

print(json.dumps({"Seconds": {"documents": seconds}, "Hashes": [zlib.crc32(array.array("i", d).tobytes()) for d in ids]}))
