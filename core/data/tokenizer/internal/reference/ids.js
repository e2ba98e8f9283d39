// Encodes texts with the Rust tokenizers, without the special tokens of the post-processor, and prints one array of ids a text:
//
//   NODE_PATH=.../node_modules node ids.js TOKENIZER.json TEXTS.json
const fs = require('fs');
const {Tokenizer} = require('tokenizers');

const [tokenizer, file] = process.argv.slice(2);
Tokenizer.fromFile(tokenizer).encodeBatch(JSON.parse(fs.readFileSync(file, 'utf8')), {addSpecialTokens: false}).then(
  all => process.stdout.write(JSON.stringify(all.map(e => e.getIds()))));
