"""Trains small SentencePiece models and says how SentencePiece encodes and decodes with them.

    python3 spm.py golden ../../testdata/sentencepiece   # writes the golden vectors
    python3 spm.py live FOLDER                           # for the test with the build tag "reference"

Golden models are trained on the sentences below and normalize by rules of their own, so that a model has a few kilobytes. Live models
are trained on FOLDER/corpus.txt with SentencePiece's own rules, and encode FOLDER/documents.jsonl (a text in base64 a line).
Needs Debian's python3-sentencepiece.
"""

import base64
import io
import json
import os
import sys
import tempfile

import sentencepiece as spm

SENTENCES = """The small boat went out on the quiet water before the sun was up.
A boat that goes out early comes home early, said the old woman at the shore.
She counted the nets: 1, 2, 3, 24, 365 and 1024 of them.
Das kleine Boot fuhr früh hinaus, und niemand fragte, wohin es wollte.
Le petit bateau est parti avant l'aube; personne n'a demandé où il allait.
Малая лодка вышла в море до рассвета, и никто не спросил куда.
小さな船は夜明け前に海へ出た。だれも行き先を聞かなかった。
小船在黎明前出海，没有人问它要去哪里。
The water was quiet, the wind was quiet, and the boat was quieter than both.
Quietly, quietly, said the water to the boat; and the boat said nothing at all.
for i := range boats { boats[i].goOut(early) } // and come home
a_b = c_d + e_f * 3.14159 - (1e-9)
"""

# Rules of the golden models: code points before, a tab, code points after.
RULES = [("\u00a0", " "), ("\t", " "), ("\n", " "), ("\r\n", " "), ("\u3000", " "), ("e\u0301", "\u00e9"), ("u\u0308", "\u00fc"),
         ("\ufb01", "fi"), ("\u2026", "..."), ("\u00ad", ""), ("\uff21", "A"), ("\uff21\uff22", "ab"), ("\u2122", "TM"),
         ("\u1e9b\u0323", "\u1e69"), ("\u00bd", " 1/2 "), ("\u200b", "")]
BACK = [("...", "\u2026"), ("boat", "BOAT")]

TEXTS = [
    b"", b" ", b"  ", b"a", b" a", b"a ", b"  a  b  ", b"The boat went out.", b"the  quiet   water", b"\n\n\ta\r\nb\r\n",
    "früh fru\u0308h cafe\u0301 e\u0301\u0301".encode(), "\u2581", "\u2581a\u2581\u2581b\u2581", "a \u2581 b", "\ufb01sh \u2026\u2026",
    "\uff21\uff22\uff21\uff21\uff23", "\u1e9b\u0323 \u00bd\u00bd x\u00bd", "\u200b \u200b a\u200b", "\u00ad", "soft\u00adhyphen",
    "小さな船は夜明け前に海へ出た。", "没有人问它要去哪里，小船。", "Малая лодка 🚤 вышла", "👩‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷",
    "ไทยไม่มีช่องว่าง", "안녕하세요 세계", "שלום עולם مرحبا", "\u202eabc\u202c", "\ufeffBOM", "\u0000nul\u0000", "a\x01b\x1fc\x7f",
    b"\xff\xfe", b"ab\xc3(", b"\xe4\xb8", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok\x80\x80ok", b"\xc0\x80", b"\xf0\x9f\x9a",
    "\U000e0041\ufdd0\ue000\U0010ffff", "1234567890 3.14 1,000,000 2024-01-02", "x" * 300, "ab " * 100, "quiet" * 80, "小" * 100,
    " " * 50, "a" + " " * 20 + "b", "<s> </s> <unk> <pad>", "<0x41> <0x0A> <0xff>", "<sep>a<sep><sep>b", "<mask> in the <mask>",
    "the<sep>boat", "<sep", "boats[i].goOut(early)", "a_b = c_d", "e\u0300\u0316o\u0302\u0303", "Z\u0351\u036b\u0343A\u0300\u0301",
    "THE BOAT", "tHe qUiEt", "\u2028line\u2029para\u0085next", "½¼¾ ² ³ ① ㍿ ﷺ", "ﬀ ﬁ ﬂ ﬃ", "Ａ Ｂ　Ｃ", "が か\u3099 ｶﾞ",
    "ḍ̇ ḍ\u0307 d\u0323\u0307 d\u0307\u0323", "İstanbul ıI", "ß ẞ ŉ ǰ", "№ ℃ ™ ℠",
]

CORE = dict(hard_vocab_limit=False, num_threads=1, minloglevel=2, max_sentence_length=1 << 20)

