import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEngine, type Engine, matches, type Policy, type Subscription } from '../../src/index.ts'
import { memoryStore } from '../../src/store/index.ts'

/**
 * Any commands, against a model of the engine that is a few arrays. All events have one key: so there is one order, and what a full
 * mailbox does without is known exactly.
 */
const handlers = new URL('../fixtures/half.ts', import.meta.url)
const TOPICS = ['a', 'a.b', 'a.c', 'b.c', 'fails.a', 'nobody.b'] as const
const PATTERNS = ['a.*', 'a.b', '{a,b}.c', '*.?', 'fails.**'] as const
const POLICIES = ['drop-oldest', 'drop-newest', 'coalesce', 'reject', 'spill'] as const

type Event = { type: string; data: number }

class Mailbox {
  queue: Event[] = []
  matched = 0
  received = 0
  dropped = 0
  deadLettered = 0
  readonly pattern: string
  readonly policy: (typeof POLICIES)[number]
  readonly capacity: number

  constructor(pattern: string, policy: (typeof POLICIES)[number], capacity: number) {
    this.pattern = pattern
    this.policy = policy
    this.capacity = capacity
  }

  /** Whether the event goes on; if not, it is a dead letter. */
  offer(event: Event): boolean {
    this.matched++
    if (this.policy === 'coalesce') {
      // One key: the latest stays.
      this.dropped += this.queue.length
      this.queue = [event]
      return true
    }
    if (this.queue.length < this.capacity || this.policy === 'spill') this.queue.push(event)
    else if (this.policy === 'reject') {
      this.deadLettered++
      return false
    } else {
      this.dropped++
      if (this.policy === 'drop-oldest') this.queue = [...this.queue.slice(1), event]
    }
    return true
  }
}

class Model {
  mailboxes: (Mailbox | undefined)[] = []
  next = 0
  accepted = 0
  completed = 0
  unmatched = 0
  deadLettered = 0

  publish(event: Event): void {
    this.accepted++
    const open = this.mailboxes.filter(
      (mailbox) => mailbox !== undefined && matches(mailbox.pattern, event.type),
    )
    const isHandled = event.type.startsWith('a') || event.type.startsWith('fails')
    if (open.length === 0 && !isHandled) {
      this.unmatched++
      return
    }
    let succeeded = !event.type.startsWith('fails')
    for (const mailbox of open) if (!mailbox!.offer(event)) succeeded = false
    if (succeeded) this.completed++
    else this.deadLettered++
  }
}

type Real = { engine: Engine; subscriptions: (Subscription | undefined)[] }
type Command = fc.AsyncCommand<Model, Real>

class Publish implements Command {
  readonly types: readonly string[]
  readonly how: 'publish' | 'send' | 'batch'
  readonly policy: Policy
  constructor(types: readonly string[], how: 'publish' | 'send' | 'batch', policy: Policy) {
    this.types = types
    this.how = how
    this.policy = policy
  }
  check = () => true
  async run(model: Model, { engine }: Real): Promise<void> {
    const events = this.types.map((type) => ({ type, data: model.next++ }))
    const inputs = events.map((event) => ({ ...event, key: 'k', onFull: this.policy }))
    if (this.how === 'batch') await engine.sendBatch(inputs)
    else if (this.how === 'send') for (const input of inputs) await engine.send(input)
    else for (const input of inputs) expect(engine.publish(input)).toBe(true)
    for (const event of events) model.publish(event)
    // What other policies overwrite has an order of its own.
    await engine.drain()
  }
  toString = () => `${this.how}(${this.types.join()}, ${String(this.policy)})`
}

