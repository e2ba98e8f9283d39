// The tokenizers that ours are compared with: every component of tokenizer.json, in the shapes that known models give it, over small
// models that the Rust tokenizers learn from text here.
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const T = require('tokenizers');
const { charsmap } = require('./charsmap.js');

const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const LLAMA3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const QWEN2 = LLAMA3.replace('{1,3}', '');
const O200K = [
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
  '\\p{N}{1,3}', ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*', '\\s*[\\r\\n]+', '\\s+(?!\\S)', '\\s+'].join('|');
const DEEPSEEK = [
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+', '[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+', ' ?[\\p{P}\\p{S}]+[\\r\\n]*', '\\s*[\\r\\n]+', '\\s+(?!\\S)', '\\s+'].join('|');
const CLIP = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

// Components by short names.
const seq = (kind, list) => ({ type: 'Sequence', [kind]: list });
const norms = (...list) => seq('normalizers', list);
const pres = (...list) => seq('pretokenizers', list);
const decs = (...list) => seq('decoders', list);
const regex = (re, behavior = 'Isolated', invert = false) => ({ type: 'Split', pattern: { Regex: re }, behavior, invert });
const literal = (s, behavior, invert = false) => ({ type: 'Split', pattern: { String: s }, behavior, invert });
const replace = (from, content) => ({ type: 'Replace', pattern: { String: from }, content });
const replaceRegex = (from, content) => ({ type: 'Replace', pattern: { Regex: from }, content });
const byteLevel = (prefix, use_regex = true, trim = true) => ({ type: 'ByteLevel', add_prefix_space: prefix, trim_offsets: trim, use_regex });
const metaspace = (prepend_scheme, split) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme, split });
const bert = (o) => ({ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true, ...o });
const added = (content, o) => ({ content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...o });

// learn lets the Rust tokenizers learn a model, of at most `most` merges or pieces, and answers its part of the file.
function learn(kind, files, most, pre, norm) {
  const t = new T.Tokenizer({ bpe: T.BPE, wordpiece: T.WordPiece, wordlevel: T.WordLevel, unigram: T.Unigram }[kind].empty());
  if (pre) t.setPreTokenizer(pre);
  if (norm) t.setNormalizer(norm);
  t.train(files);
  const out = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'learn-')), 'tokenizer.json');
  t.save(out);
  const model = JSON.parse(fs.readFileSync(out)).model;
  fs.rmSync(path.dirname(out), { recursive: true });
  return most ? cut(model, most) : model;
}

// cut keeps the characters of a model and the first of what was made of them.
function cut(model, most) {
  if (model.type === 'Unigram') {
    model.vocab = model.vocab.filter(([p], i) => i < most || [...p].length === 1);
    return model;
  }
  if (model.type === 'BPE') model.merges = model.merges.slice(0, most);
  const prefix = model.continuing_subword_prefix || '';
  const made = new Set((model.merges || []).map(([a, b]) => a + b.slice(prefix.length)));
  const tokens = Object.entries(model.vocab).sort((a, b) => a[1] - b[1]).map(([s]) => s);
  const kept = tokens.filter((s, i) => model.type === 'BPE' ? [...s].length === 1 || made.has(s) : i < most);
  model.vocab = Object.fromEntries(kept.map((s, i) => [s, i]));
  return model;
}

