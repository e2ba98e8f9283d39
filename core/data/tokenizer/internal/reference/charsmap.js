// Builds a precompiled_charsmap from rules: a double array of Darts-clone's form, with a block of 256 units a node.
function charsmap(rules) {
  const units = new Map()
  const texts = []
  let size = 0, blocks = 1
  const node = (at, depth, rules) => {
    const block = 256 * blocks++
    let unit = (units.get(at) || 0) | ((at ^ block) << 10)
    for (const [key, to] of rules) {
      if (key.length === depth) {
        unit |= 1 << 8
        units.set(block, (1 << 31) | size)
        texts.push(Buffer.from(to + '\0'))
        size += texts.at(-1).length
      }
    }
    units.set(at, unit)
    const rest = rules.filter(([key]) => key.length > depth)
    for (const c of new Set(rest.map(([key]) => key[depth]))) {
      units.set(block ^ c, c)
      node(block ^ c, depth + 1, rest.filter(([key]) => key[depth] === c))
    }
  }
  node(0, 0, Object.entries(rules).map(([key, to]) => [Buffer.from(key), to]))
  const out = Buffer.alloc(4 + 1024 * blocks)
  out.writeUInt32LE(1024 * blocks)
  for (const [at, unit] of units) out.writeUInt32LE(unit >>> 0, 4 + 4 * at)
  return [...Buffer.concat([out, ...texts])]
}

module.exports = { charsmap }
