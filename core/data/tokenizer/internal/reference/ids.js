// Encodes texts with Rust tokenizers, without the special tokens of the post-processor, and prints, for each tokenizer, one array of ids a text:
//
//   NODE_PATH=.../node_modules node ids.js TEXTS.json TOKENIZER.json...
const fs = require('fs');
const {Tokenizer} = require('tokenizers');

const [file, ...tokenizers] = process.argv.slice(2);
const texts = JSON.parse(fs.readFileSync(file, 'utf8'));
const encode = async path => (await Tokenizer.fromFile(path).encodeBatch(texts, {addSpecialTokens: false})).map(e => e.getIds());
(async () => {
  const out = [];
  for (const path of tokenizers) out.push(await encode(path));
  process.stdout.write(JSON.stringify(out));
})();
