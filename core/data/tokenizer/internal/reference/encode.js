// What the Rust tokenizers say about one text, or a pair: ids with and without special tokens, and what they are decoded to.
'use strict';

// Offsets count characters. They are written as one list: from, to, from, to ...
async function encode(tok, text, pair) {
  const e = await tok.encode(text, pair, { addSpecialTokens: true });
  const ids = e.getIds();
  const out = { ids, offsets: e.getOffsets().flat(), words: e.getWordIds().map((w) => w ?? -1) };
  const types = e.getTypeIds();
  if (types.some((t) => t !== 0)) out.types = types;
  const special = e.getSpecialTokensMask();
  if (special.some((t) => t !== 0)) out.special = special;
  if (special.some((t) => t !== 0)) {
    const plain = await tok.encode(text, pair, { addSpecialTokens: false });
    out.plain = plain.getIds();
  }
  out.text = await tok.decode(ids, false);
  const skipped = await tok.decode(ids, true);
  if (skipped !== out.text) out.skipped = skipped;
  return out;
}

module.exports = { encode };
