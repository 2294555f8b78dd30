import type { FixedKind } from './kind.ts'

/** The same eight bytes as whatever they are. */
const alias = new BigInt64Array(1)
const unsignedAlias = new BigUint64Array(alias.buffer)
const aliasWords = new Int32Array(alias.buffer, 0, 2)
const aliasFloats = new Float32Array(alias.buffer)

const isNumber = (value: unknown): boolean => typeof value === 'number'

export const F64: FixedKind = {
  description: 'f64',
  bytes: 8,
  align: 8,
  size: undefined,
  accepts: isNumber,
  get: (_bytes, _words, doubles, at) => doubles[at >> 3],
  put: (_bytes, _words, doubles, at, value) => {
    doubles[at >> 3] = value
  },
}

export const F32: FixedKind = {
  description: 'f32',
  bytes: 4,
  align: 4,
  size: undefined,
  accepts: isNumber,
  get: (_bytes, words, _doubles, at) => {
    aliasWords[0] = words[at >> 2]!
    return aliasFloats[0]
  },
  put: (_bytes, words, _doubles, at, value) => {
    aliasFloats[0] = value
    words[at >> 2] = aliasWords[0]!
  },
}

export const I32: FixedKind = {
  description: 'i32',
  bytes: 4,
  align: 4,
  size: undefined,
  accepts: (value) => typeof value === 'number' && (value | 0) === value,
  get: (_bytes, words, _doubles, at) => words[at >> 2],
  put: (_bytes, words, _doubles, at, value) => {
    words[at >> 2] = value
  },
}

export const U32: FixedKind = {
  description: 'u32',
  bytes: 4,
  align: 4,
  size: undefined,
  accepts: (value) => typeof value === 'number' && value >>> 0 === value,
  get: (_bytes, words, _doubles, at) => words[at >> 2]! >>> 0,
  put: (_bytes, words, _doubles, at, value) => {
    words[at >> 2] = value
  },
}

export const I16: FixedKind = {
  description: 'i16',
  bytes: 2,
  align: 2,
  size: undefined,
  accepts: (value) => typeof value === 'number' && (value << 16) >> 16 === value,
  get: (bytes, _words, _doubles, at) => ((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16,
  put: putShort,
}

export const U16: FixedKind = {
  description: 'u16',
  bytes: 2,
  align: 2,
  size: undefined,
  accepts: (value) => typeof value === 'number' && (value & 0xffff) === value,
  get: (bytes, _words, _doubles, at) => bytes[at]! | (bytes[at + 1]! << 8),
  put: putShort,
}

export const I8: FixedKind = {
  description: 'i8',
  bytes: 1,
  align: 1,
  size: undefined,
  accepts: (value) => typeof value === 'number' && (value << 24) >> 24 === value,
  get: (bytes, _words, _doubles, at) => (bytes[at]! << 24) >> 24,
  put: putByte,
}

export const U8: FixedKind = {
  description: 'u8',
  bytes: 1,
  align: 1,
  size: undefined,
  accepts: (value) => typeof value === 'number' && (value & 0xff) === value,
  get: (bytes, _words, _doubles, at) => bytes[at],
  put: putByte,
}

export const I64: FixedKind = {
  description: 'i64',
  bytes: 8,
  align: 8,
  size: undefined,
  accepts: (value) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  get: (_bytes, words, _doubles, at) => {
    loadAlias(words, at)
    return alias[0]
  },
  put: (_bytes, words, _doubles, at, value) => {
    alias[0] = value
    storeAlias(words, at)
  },
}

export const U64: FixedKind = {
  description: 'u64',
  bytes: 8,
  align: 8,
  size: undefined,
  accepts: (value) => typeof value === 'bigint' && BigInt.asUintN(64, value) === value,
  get: (_bytes, words, _doubles, at) => {
    loadAlias(words, at)
    return unsignedAlias[0]
  },
  put: (_bytes, words, _doubles, at, value) => {
    unsignedAlias[0] = value
    storeAlias(words, at)
  },
}

export const BOOL: FixedKind = {
  description: 'bool',
  bytes: 1,
  align: 1,
  size: undefined,
  accepts: (value) => value === true || value === false,
  get: (bytes, _words, _doubles, at) => bytes[at] !== 0,
  put: (bytes, _words, _doubles, at, value) => {
    bytes[at] = value ? 1 : 0
  },
}

function putShort(
  bytes: Uint8Array,
  _words: Int32Array,
  _doubles: Float64Array,
  at: number,
  value: number,
): void {
  bytes[at] = value
  bytes[at + 1] = value >> 8
}

function putByte(
  bytes: Uint8Array,
  _words: Int32Array,
  _doubles: Float64Array,
  at: number,
  value: number,
): void {
  bytes[at] = value
}

function loadAlias(words: Int32Array, at: number): void {
  aliasWords[0] = words[at >> 2]!
  aliasWords[1] = words[(at >> 2) + 1]!
}

function storeAlias(words: Int32Array, at: number): void {
  words[at >> 2] = aliasWords[0]!
  words[(at >> 2) + 1] = aliasWords[1]!
}
