// Encodes texts with an implementation of tiktoken, special tokens included, and prints one array of ids a text:
//
//   NODE_PATH=.../node_modules node tiktoken.js PACKAGE ENCODING TEXTS.json
//
// PACKAGE is gpt-tokenizer (JavaScript) or tiktoken (OpenAI's Rust, compiled to WebAssembly); ENCODING is cl100k_base and the like.
// PACKAGE ranks prints the folder of gpt-tokenizer's rank files instead.
const fs = require('fs');
const path = require('path');

const [kind, name, file] = process.argv.slice(2);
if (kind === 'ranks') {
  let folder = path.dirname(require.resolve('gpt-tokenizer'));
  while (!fs.existsSync(path.join(folder, 'data'))) folder = path.dirname(folder);
  process.stdout.write(path.join(folder, 'data'));
} else {
  let encode;
  if (kind === 'gpt-tokenizer') {
    const tokenizer = require('gpt-tokenizer/encoding/' + name);
    encode = text => tokenizer.encode(text, {allowedSpecial: 'all'});
  } else {
    const tokenizer = require('tiktoken').get_encoding(name);
    encode = text => Array.from(tokenizer.encode(text, 'all'));
  }
  process.stdout.write(JSON.stringify(JSON.parse(fs.readFileSync(file, 'utf8')).map(encode)));
}
