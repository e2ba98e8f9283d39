// Trains the Rust reference on the lines of a file:
//
//   NODE_PATH=.../node_modules node train.js KIND PATTERN FILE OUT
//
// KIND is bpe, char-bpe or wordpiece; PATTERN the regex that cuts words (not for wordpiece). The binding gives no way to set the trainer:
// 30,000 tokens, every pair that occurs.
const {Tokenizer} = require('tokenizers');

const [kind, pattern, file, out] = process.argv.slice(2);
const split = {type: 'Split', pattern: {Regex: pattern}, behavior: 'Isolated', invert: false};
const bytes = {type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false};
const pre = {bpe: {type: 'Sequence', pretokenizers: [split, bytes]}, 'char-bpe': split, wordpiece: {type: 'BertPreTokenizer'}}[kind];
const model = kind === 'wordpiece' ?
  {type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: {}} :
  {type: 'BPE', vocab: {}, merges: []};
const tokenizer = Tokenizer.fromString(JSON.stringify({
  version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, post_processor: null, decoder: null,
  pre_tokenizer: pre, model,
}));
tokenizer.train([file]);
tokenizer.save(out);
