// Cuts texts with the regex engine of the Rust tokenizers and prints, for each, where words end, in bytes:
//
//   NODE_PATH=.../node_modules node split.js PATTERN TEXTS.json
const fs = require('fs');
const {Tokenizer} = require('tokenizers');

const [pattern, file] = process.argv.slice(2);
const cut = Tokenizer.fromString(JSON.stringify({
  version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, post_processor: null, decoder: null,
  pre_tokenizer: {type: 'Split', pattern: {Regex: pattern}, behavior: 'Isolated', invert: false}, model: {type: 'BPE', vocab: {}, merges: []},
})).getPreTokenizer();
process.stdout.write(JSON.stringify(JSON.parse(fs.readFileSync(file, 'utf8')).map(text => {
  let end = 0;
  return cut.preTokenizeString(text).map(([word]) => end += Buffer.byteLength(word));
})));