# name: settings of the trainer, for golden and live models
MODELS = {
    "unigram": dict(model_type="unigram"),
    "unigram-bytes": dict(model_type="unigram", byte_fallback=True, character_coverage=0.98),
    "unigram-bare": dict(model_type="unigram", add_dummy_prefix=False, remove_extra_whitespaces=False, identity=True),
    "unigram-symbols": dict(model_type="unigram", user_defined_symbols="<sep>,<mask>,qui,\u2581the,e\u0301", control_symbols="<ctl>",
                            split_digits=True),
    "unigram-suffix": dict(model_type="unigram", treat_whitespace_as_suffix=True),
    "unigram-wide": dict(model_type="unigram", split_by_whitespace=False, split_by_unicode_script=False, split_by_number=False,
                         remove_extra_whitespaces=False, allow_whitespace_only_pieces=True),
    "unigram-back": dict(model_type="unigram", back=True, unk_surface=" ?? "),
    "bpe": dict(model_type="bpe"),
    "bpe-bytes": dict(model_type="bpe", byte_fallback=True, split_digits=True, identity=True, character_coverage=0.99,
                      remove_extra_whitespaces=False, allow_whitespace_only_pieces=True),
    "bpe-symbols": dict(model_type="bpe", user_defined_symbols="<sep>,<mask>,qui,\u2581the,  ", control_symbols="<ctl>"),
    "bpe-suffix": dict(model_type="bpe", treat_whitespace_as_suffix=True, byte_fallback=True),
    "bpe-wide": dict(model_type="bpe", split_by_whitespace=False, split_by_unicode_script=False),
    "bpe-unused": dict(model_type="bpe", unused=3),
    "unigram-unused": dict(model_type="unigram", unused=3),
    "word": dict(model_type="word", use_all_vocab=True),
    "char": dict(model_type="char", byte_fallback=True, character_coverage=0.99, user_defined_symbols="<sep>"),
}


def write_rules(folder, name, rules):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        for before, after in rules:
            f.write(" ".join("%04X" % ord(c) for c in before) + "\t" + " ".join("%04X" % ord(c) for c in after) + "\n")
    return path


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def mark_unused(raw, every):
    """Makes every n-th normal piece of more than one character unused: type = 5 in its message, on the wire."""
    def read(raw, at):
        n = shift = 0
        while True:
            n |= (raw[at] & 127) << shift
            shift += 7
            at += 1
            if raw[at - 1] < 128:
                return n, at
    out, at, count = bytearray(), 0, 0
    while at < len(raw):
        begin = at
        tag, at = read(raw, at)
        assert tag & 7 == 2
        size, at = read(raw, at)
        body = raw[at:at + size]
        at += size
        if tag >> 3 != 1:
            out += raw[begin:at]
            continue
        n, start = read(body, 1)
        piece = body[start:start + n].decode()
        if len(piece) > 1 and b"\x18" not in body[start + n + 5:]:
            count += 1
            if count % every == 0:
                body += b"\x18\x05"
        out += b"\x0a" + varint(len(body)) + body
    return bytes(out)


def train(settings, sentences, size, rules, folder):
    """The bytes of a .model file."""
    settings = dict(settings)
    unused = settings.pop("unused", 0)
    identity = settings.pop("identity", False)
    if settings.pop("back", False):
        settings["denormalization_rule_tsv"] = write_rules(folder, "back.tsv", BACK)
    if identity:
        settings["normalization_rule_name"] = "identity"
    elif rules.startswith("/"):
        settings["normalization_rule_tsv"] = rules
    else:
        settings["normalization_rule_name"] = rules
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(sentences), model_writer=model,
                                   vocab_size=size + (256 if settings.get("byte_fallback") else 0), **CORE, **settings)
    raw = model.getvalue()
    return mark_unused(raw, unused) if unused else raw


def answers(raw, texts):
    sp = spm.SentencePieceProcessor(model_proto=raw)
    for text in texts:
        ids = sp.encode(text, out_type=int)
        decoded = sp.decode(ids)
        yield ids, decoded if isinstance(decoded, bytes) else decoded.encode()


def b64(raw):
    return base64.b64encode(raw).decode()


def golden(out):
    texts = [t if isinstance(t, bytes) else t.encode() for t in TEXTS]
    with tempfile.TemporaryDirectory() as folder:
        rules = write_rules(folder, "rules.tsv", RULES)
        for name, settings in MODELS.items():
            raw = train(settings, SENTENCES.splitlines() * 2, 220, rules, folder)
            cases = [{"text": b64(t), "ids": ids, "decoded": b64(d)} for t, (ids, d) in zip(texts, answers(raw, texts))]
            with open(os.path.join(out, name + ".json"), "w") as f:
                f.write('{"model": "%s",\n"cases": [\n%s\n]}\n' % (b64(raw), ",\n".join(json.dumps(c) for c in cases)))


def live(folder):
    with open(os.path.join(folder, "corpus.txt"), "rb") as f:
        sentences = [line.decode("utf-8", "replace") for line in f.read().split(b"\n")]
    with open(os.path.join(folder, "documents.jsonl")) as f:
        texts = [base64.b64decode(json.loads(line)) for line in f]
    texts += [t if isinstance(t, bytes) else t.encode() for t in TEXTS]
    with open(os.path.join(folder, "documents.jsonl"), "w") as f:
        f.writelines(json.dumps(b64(t)) + "\n" for t in texts)
    for i, (name, settings) in enumerate(MODELS.items()):
        rules = ["nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf"][i % 4]
        raw = train(settings, sentences, 2000, rules, folder)
        with open(os.path.join(folder, name + ".model"), "wb") as f:
            f.write(raw)
        with open(os.path.join(folder, name + ".jsonl"), "w") as f:
            for ids, decoded in answers(raw, texts):
                f.write(json.dumps({"ids": ids, "decoded": b64(decoded)}) + "\n")


if __name__ == "__main__":
    {"golden": golden, "live": live}[sys.argv[1]](sys.argv[2])
