/** A stretch of memory that starts at a multiple of 8 bytes: as bytes, as words of 32 bits, as doubles. */
export interface Space {
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly doubles: Float64Array
}

/** Bytes that are nobody else's: the other views are made when they are asked for. */
export class OwnSpace implements Space {
  readonly bytes: Uint8Array
  private asWords: Int32Array | undefined
  private asDoubles: Float64Array | undefined

  constructor(bytes: Uint8Array) {
    this.bytes = (bytes.byteOffset & 7) === 0 ? bytes : new Uint8Array(bytes)
  }

  get words(): Int32Array {
    const { buffer, byteOffset, length } = this.bytes
    this.asWords ??= new Int32Array(buffer, byteOffset, length >> 2)
    return this.asWords
  }

  get doubles(): Float64Array {
    const { buffer, byteOffset, length } = this.bytes
    this.asDoubles ??= new Float64Array(buffer, byteOffset, length >> 3)
    return this.asDoubles
  }
}
