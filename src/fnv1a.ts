const OFFSET_BASIS = 0x811c9dc5
const PRIME = 0x01000193

/**
 * FNV-1a, 32 bits, of the UTF-8 bytes of a text, as an unsigned number.
 *
 * The hash by which keys find their lane, and the one that NATS uses for `partition()`: lane, bridge and server agree.
 * Source: G. Fowler, L. C. Noll, K.-P. Vo, "The FNV Non-Cryptographic Hash Algorithm" (IETF draft).
 */
export function fnv1a(text: string): number {
  let hash = OFFSET_BASIS
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return fnv1aBytes(Buffer.from(text, 'utf8'))
    hash = Math.imul(hash ^ code, PRIME)
  }
  return hash >>> 0
}

/** The same of bytes. */
export function fnv1aBytes(bytes: Uint8Array): number {
  let hash = OFFSET_BASIS
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, PRIME)
  return hash >>> 0
}
