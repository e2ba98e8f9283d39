// Says what the Rust reference's normalizer Precompiled makes of texts.
//
//   npm install tokenizers
//   node precompiled.js golden > ../../testdata/precompiled.json
//   node precompiled.js < REQUEST > ANSWER     for the test with the build tag "reference": {"charsmap": base64, "texts": [...]}
const { precompiled } = require('tokenizers')
const { charsmap } = require('./charsmap.js')

const rules = {
  a: 'A', ab: 'AB', 'e\u0301': '\u00e9', '\u0301': '', '\u0308': '<dots>', '\r': '[cr]', '\n': ' ', '\r\n': '[crlf]', '\u00a9': '(c)',
  '\u0600': 'number', '\u0915': 'k', '\u0915\u094d': 'kV', '\u094d': 'v', '\u1100': 'g', '\u1100\u1161': 'ga', '\u1161': '',
  '\u200d': '', '\u{1f600}': ':)', '\uff21': 'A', '\uff21\u0300': '\u00c0', '\uac00': 'GA', '\u0e33': '\u0e4d\u0e32', '\u3000': ' ',
  'q\u0301\u0302': 'three', 'q\u0301': 'two', '\u00df': 'ss', '\ufdfa': '\u0635\u0644\u0649 \u0627\u0644\u0644\u0647', '\u0000': 'nul', z: '',
}
const alphabet = ['a', 'b', 'e', 'q', 'z', 'x', ' ', '\r', '\n', '\0', '\u0301', '\u0302', '\u0308', '\u0300', '\u00a9', '\u00ae', '\u0600', '\u06dd',
  '\u0903', '\u0915', '\u0916', '\u094d', '\u0ccd', '\u1100', '\u1161', '\u11a8', '\uac00', '\uac01', '\u200c', '\u200d', '\ufe0f', '\u{1f600}',
  '\u{1f468}', '\u{1f3fd}', '\u{1f1e9}', '\u{1f1ea}', '\uff21', '\u0e01', '\u0e33', '\u3000', '\u00df', '\ufdfa', '\u{110bd}', '\u0d4e',
  '\u200b', '\u00ad', '\u{e0041}', '\u{1d165}', '\u2028', '\ufffd', '\u4e00', '\u0378']

// Numbers at random, the same ones every time (a linear congruential generator).
let state = 1
const random = (n) => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return Math.floor((state / 2 ** 32) * n) }

function golden() {
  const texts = ['', 'plain ASCII text', 'ab\u0301', 'aab', 'caf\u0065\u0301', '\r\n\r\r\n']
  for (const x of alphabet) for (const y of alphabet) texts.push(x + y)
  for (let i = 0; i < 1200; i++) texts.push(Array.from({ length: 3 + random(7) }, () => alphabet[random(alphabet.length)]).join(''))
  const map = charsmap(rules)
  const normalizer = precompiled(map)
  const cases = texts.map((t) => JSON.stringify([t, normalizer.normalizeString(t)]))
  process.stdout.write(`{"rules": ${JSON.stringify(rules)},\n"cases": [\n${cases.join(',\n')}\n]}\n`)
}

function live() {
  const { charsmap, texts } = JSON.parse(require('fs').readFileSync(0, 'utf8'))
  const normalizer = precompiled([...Buffer.from(charsmap, 'base64')])
  process.stdout.write(JSON.stringify(texts.map((t) => normalizer.normalizeString(t))))
}

process.argv[2] === 'golden' ? golden() : live()
