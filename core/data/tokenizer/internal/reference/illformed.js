// Writes testdata/illformed.json.gz: what the Rust tokenizers make of bytes that are not UTF-8, decoded as strings are (each maximal subpart of
// a broken character is U+FFFD), with those tokenizers of testdata/reference.json.gz that have no tokens for bytes.
//
//   NODE_PATH=DIR/node_modules node illformed.js ../../testdata/reference.json.gz ../../testdata/illformed.json.gz
'use strict';
const fs = require('fs');
const zlib = require('zlib');
const T = require('tokenizers');
const { encode } = require('./encode.js');

const join = (...parts) => Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p) : Buffer.from(p))));
const inputs = [
  // The tables of the Unicode standard, section 3.9.
  join([0xc0, 0xaf, 0xe0, 0x80, 0xbf, 0xf0, 0x81, 0x82, 0x41]),
  join([0xed, 0xa0, 0x80, 0xed, 0xbf, 0xbf, 0xed, 0xaf, 0x41]),
  join([0xf4, 0x91, 0x92, 0x93, 0xff, 0x41, 0x80, 0xbf, 0x42]),
  join([0xe1, 0x80, 0xe2, 0xf0, 0x91, 0x92, 0xf1, 0xbf, 0x41]),
  join([0x61, 0xf1, 0x80, 0x80, 0xe1, 0x80, 0xc2, 0x62, 0x80, 0x63, 0x80, 0xbf, 0x64]),
  // In and around words.
  join('the ', [0xff], ' cat'), join('the', [0xe2, 0x82], 'cat sat'), join([0xf0, 0x9f, 0x98]), join('end', [0xc3]), join([0x80, 0x80, 0x80], ' on'),
  join('caf', [0xc3, 0xa9], [0xc3], 'e'), join('日', [0xe6, 0x97], '本 ', [0xe6], '語'), join([0xf0, 0x9f, 0x99, 0x82, 0xf0, 0x9f, 0x99], '!'),
  join('a\u0301', [0xcc], 'b'), join('<s>', [0xe2, 0x96], '</s>'), join('Foo', [0xfe, 0xff], 'Foo'), join([0xef, 0xbf], '\ufffd', [0xef, 0xbf, 0xbd, 0xef]),
  join('x', ...Array.from({ length: 40 }, () => [0xe2, 0x82])), join(...Array.from({ length: 30 }, (_, i) => [0xf0, 0x90 + i, 0x80, 0x20])),
];
// Every beginning of characters of every length, with each kind of byte behind it.
for (const lead of [0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5]) {
  const all = [];
  for (const second of [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0]) all.push([lead, second, 0x20, lead, second, 0x80, 0x20]);
  inputs.push(join(...all));
}

async function main() {
  const all = JSON.parse(zlib.gunzipSync(fs.readFileSync(process.argv[2])));
  const bytes = (part) => /"ByteLevel"/.test(JSON.stringify(part ?? null));
  const out = { inputs: inputs.map((b) => b.toString('base64')), tokenizers: {} };
  for (const [name, t] of Object.entries(all.tokenizers)) {
    const model = all.models[t.model];
    if (bytes(t.parts.pre_tokenizer) || bytes(t.parts.normalizer) || model.byte_fallback) continue;
    const tok = T.Tokenizer.fromString(JSON.stringify({ ...t.parts, model }));
    const results = [];
    for (const b of inputs) results.push(await encode(tok, b.toString('utf8'), null));
    out.tokenizers[name] = results;
  }
  fs.writeFileSync(process.argv[3], zlib.gzipSync(JSON.stringify(out), { level: 9 }));
}

main();
