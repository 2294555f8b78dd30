import type { Program, RingModule, Scenario } from '../explorer.ts'
import { traceOnly } from '../traced.ts'

const ME = 8
const QUEUED = 1
const HELD = 2
const OTHER = 14
/** Words beside the allocator's own: where the block is that was passed on, whether more will come, and one for each page. */
const PASSED = 0
const OVER = 1
const PAGES = 8

const bytesOf = (pages: number): number => pages * 65_536

/**
 * One thread allocates a block and passes it to another, which frees it; a third may allocate and free, too. Nobody ever has a page that
 * somebody else has; one may die, and in the end all pages are free, in one gap.
 *
 * With `twins`, the first allocates two at once, and frees the second itself.
 *
 * With a past, gaps were cut and joined before in other places, and the last of five pages is somebody else's.
 */
export function blocksScenario(
  { Blocks, allocateBlocks, NO_BLOCK }: RingModule,
  {
    pages,
    sizes,
    death = false,
    past = false,
    twins = false,
  }: { pages: number; sizes: readonly [number, number?]; death?: boolean; past?: boolean; twins?: boolean },
): Scenario {
  const place = allocateBlocks(pages)
  const words = new SharedArrayBuffer(4 * (PAGES + pages))
  traceOnly(place.control, words)
  const make = (holder: number) => () => ({
    blocks: new Blocks(place, holder, () => {}, 1),
    words: new Int32Array(words, 0, PAGES + pages),
    page: -1,
    stamp: 0,
    tries: 0,
  })
  type Self = ReturnType<ReturnType<typeof make>>
  const fill = ({ words, page }: Self, count: number, by: number): void => {
    for (let i = page; i < page + count; i++) words[PAGES + i] = by
  }
  const expectFilled = ({ words, page }: Self, count: number, by: number): void => {
    for (let i = page; i < page + count; i++)
      if (words[PAGES + i] !== by) throw new Error(`page ${i} has ${words[PAGES + i]}, not ${by}`)
  }
  const allocate = (self: Self, count: number, owner: number, blocksOfIt = 1): boolean => {
    const { blocks } = self
    self.page = blocks.allocate(bytesOf(count), owner, pages, blocksOfIt)
    if (self.page === NO_BLOCK) return false
    self.stamp = blocks.stampOf(self.page)
    return true
  }
  const [first, second] = sizes
  const programs: Program<Self>[] = [
    {
      name: 'giver',
      make: make(ME),
      mortal: death,
      phases: [
        (self) => (allocate(self, first, ME, twins ? 2 : 1) ? 1 : ++self.tries < 2 ? 0 : 2),
        (self) => {
          fill(self, first, ME)
          Atomics.store(self.words, PASSED, (self.stamp << 8) | (self.page + 1))
          // The record is committed: from here on it may be read, and the block taken.
          self.blocks.pass(self.page, self.stamp, ME, QUEUED)
          if (!twins) return
          const twin = self.page + first
          if (!self.blocks.free(twin, self.blocks.stampOf(twin), ME))
            throw new Error('there is one block only')
        },
        (self) => void Atomics.store(self.words, OVER, 1),
      ],
    },
    {
      name: 'taker',
      make: make(10),
      phases: [
        (self) => {
          const isOver = Atomics.load(self.words, OVER) === 1
          const passed = Atomics.load(self.words, PASSED)
          if (passed === 0) return isOver ? 3 : 0
          self.page = (passed & 0xff) - 1
          self.stamp = passed >> 8
        },
        ({ blocks, page, stamp }) =>
          blocks.pass(page, stamp, ME, HELD) || blocks.pass(page, stamp, QUEUED, HELD) ? 2 : 3,
        (self) => {
          expectFilled(self, first, ME)
          if (!self.blocks.free(self.page, self.stamp, HELD)) throw new Error('it was held, and is gone')
          // As one does who finds the record marked.
          if (self.blocks.free(self.page, self.stamp, HELD)) throw new Error('it was freed twice')
        },
      ],
    },
  ]
  if (second !== undefined) {
    programs.push({
      name: 'other',
      make: make(11),
      phases: [
        (self) => (allocate(self, second, HELD) ? 1 : ++self.tries < 2 ? 0 : 3),
        (self) => fill(self, second, 11),
        (self) => {
          expectFilled(self, second, 11)
          if (!self.blocks.free(self.page, self.stamp, HELD)) throw new Error('it is gone')
        },
      ],
    })
  }
  if (death) {
    programs.push({
      name: 'supervisor',
      after: 'giver',
      make: make(12),
      phases: [
        ({ blocks, words }) => {
          blocks.revoke(ME)
          blocks.freeAll(ME)
          // Goes through all sizes, as the next who allocates would.
          blocks.usage()
          Atomics.store(words, OVER, 1)
        },
      ],
    })
  }
  const live = new Map(past ? [[OTHER, 1]] : [])
  return {
    name: `blocks: ${sizes.join(' and ')} of ${pages} pages${past ? ' with a past' : ''}${twins ? ', two at once' : ''}${death ? ', one dies' : ''}`,
    programs,
    prepare: () => {
      if (!past) return
      const blocks = new Blocks(place, 13, () => {})
      const take = (count: number, owner: number): number => blocks.allocate(bytesOf(count), owner)
      const old = [take(2, 1), take(3, 1)]
      for (const page of old) blocks.free(page, blocks.stampOf(page), 1)
      const whole = take(4, 1)
      take(1, OTHER)
      blocks.free(whole, blocks.stampOf(whole), 1)
    },
    check: () => {
      const blocks = new Blocks(place, 13, () => {})
      const usage = [...(blocks.usage() ?? [])].sort(([a], [b]) => a - b)
      const free = pages - [...live.values()].reduce((sum, count) => sum + count, 0)
      const expected = JSON.stringify([[0, free], ...live])
      if (JSON.stringify(usage) !== expected) throw new Error(`${JSON.stringify(usage)}, not ${expected}`)
      if (blocks.allocate(bytesOf(free), OTHER) !== 0) throw new Error('the pages are not one gap')
    },
  }
}