// number gives the tokens of a vocabulary, some new ones in front, their ids.
const number = (front, vocab) => Object.fromEntries([...new Set([...front, ...Object.entries(vocab).sort((a, b) => a[1] - b[1]).map(([s]) => s)])].map((s, i) => [s, i]));
const byteTokens = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`);

// models answers the models that all tokenizers share. most bounds their size; 0 keeps all that was learned.
function models(files, most) {
  const m = {};
  m.bytes = learn('bpe', files, most, T.byteLevelPreTokenizer(false));
  m.bytes.vocab = number(Object.keys(m.bytes.vocab).length ? [...T.byteLevelAlphabet()].sort() : [], m.bytes.vocab);
  m.chars = learn('bpe', files, most, T.metaspacePreTokenizer());
  m.fallback = { ...m.chars, unk_token: '<unk>', fuse_unk: true, byte_fallback: true, vocab: number(['<unk>', '<s>', '</s>', ...byteTokens], m.chars.vocab) };
  m.unknown = { ...m.chars, unk_token: '<unk>', fuse_unk: false, vocab: number(['<unk>'], m.chars.vocab) };
  m.fused = { ...m.unknown, fuse_unk: true };
  m.dropping = { ...m.chars, unk_token: null };
  m.ignoring = { ...m.bytes, ignore_merges: true };
  const lower = T.bertNormalizer({ lowercase: true });
  const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
  m.wordpiece = learn('wordpiece', files, most && 2 * most, T.bertPreTokenizer(), lower);
  m.wordpiece = { ...m.wordpiece, unk_token: '[UNK]', vocab: number(specials, m.wordpiece.vocab) };
  m.cased = learn('wordpiece', files, most && 2 * most, T.bertPreTokenizer());
  m.cased = { ...m.cased, unk_token: '[UNK]', max_input_chars_per_word: 20, vocab: number(specials, m.cased.vocab) };
  m.words = learn('wordlevel', files, most, T.whitespacePreTokenizer());
  m.words = { ...m.words, unk_token: '<unk>', vocab: number(['<unk>'], m.words.vocab) };
  m.unigram = learn('unigram', files, most, T.metaspacePreTokenizer());
  m.unigram.vocab = [['<s>', 0], ['<pad>', 0], ['</s>', 0], ['<unk>', 0], ...m.unigram.vocab.filter(([p]) => p !== '<unk>'), ['<mask>', 0]];
  m.unigram.unk_id = 3;
  m.unibytes = { ...m.unigram, byte_fallback: true, vocab: [...m.unigram.vocab, ...byteTokens.map((b) => [b, -20])] };
  // CLIP: words end in </w>, bytes are visible, all is lower case.
  const clip = learn('bpe', files, most, T.sequencePreTokenizer([T.whitespaceSplitPreTokenizer(), T.byteLevelPreTokenizer(false)]), T.lowercase());
  m.clip = {
    ...clip, end_of_word_suffix: '</w>', unk_token: '<|endoftext|>',
    vocab: number(['<|start|>', '<|endoftext|>', ...[...T.byteLevelAlphabet()].sort().flatMap((c) => [c, c + '</w>'])], Object.fromEntries(Object.entries(clip.vocab).flatMap(([s, i]) => [[s, 2 * i], [s + '</w>', 2 * i + 1]]))),
    merges: clip.merges.flatMap(([a, b]) => [[a, b + '</w>'], [a, b]]),
  };
  m.prefixed = {
    ...m.chars, continuing_subword_prefix: '##', unk_token: '<unk>',
    vocab: number(['<unk>'], Object.fromEntries(Object.keys(m.chars.vocab).flatMap((s, i) => [[s, 2 * i], ['##' + s, 2 * i + 1]]))),
    merges: m.chars.merges.flatMap(([a, b]) => [[a, '##' + b], ['##' + a, '##' + b]]),
  };
  return m;
}

const roberta = [added('<s>'), added('<pad>'), added('</s>'), added('<unk>'), added('<mask>', { lstrip: true })];
const bertTokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map((s) => added(s));
const llama = [added('<unk>'), added('<s>'), added('</s>')];
const template = (single, pair, special) => ({
  type: 'TemplateProcessing',
  single: single.map(place), pair: pair.map(place),
  special_tokens: Object.fromEntries(special.map(([s, id]) => [s, { id: s, ids: [id], tokens: [s] }])),
});
const place = (s) => {
  const [id, type] = s.split(':');
  const type_id = Number(type || 0);
  return id === '$A' || id === '$B' ? { Sequence: { id: id[1], type_id } } : { SpecialToken: { id, type_id } };
};
const fallbackDecoder = decs(replace('▁', ' '), { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 });

// Precompiled rules in the manner of nmt_nfkc.
const rules = {
  'ﬁ': 'fi', 'ﬂ': 'fl', '\u3000': ' ', '\u00a0': ' ', '\t': ' ', '\n': ' ', '\r': '', '\u200b': ' ', '\ufeff': '', 'Ａ': 'A', 'Ｂ': 'B', '１': '1', '①': '1', '²': '2', '½': '1⁄2',
  '㎏': 'kg', '™': 'TM', '…': '...', 'e\u0301': 'é', 'か\u3099': 'が', 'ｶﾞ': 'ガ', 'ｶ': 'カ', '\u1112\u1161\u11ab': '한', 'ﷺ': 'صلى', '\u0344': '\u0308\u0301',
};

// tokenizers answers all of them by name: a model's name and the other parts. m are the models.
function tokenizers(m) {
  const id = (model, s) => Array.isArray(m[model].vocab) ? m[model].vocab.findIndex(([p]) => p === s) : m[model].vocab[s];
  const size = (model) => Array.isArray(m[model].vocab) ? m[model].vocab.length : Object.keys(m[model].vocab).length;
  const cls = (model) => ({ sep: ['[SEP]', id(model, '[SEP]')], cls: ['[CLS]', id(model, '[CLS]')] });
  const t = {
    'gpt2': { model: 'bytes', pre: byteLevel(false), post: byteLevel(true, true, false), decoder: byteLevel(true), added: [added('<|endoftext|>')] },
    'gpt2 prefix space': { model: 'bytes', pre: byteLevel(true), post: byteLevel(true), decoder: byteLevel(true), added: [added('<|endoftext|>', { normalized: true })] },
    'roberta': { model: 'bytes', pre: byteLevel(false), post: { type: 'RobertaProcessing', sep: ['</s>', size('bytes') + 2], cls: ['<s>', size('bytes')], trim_offsets: true, add_prefix_space: false }, decoder: byteLevel(true), added: roberta },
    'roberta prefix space': { model: 'bytes', pre: byteLevel(true), post: { type: 'RobertaProcessing', sep: ['</s>', size('bytes') + 2], cls: ['<s>', size('bytes')], trim_offsets: true, add_prefix_space: true }, decoder: byteLevel(true), added: roberta },
    'llama3': { model: 'ignoring', pre: pres(regex(LLAMA3), byteLevel(false, false)), post: { type: 'Sequence', processors: [byteLevel(true, true, false), template(['<|begin|>', '$A'], ['<|begin|>', '$A', '<|begin|>:1', '$B:1'], [['<|begin|>', size('ignoring')]])] }, decoder: byteLevel(true), added: [added('<|begin|>'), added('<|start|>'), added('<|end|>')] },
    'qwen2': { model: 'bytes', norm: { type: 'NFC' }, pre: pres(regex(QWEN2), byteLevel(false, false, false)), post: byteLevel(false, true, false), decoder: byteLevel(false, false, false), added: [added('<|endoftext|>'), added('<|start|>'), added('<|end|>')] },
    'o200k': { model: 'ignoring', pre: pres(regex(O200K), byteLevel(false, false)), post: byteLevel(true, true, false), decoder: byteLevel(true), added: [added('<|endoftext|>')] },
    'o200k removed': { model: 'bytes', pre: pres(regex(O200K, 'Removed', true), byteLevel(false, false)), decoder: byteLevel(true) },
    'deepseek': { model: 'bytes', norm: norms(), pre: pres(regex('\\p{N}{1,3}'), regex('[一-龥぀-ゟ゠-ヿ]+'), regex(DEEPSEEK), byteLevel(false, false, true)), post: template(['<|start|>', '$A'], ['<|start|>', '$A', '$B:1'], [['<|start|>', size('bytes')]]), decoder: byteLevel(true), added: [added('<|start|>'), added('<|end|>'), added('foo', { special: false, normalized: true })] },
    'deepseek coder': { model: 'bytes', pre: pres(regex('[\\r\\n]'), regex('\\s?\\p{L}+'), regex('\\s?\\p{P}+'), regex('[一-龥ࠀ-一가-퟿]+'), { type: 'Digits', individual_digits: true }, byteLevel(false, false)), decoder: byteLevel(true) },
    'starcoder': { model: 'bytes', pre: pres({ type: 'Digits', individual_digits: true }, byteLevel(false)), decoder: byteLevel(true), added: [added('<|endoftext|>'), added('  ', { special: false, normalized: true }), added('   ', { special: false, normalized: true })] },
    'bloom': { model: 'bytes', pre: pres(regex(' ?[^(\\s|[.,!?…。，、।۔،])]+'), byteLevel(false, false)), decoder: byteLevel(true) },
    'falcon': { model: 'bytes', pre: pres({ type: 'Punctuation', behavior: 'Contiguous' }, byteLevel(false), { type: 'Digits', individual_digits: false }, regex('[0-9][0-9][0-9]')), post: byteLevel(false, true, false), decoder: byteLevel(true) },
    'bytes in the normalizer': { model: 'bytes', norm: { type: 'ByteLevel' }, decoder: byteLevel(false), added: [added('added token', { special: false, normalized: true }), added('foo', { special: false })] },
    'bytes in the middle': { model: 'bytes', pre: pres(byteLevel(false), { type: 'FixedLength', length: 3 }), decoder: byteLevel(false) },
    'bert uncased': { model: 'wordpiece', norm: bert(), pre: { type: 'BertPreTokenizer' }, post: template(['[CLS]', '$A', '[SEP]'], ['[CLS]', '$A', '[SEP]', '$B:1', '[SEP]:1'], [['[CLS]', id('wordpiece', '[CLS]')], ['[SEP]', id('wordpiece', '[SEP]')]]), decoder: { type: 'WordPiece', prefix: '##', cleanup: true }, added: bertTokens },
    'bert cased': { model: 'cased', norm: bert({ lowercase: false }), pre: { type: 'BertPreTokenizer' }, post: { type: 'BertProcessing', ...cls('cased') }, decoder: { type: 'WordPiece', prefix: '##', cleanup: false }, added: bertTokens },
    'bert accents': { model: 'wordpiece', norm: bert({ strip_accents: false, handle_chinese_chars: false }), pre: { type: 'BertPreTokenizer' }, decoder: { type: 'WordPiece', prefix: '##', cleanup: true }, added: bertTokens.map((a) => ({ ...a, normalized: true })) },
    'bert unclean': { model: 'wordpiece', norm: bert({ clean_text: false, strip_accents: true, lowercase: false }), pre: { type: 'BertPreTokenizer' }, decoder: { type: 'WordPiece', prefix: '', cleanup: true }, added: [added('[MASK]', { lstrip: true, rstrip: true }), added('foo', { single_word: true, special: false }), added('added', { single_word: true, normalized: true, special: false, rstrip: true })] },
    'llama 1': { model: 'fallback', norm: norms({ type: 'Prepend', prepend: '▁' }, replace(' ', '▁')), post: template(['<s>', '$A'], ['<s>', '$A', '<s>:1', '$B:1'], [['<s>', 1]]), decoder: fallbackDecoder, added: llama },
    'llama 2 legacy off': { model: 'fallback', pre: metaspace('first', false), post: template(['<s>', '$A', '</s>'], ['<s>', '$A', '</s>', '$B:1', '</s>:1'], [['<s>', 1], ['</s>', 2]]), decoder: fallbackDecoder, added: llama.map((a) => ({ ...a, normalized: true })) },
    'gemma': { model: 'fallback', norm: replace(' ', '▁'), pre: literal(' ', 'MergedWithPrevious'), decoder: decs(replace('▁', ' '), { type: 'ByteFallback' }, { type: 'Fuse' }), added: llama },
    'metaspace always': { model: 'unknown', pre: metaspace('always', true), decoder: metaspace('always', true), added: llama },
    'metaspace never': { model: 'fused', pre: metaspace('never', true), decoder: metaspace('never', true), added: [added('<mask>', { rstrip: true })] },
    'metaspace first, stripped': { model: 'fused', norm: norms({ type: 'Strip', strip_left: true, strip_right: false }, { type: 'NFD' }), pre: pres({ type: 'WhitespaceSplit' }, metaspace('first', true)), decoder: metaspace('first', true), added: [added('<mask>')] },
    't5': { model: 'unigram', norm: { type: 'NFKC' }, pre: pres({ type: 'WhitespaceSplit' }, metaspace('always', true)), post: template(['$A', '</s>'], ['$A', '</s>', '$B', '</s>'], [['</s>', 2]]), decoder: metaspace('always', true), added: [added('<pad>'), added('</s>'), added('<unk>')] },
    'albert': { model: 'unigram', norm: norms(replace('``', '"'), replace("''", '"'), { type: 'NFKD' }, { type: 'StripAccents' }, { type: 'Lowercase' }, replaceRegex(' {2,}', ' ')), pre: metaspace('always', true), decoder: metaspace('always', true), added: [added('<mask>', { lstrip: true }), added('<unk>')] },
    'xlnet whole text': { model: 'unigram', norm: norms({ type: 'Nmt' }, { type: 'NFKC' }, replaceRegex(' {2,}', ' ')), pre: metaspace('always', false), decoder: metaspace('always', false), added: [added('<mask>', { lstrip: true })] },
    'unigram with bytes': { model: 'unibytes', norm: { type: 'NFC' }, pre: metaspace('first', false), decoder: decs({ type: 'ByteFallback' }, metaspace('first', false)), added: llama },
    'clip': { model: 'clip', norm: norms({ type: 'NFC' }, replaceRegex('\\s+', ' '), { type: 'Lowercase' }), pre: pres(regex(CLIP, 'Removed', true), byteLevel(false)), post: { type: 'RobertaProcessing', sep: ['<|endoftext|>', 1], cls: ['<|start|>', 0], trim_offsets: false, add_prefix_space: false }, decoder: decs(byteLevel(false), replace('</w>', ' ')), added: [added('<|endoftext|>', { normalized: true }), added('<|start|>', { normalized: true })] },
    'suffix': { model: 'clip', norm: { type: 'Lowercase' }, pre: { type: 'WhitespaceSplit' }, decoder: { type: 'BPEDecoder', suffix: '</w>' } },
    'prefix': { model: 'prefixed', pre: { type: 'Whitespace' }, decoder: { type: 'WordPiece', prefix: '##', cleanup: false } },
    'words': { model: 'words', pre: { type: 'Whitespace' } },
    'words, stripped': { model: 'words', norm: { type: 'Strip', strip_left: true, strip_right: true }, pre: pres({ type: 'CharDelimiterSplit', delimiter: '-' }, { type: 'Whitespace' }), decoder: { type: 'CTC', pad_token: '<unk>', word_delimiter_token: 'o', cleanup: true } },
    'dropping': { model: 'dropping', norm: { type: 'Strip', strip_left: false, strip_right: true }, pre: { type: 'Punctuation', behavior: 'MergedWithPrevious' } },
    'scripts': { model: 'unknown', pre: pres({ type: 'UnicodeScripts' }, { type: 'Punctuation', behavior: 'MergedWithNext' }), decoder: { type: 'Fuse' } },
    'scripts, no space': { model: 'unknown', norm: replaceRegex('\\s', ''), pre: pres({ type: 'UnicodeScripts' }), decoder: { type: 'Fuse' } },
    'digits, contiguous': { model: 'unknown', pre: pres({ type: 'Digits', individual_digits: false }, { type: 'Punctuation', behavior: 'Removed' }), decoder: decs({ type: 'Fuse' }, replaceRegex('[aeiou]', '_')) },
    'split removed': { model: 'unknown', pre: regex('[\\s\\p{P}]', 'Removed') },
    'split previous': { model: 'unknown', pre: regex('\\s', 'MergedWithPrevious') },
    'split next': { model: 'unknown', pre: regex('\\w+', 'MergedWithNext', true) },
    'split contiguous': { model: 'unknown', pre: regex('\\d', 'Contiguous') },
    'split inverted': { model: 'unknown', pre: regex('\\w+', 'Removed', true) },
    'split letters': { model: 'unknown', pre: pres(literal('o', 'MergedWithNext'), literal('l', 'Isolated', true), literal('', 'Isolated')) },
    'split lookaround': { model: 'unknown', pre: pres(regex('(?<=[a-z])(?=[A-Z])', 'Isolated'), regex('(?<!\\d)\\d{3}\\b', 'Isolated'), regex('$|^', 'MergedWithPrevious')) },
    'replace nothing': { model: 'unknown', norm: norms(replaceRegex('x*', '-'), replaceRegex('(?i)the', 'THE')), pre: { type: 'WhitespaceSplit' } },
    'added': { model: 'unknown', norm: { type: 'Lowercase' }, pre: { type: 'Whitespace' }, added: [added('Foo', { normalized: true, special: false }), added('foo bar', { special: false }), added('added-token', { special: false, lstrip: true, rstrip: true, normalized: true }), added('a', { single_word: true, special: false }), added('ab', { single_word: true, special: true, lstrip: true }), added(' z', { special: false })] },
    'cut right': { model: 'wordpiece', norm: bert(), pre: { type: 'BertPreTokenizer' }, post: { type: 'BertProcessing', ...cls('wordpiece') }, truncation: { direction: 'Right', max_length: 12, strategy: 'LongestFirst', stride: 0 }, padding: { strategy: { Fixed: 16 }, direction: 'Right', pad_to_multiple_of: null, pad_id: 0, pad_type_id: 0, pad_token: '[PAD]' }, added: bertTokens },
    'cut left': { model: 'bytes', pre: byteLevel(false), truncation: { direction: 'Left', max_length: 9, strategy: 'LongestFirst', stride: 2 }, padding: { strategy: 'BatchLongest', direction: 'Left', pad_to_multiple_of: 8, pad_id: 3, pad_type_id: 1, pad_token: '!' }, decoder: byteLevel(false) },
  };
  for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD', 'StripAccents', 'Nmt']) t[form] = { model: 'unknown', norm: { type: form }, decoder: { type: 'Fuse' } };
  const precompiled = { type: 'Precompiled', precompiled_charsmap: Buffer.from(charsmap(rules)).toString('base64') };
  t['xlm-r'] = { model: 'unigram', norm: precompiled, pre: pres({ type: 'WhitespaceSplit' }, metaspace('always', true)), post: template(['<s>', '$A', '</s>'], ['<s>', '$A', '</s>', '</s>', '$B', '</s>'], [['<s>', 0], ['</s>', 2]]), decoder: metaspace('always', true), added: [added('<mask>', { lstrip: true })] };
  t['deberta'] = { model: 'unigram', norm: norms({ type: 'Strip', strip_left: true, strip_right: true }, precompiled, replaceRegex(' {2,}', ' ')), pre: pres(metaspace('always', true)), decoder: metaspace('always', true), added: [added('<mask>')] };
  return t;
}

// file writes a tokenizer as a tokenizer.json.
function file(m, t) {
  return {
    version: '1.0', truncation: t.truncation || null, padding: t.padding || null,
    added_tokens: (t.added || []).map((a) => ({ id: 0, ...a })), normalizer: t.norm || null, pre_tokenizer: t.pre || null,
    post_processor: t.post || null, decoder: t.decoder || null, model: m[t.model],
  };
}

module.exports = { models, tokenizers, file };
