/**
 * Whether a sample of one in `every` keeps the event that was offered after `offered` others.
 *
 * Of each `every` in a row it keeps exactly one, now the third, now the first: a sample of every other event of two
 * sources that take turns would else be one of a single source.
 */
export function isSampled(offered: number, every: number): boolean {
  const run = Math.floor(offered / every)
  return offered - run * every === mix(run) % every
}

/** MurmurHash3's finalizer, of 32 bits. */
function mix(number: number): number {
  let hash = number | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
