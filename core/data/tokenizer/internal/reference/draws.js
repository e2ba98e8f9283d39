// Counts how a tokenizer.json with dropout cuts a text at random with the Rust tokenizers:
//
//   NODE_PATH=.../node_modules node draws.js TOKENIZER.json TEXT DRAWS     prints {"1 2 3": how often, ...}
const {Tokenizer} = require('tokenizers');

const [file, text, draws] = process.argv.slice(2);
Tokenizer.fromFile(file).encodeBatch(Array(Number(draws)).fill(text), {addSpecialTokens: false}).then(all => {
  const counts = {};
  for (const e of all) {
    const ids = e.getIds().join(' ');
    counts[ids] = (counts[ids] || 0) + 1;
  }
  process.stdout.write(JSON.stringify(counts));
});