class Subscribe implements Command {
  readonly pattern: string
  readonly policy: (typeof POLICIES)[number]
  readonly capacity: number
  constructor(pattern: string, policy: (typeof POLICIES)[number], capacity: number) {
    this.pattern = pattern
    this.policy = policy
    this.capacity = capacity
  }
  check = () => true
  async run(model: Model, { engine, subscriptions }: Real): Promise<void> {
    const { pattern, policy, capacity } = this
    subscriptions.push(engine.subscribe(pattern, { onFull: policy, capacity }))
    model.mailboxes.push(new Mailbox(pattern, policy, capacity))
  }
  toString = () => `subscribe(${this.pattern}, ${this.policy}, ${this.capacity})`
}

class Unsubscribe implements Command {
  readonly index: number
  constructor(index: number) {
    this.index = index
  }
  check = (model: Model) => model.mailboxes[this.index] !== undefined
  async run(model: Model, { subscriptions }: Real): Promise<void> {
    subscriptions[this.index]!.unsubscribe()
    model.mailboxes[this.index] = undefined
  }
  toString = () => `unsubscribe(${this.index})`
}

class Receive implements Command {
  readonly index: number
  readonly max: number
  constructor(index: number, max: number) {
    this.index = index
    this.max = max
  }
  check = (model: Model) => (model.mailboxes[this.index]?.queue.length ?? 0) > 0
  async run(model: Model, { subscriptions }: Real): Promise<void> {
    const mailbox = model.mailboxes[this.index]!
    const expected = mailbox.queue.splice(0, this.max)
    const got: Event[] = []
    // What has spilled may come in pieces.
    while (got.length < expected.length) {
      const events = await subscriptions[this.index]!.receiveBatch({
        max: expected.length - got.length,
        timeoutMs: 5_000,
      })
      expect(events.length).toBeGreaterThan(0)
      for (const { type, data } of events) got.push({ type, data: data as number })
    }
    expect(got).toEqual(expected)
    mailbox.received += expected.length
  }
  toString = () => `receive(${this.index}, ${this.max})`
}

class Look implements Command {
  check = () => true
  async run(model: Model, { engine, subscriptions }: Real): Promise<void> {
    const { accepted, completed, unmatched, deadLettered } = model
    const ledger = {
      accepted,
      completed,
      unmatched,
      deadLettered,
      dropped: 0,
      expired: 0,
      pending: 0,
      balanced: true,
    }
    expect(engine.stats()).toMatchObject(ledger)
    model.mailboxes.forEach((mailbox, index) => {
      if (mailbox === undefined) return
      const { matched, received, dropped, deadLettered, queue } = mailbox
      const queued = queue.length
      expect(subscriptions[index]!.stats()).toMatchObject({
        matched,
        received,
        dropped,
        deadLettered,
        queued,
      })
    })
  }
  toString = () => 'look'
}

const commands = fc.commands(
  [
    fc
      .tuple(
        fc.array(fc.constantFrom(...TOPICS), { minLength: 1, maxLength: 12 }),
        fc.constantFrom('publish', 'send', 'batch'),
        fc.constantFrom<Policy[]>('block', 'reject', 'drop-newest', 'spill'),
      )
      .map(([types, how, policy]) => new Publish(types, how, policy)),
    fc
      .tuple(fc.constantFrom(...PATTERNS), fc.constantFrom(...POLICIES), fc.integer({ min: 1, max: 8 }))
      .map(([pattern, policy, capacity]) => new Subscribe(pattern, policy, capacity)),
    fc.nat(5).map((index) => new Unsubscribe(index)),
    fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 10 })).map(([index, max]) => new Receive(index, max)),
    fc.constant(new Look()),
  ],
  { maxCommands: 60, size: 'max' },
)

test.each([
  [0, 400],
  [2, 20],
])('any commands do what a few arrays do (workers: %d)', { timeout: 120_000 }, async (workers, numRuns) => {
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      await using engine = await createEngine({
        workers,
        handlers,
        ringBytes: 4_096,
        store: memoryStore(),
        onError: () => {},
      })
      const real: Real = { engine, subscriptions: [] }
      await fc.asyncModelRun(() => ({ model: new Model(), real }), sequence)
    }),
    { numRuns },
  )
})
