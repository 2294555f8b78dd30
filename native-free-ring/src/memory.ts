/**
 * Shared memory, all zeroes, that costs address space at first: the system commits a page when it is touched.
 *
 * A SharedArrayBuffer that could grow is mapped by the page; one that can't comes from the heap of the C library,
 * which clears up to 128 KiB of it at once. This one can't grow either: its limit is its length.
 */
export function allocateShared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes, { maxByteLength: bytes })
}

/**
 * The words of shared memory, from its start to its end.
 *
 * Not `new Int32Array(buffer)`: of a buffer that could grow, that follows its length, and plain accesses through it take
 * several times as long.
 */
export function wordsOf(buffer: SharedArrayBuffer): Int32Array {
  return new Int32Array(buffer, 0, buffer.byteLength / 4)
}
