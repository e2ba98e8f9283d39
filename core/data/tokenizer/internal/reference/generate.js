// Writes testdata/reference.json.gz: what the Rust tokenizers make of the strings of strings.js, with tokenizers over small models.
//
//   NODE_PATH=DIR/node_modules node generate.js ../../testdata/reference.json.gz TEXT...        (TEXT: what the models learn from)
'use strict';
const fs = require('fs');
const zlib = require('zlib');
const T = require('tokenizers');
const { models, tokenizers, file } = require('./tokenizers.js');
const { encode } = require('./encode.js');
const strings = require('./strings.js');

async function main() {
  const m = models(process.argv.slice(3), 300);
  const all = tokenizers(m);
  const out = { models: m, strings, tokenizers: {} };
  for (const [name, t] of Object.entries(all)) {
    const { model, ...parts } = file(m, t);
    const tok = T.Tokenizer.fromString(JSON.stringify({ ...parts, model }));
    const results = [];
    for (const s of strings) results.push(await encode(tok, s, null));
    const pair = await encode(tok, strings[16], strings[17]);
    out.tokenizers[name] = { parts, model: t.model, results, pair };
  }
  // One line a string, model and tokenizer's result, so that changes can be read.
  const lines = (list) => '[\n' + list.map((v) => JSON.stringify(v)).join(',\n') + '\n]';
  const text = '{"models": {\n' + Object.entries(m).map(([k, v]) => `${JSON.stringify(k)}: ${JSON.stringify(v)}`).join(',\n') + '\n},\n"strings": ' + lines(strings) + ',\n"tokenizers": {\n' +
    Object.entries(out.tokenizers).map(([k, v]) => `${JSON.stringify(k)}: {"model": "${v.model}", "parts": ${JSON.stringify(v.parts)}, "pair": ${JSON.stringify(v.pair)}, "results": ${lines(v.results)}}`).join(',\n') + '\n}}\n';
  fs.writeFileSync(process.argv[2], zlib.gzipSync(text, { level: 9 }));
}

main();
