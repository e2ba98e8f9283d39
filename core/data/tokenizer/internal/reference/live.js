// Answers what the Rust tokenizers make of texts, for the live comparison (reference_live_test.go).
//
//   node live.js DIR TEXT...
//
// learns models from TEXT if there is any, writes a tokenizer.json for every tokenizer of tokenizers.js to DIR, and then answers requests, one JSON
// object a line on standard input: {"name": tokenizer, "texts": [...], "full": bool}, or a path as "file" in the place of name. The answers, on
// descriptor 3, are objects of encode.js if full, else their digests.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const T = require('tokenizers');
const { models, tokenizers, file } = require('./tokenizers.js');
const { encode } = require('./encode.js');

function digest(a) {
  const zeros = a.ids.map(() => 0);
  const lists = [a.ids, a.offsets, a.words, a.types || zeros, a.special || zeros, a.plain || a.ids];
  return crypto.createHash('sha1').update(lists.map((l) => l.join(',')).join(';') + ';' + a.text + ';' + (a.skipped ?? a.text)).digest('hex');
}

async function main() {
  const [dir, ...texts] = process.argv.slice(2);
  const write = (v) => {
    for (let rest = Buffer.from(JSON.stringify(v) + '\n'); rest.length > 0;) rest = rest.subarray(fs.writeSync(3, rest));
  };
  const open = {};
  const m = texts.length ? models(texts, 0) : {};
  for (const [name, t] of texts.length ? Object.entries(tokenizers(m)) : []) {
    const raw = JSON.stringify(file(m, t));
    fs.writeFileSync(path.join(dir, name.replaceAll(' ', '_') + '.json'), raw);
    open[name] = () => T.Tokenizer.fromString(raw);
  }
  write(Object.keys(open));
  let [name, tok] = ['', null];
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const ask = JSON.parse(line);
    if (ask.file) [name, tok] = [ask.file, T.Tokenizer.fromFile(ask.file)];
    else if (ask.name !== name) [name, tok] = [ask.name, open[ask.name]()];
    // The binding encodes on threads of its own, several texts at a time.
    write(await Promise.all(ask.texts.map((s) => encode(tok, s, null).then((a) => (ask.full ? a : digest(a))))));
  }
}

main();