/** One thread has the only page, and frees it, or keeps two of three; another waits for room until it gets some. */
export function roomScenario(
  { Blocks, allocateBlocks, NO_BLOCK, Parking, wake }: RingModule,
  { keeps }: { keeps: boolean },
): Scenario {
  const place = allocateBlocks(keeps ? 3 : 1)
  const words = new SharedArrayBuffer(16)
  traceOnly(place.control, words)
  const make = (holder: number) => () => {
    const control: Int32Array = new Int32Array(words, 0, 4)
    const onRoom = (): void => void wake(control, 0)
    return {
      blocks: new Blocks(place, holder, onRoom, 1),
      control,
      parking: new Parking(control, 0),
      page: -1,
      told: 0,
    }
  }
  type Self = ReturnType<ReturnType<typeof make>>
  const programs: Program<Self>[] = [
    {
      name: 'holder',
      make: make(ME),
      phases: [
        (self) => {
          self.page = self.blocks.allocate(1, ME)
          if (keeps) self.blocks.allocate(1, ME)
          return self.page === NO_BLOCK || keeps ? 2 : 1
        },
        ({ blocks, page }) => void blocks.free(page, blocks.stampOf(page), ME),
      ],
    },
    {
      name: 'waiter',
      make: make(9),
      phases: [
        ({ blocks }) => (blocks.allocate(1, OTHER) === NO_BLOCK ? 1 : 4),
        (self) => {
          self.told = self.blocks.want()
        },
        ({ blocks }) => (blocks.allocate(1, OTHER) === NO_BLOCK ? 3 : 4),
        ({ blocks, parking, told }) => {
          parking.block(() => blocks.wasTold(told))
          return blocks.wasTold(told) ? 0 : 3
        },
      ],
    },
  ]
  return {
    name: `blocks: one waits for ${keeps ? 'the lease' : 'room'}`,
    programs,
    check: () => {
      if (new Blocks(place, 13, () => {}).usage()?.get(OTHER) !== 1) throw new Error('the waiter got nothing')
    },
  }
}

/**
 * One waits for a page until the second of two is freed. Another one wants the first, which is not, says that it waits, and does not: that must not
 * keep the first from looking again.
 */
export function sharesScenario({ Blocks, allocateBlocks, NO_BLOCK, Parking, wake }: RingModule): Scenario {
  const place = allocateBlocks(2)
  const words = new SharedArrayBuffer(16)
  traceOnly(place.control, words)
  const make = (holder: number) => () => {
    const control: Int32Array = new Int32Array(words, 0, 4)
    const onRoom = (): void => void wake(control, 0)
    return { blocks: new Blocks(place, holder, onRoom, 1), parking: new Parking(control, 0), told: 0 }
  }
  type Self = ReturnType<ReturnType<typeof make>>
  const programs: Program<Self>[] = [
    {
      name: 'waiter',
      make: make(8),
      phases: [
        (self) => {
          self.told = self.blocks.want()
        },
        ({ blocks }) => (blocks.allocate(1, 8) === NO_BLOCK ? 2 : 3),
        ({ blocks, parking, told }) => {
          parking.block(() => blocks.wasTold(told))
          return blocks.wasTold(told) ? 0 : 2
        },
      ],
    },
    {
      name: 'other',
      make: make(9),
      phases: [
        ({ blocks }) => {
          blocks.want()
          if (blocks.allocate(1, 9, 1) !== NO_BLOCK) throw new Error('the first page is not free')
        },
      ],
    },
    {
      name: 'releaser',
      make: make(10),
      phases: [({ blocks }) => void blocks.free(1, blocks.stampOf(1), OTHER)],
    },
  ]
  return {
    name: 'blocks: two want different pages',
    prepare: () => {
      const blocks = new Blocks(place, 13, () => {})
      blocks.allocate(1, QUEUED)
      blocks.allocate(1, OTHER)
    },
    programs,
    check: () => {
      if (new Blocks(place, 13, () => {}).usage()?.get(8) !== 1) throw new Error('the waiter got nothing')
    },
  }
}
