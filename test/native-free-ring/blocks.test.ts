import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocateBlocks, Blocks, FREE, NO_BLOCK, PAGE_BYTES } from '../../native-free-ring/src/index.ts'

const ME = 8
const YOU = 9

function open(pages: number): Blocks {
  return new Blocks(allocateBlocks(pages), 1, () => {})
}

test('a block is as large as asked for, and its own', () => {
  const blocks = open(4)
  const one = blocks.allocate(PAGE_BYTES + 1, ME)
  const other = blocks.allocate(0, YOU)
  expect([one, other]).toEqual([0, 2])
  expect(blocks.allocate(2 * PAGE_BYTES, ME)).toBe(NO_BLOCK)
  expect(blocks.usage()).toEqual(
    new Map([
      [ME, 2],
      [YOU, 1],
      [FREE, 1],
    ]),
  )
  expect(blocks.bytes).toHaveLength(4 * PAGE_BYTES)
})

test('more than there is never fits', () => {
  expect(open(4).allocate(4 * PAGE_BYTES + 1, ME)).toBe(NO_BLOCK)
})

test('only its owner passes it on, or frees it, and only once', () => {
  const blocks = open(1)
  const page = blocks.allocate(1, ME)
  const stamp = blocks.stampOf(page)
  expect(blocks.pass(page, stamp, YOU, ME)).toBe(false)
  expect(blocks.pass(page, stamp, ME, YOU)).toBe(true)
  expect(blocks.ownerOf(page, stamp)).toBe(YOU)
  expect(blocks.free(page, stamp, ME)).toBe(false)
  expect(blocks.free(page, stamp, YOU)).toBe(true)
  expect(blocks.free(page, stamp, YOU)).toBe(false)
  expect(blocks.ownerOf(page, stamp)).toBe(FREE)
})

test('a stamp names one block, not the next in its place', () => {
  const blocks = open(1)
  const old = blocks.stampOf(blocks.allocate(1, ME))
  blocks.free(0, old, ME)
  blocks.allocate(1, ME)
  expect(blocks.ownerOf(0, old)).toBe(FREE)
  expect(blocks.free(0, old, ME)).toBe(false)
})

test('stamps begin anew after 2^20 blocks', () => {
  const blocks = open(1)
  for (let i = 0; i < 2 ** 20 + 2; i++) {
    const page = blocks.allocate(1, ME)
    if (!blocks.free(page, blocks.stampOf(page), ME)) throw new Error(`block ${i} was not freed`)
  }
  expect(blocks.usage()).toEqual(new Map([[FREE, 1]]))
})

test('all that one owner has is freed at once', () => {
  const blocks = open(8)
  for (const owner of [ME, YOU, ME]) blocks.allocate(2 * PAGE_BYTES, owner)
  expect(blocks.freeAll(ME)).toBe(2)
  expect(blocks.usage()).toEqual(
    new Map([
      [FREE, 6],
      [YOU, 2],
    ]),
  )
})

test('who waits for room is told once, by whoever frees a block', () => {
  let told = 0
  const blocks = new Blocks(allocateBlocks(2), 1, () => told++)
  const pages = [blocks.allocate(1, ME), blocks.allocate(1, ME)]
  const before = blocks.want()
  expect(blocks.wasTold(before)).toBe(false)
  for (const page of pages) blocks.free(page, blocks.stampOf(page), ME)
  expect(blocks.wasTold(before)).toBe(true)
  expect(blocks.wasTold(blocks.want())).toBe(false)
  expect(told).toBe(1)
})

test('an allocation while a thread that died had the lease fails; once it is revoked, others go on', () => {
  const place = allocateBlocks(2)
  const dead = new Blocks(place, 7, () => {})
  // It dies in the middle of an allocation.
  Object.defineProperty(dead, 'find', {
    value: () => {
      throw new Error('dies')
    },
  })
  expect(() => dead.allocate(1, ME)).toThrow('dies')
  const blocks = new Blocks(place, 1, () => {})
  expect(blocks.allocate(1, ME)).toBe(NO_BLOCK)
  expect(blocks.usage()).toBeUndefined()
  blocks.revoke(6)
  expect(blocks.allocate(1, ME)).toBe(NO_BLOCK)
  blocks.revoke(7)
  expect(blocks.allocate(1, ME)).toBe(0)
})

/** What an array of pages says: who owns each, the first gap first. */
test('allocates and frees as an array of pages does', () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant('allocate' as const), pages: fc.integer({ min: 1, max: 7 }) }),
    fc.record({ kind: fc.constant('free' as const), which: fc.nat() }),
  )
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
      const blocks = open(16)
      const model = new Array<number>(16).fill(0)
      const live: { page: number; stamp: number; pages: number; id: number }[] = []
      let next = 1
      for (const step of operations) {
        if (step.kind === 'free') {
          if (live.length === 0) continue
          const [block] = live.splice(step.which % live.length, 1)
          expect(blocks.free(block!.page, block!.stamp, ME)).toBe(true)
          model.fill(0, block!.page, block!.page + block!.pages)
          continue
        }
        const { pages } = step
        const expected = model.findIndex((_, at) => {
          const gap = model.slice(at, at + pages)
          return gap.length === pages && gap.every((owner) => owner === 0)
        })
        const page = blocks.allocate(pages * PAGE_BYTES, ME)
        expect(page).toBe(expected)
        if (page === NO_BLOCK) continue
        live.push({ page, stamp: blocks.stampOf(page), pages, id: next })
        model.fill(next++, page, page + pages)
      }
      const free = model.filter((owner) => owner === 0).length
      expect(blocks.usage()?.get(FREE) ?? 0).toBe(free)
    }),
    { numRuns: 300 },
  )
})
