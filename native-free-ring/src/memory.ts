/**
 * Shared memory, all zeroes, that costs address space at first: the system commits a page when it is touched.
 *
 * A SharedArrayBuffer that could grow is mapped by the page; one that can't comes from the heap of the C library,
 * which clears up to 128 KiB of it at once. This one can't grow either: its limit is its length.
 */
export function allocateShared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes, { maxByteLength: bytes })
}
