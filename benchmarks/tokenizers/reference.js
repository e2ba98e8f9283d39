// The reference's part of a round: the Rust tokenizers through their binding for node.
//
//   node reference.js version | encode DIR SCHEME THREADS | train DIR SCHEME THREADS
//
// What is timed is encoding in Rust: handing strings over counts (it is a few milliseconds), taking ids out as JavaScript arrays does not.
// The binding has no encoding without offsets.
const fs = require('fs');
const path = require('path');
const {Tokenizer} = require('tokenizers');

const [what, dir, scheme] = process.argv.slice(2);
const seconds = {};
const since = from => Number(process.hrtime.bigint() - from) / 1e9;
const read = name => JSON.parse(fs.readFileSync(path.join(dir, name), 'utf8'));

async function encode() {
  const tokenizer = Tokenizer.fromFile(path.join(dir, scheme + '.json'));
  const options = {addSpecialTokens: false};
  const documents = read('docs.json'), [stream] = read('stream.json');
  await tokenizer.encodeBatch(documents.slice(0, documents.length / 20), options);
  let from = process.hrtime.bigint();
  await tokenizer.encode(stream, null, options);
  seconds.stream = since(from);
  from = process.hrtime.bigint();
  const encodings = await tokenizer.encodeBatch(documents, options);
  seconds.documents = since(from);
  return encodings.map(e => {
    let hash = 0x811c9dc5;
    for (const id of e.getIds()) {
      for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ (id >>> shift & 255), 0x01000193);
    }
    return hash >>> 0;
  });
}

async function main() {
  if (what === 'version') {
    process.stdout.write(JSON.parse(fs.readFileSync(path.join(path.dirname(require.resolve('tokenizers')), 'package.json'), 'utf8')).version);
    return;
  }
  let hashes = [];
  if (what === 'encode') {
    hashes = await encode();
  } else {
    const tokenizer = Tokenizer.fromFile(path.join(dir, scheme + '-empty.json'));
    const from = process.hrtime.bigint();
    tokenizer.train([path.join(dir, 'train.txt')]);
    seconds.train = since(from);
  }
  process.stdout.write(JSON.stringify({Seconds: seconds, Hashes: hashes}));
}

main();
