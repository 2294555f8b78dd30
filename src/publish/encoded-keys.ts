import { KEY_BYTES_BEFORE, keyBytes, putKey } from '../event/key.ts'
import { fnv1a } from '../fnv1a.ts'

/** A key as records have it: its hash, and its length and bytes, up to where the data begin. */
export type EncodedKey = { readonly hash: number; readonly words: Int32Array }

/** So many are remembered; then all are forgotten. */
const MAX_KEYS = 4_096

/** The keys of what one publisher has published last: most come again, and looking one up costs less than going through it. */
export class EncodedKeys {
  private readonly known = new Map<string, EncodedKey>()
  private lastKey: string | undefined
  private last: EncodedKey | undefined

  /** @throws InvalidEventError if it is no key. */
  of(key: string): EncodedKey {
    if (key === this.lastKey) return this.last!
    const found = this.known.get(key) ?? this.add(key)
    this.lastKey = key
    this.last = found
    return found
  }

  private add(key: string): EncodedKey {
    const length = keyBytes(key)
    const bytes = new Uint8Array((KEY_BYTES_BEFORE + length + 7) & -8)
    putKey(bytes, 0, key, length)
    const encoded = { hash: fnv1a(key), words: new Int32Array(bytes.buffer, 0, bytes.length / 4) }
    if (this.known.size === MAX_KEYS) this.known.clear()
    this.known.set(key, encoded)
    return encoded
  }
}
