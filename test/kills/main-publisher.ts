import { setTimeout, setImmediate as turn } from 'node:timers/promises'
import { type Engine, FullError, MillraceError, type Policy, type PublishOptions } from '../../src/index.ts'
import { idOf, type Promises, priorityOf, typeOf } from './check.ts'
import type { KillEvents } from './handlers.ts'
import type { Entry, History } from './history.ts'
import type { Random } from './random.ts'

/** How full rings are when somebody dies. */
export const FILLS = ['empty', 'full', 'wrapping'] as const
export type Fill = (typeof FILLS)[number]

/** The number of this publisher in the history; those after it are others'. */
export const MAIN = 1
export const KEYS = 6
/** Nothing may take so long. */
export const STALL_MS = 20_000
const MAX_PENDING = 300

export function paddingOf(random: Random, fill: Fill): number {
  // Now and then too much for any ring.
  if (random.integer(0, 7) === 0) return random.integer(4_500, 70_000)
  return fill === 'wrapping' ? random.integer(80, 250) : random.integer(0, 60)
}

/** Publishes from the engine's thread, as the fill says, and writes down what it was told. */
export class MainPublisher {
  private readonly engine: Engine<KillEvents>
  private readonly history: History
  private readonly random: Random
  private readonly fill: Fill
  private readonly twice: boolean
  private readonly drops: boolean
  private readonly spills: boolean
  private number = 0
  /** Requests that were not answered yet. */
  private readonly asked = new Set<Promise<void>>()

  constructor(
    engine: Engine<KillEvents>,
    history: History,
    random: Random,
    fill: Fill,
    { delivery, drops, onFull }: Pick<Promises, 'delivery' | 'drops'> & { onFull: Policy },
  ) {
    this.drops = drops
    this.spills = onFull === 'spill'
    this.engine = engine
    this.history = history
    this.random = random
    this.fill = fill
    this.twice = delivery === 'effectively-once'
  }

  async publish(events: number): Promise<void> {
    // The store would take any number.
    if (this.spills) await this.notTooMany()
    if (this.asked.size > MAX_PENDING) await Promise.race(this.asked)
    for (let i = 0; i < events; i++) await this.publishOne()
    if (this.fill !== 'empty') {
      await turn()
      return
    }
    await this.engine.drain({ timeoutMs: 100 }).catch(() => {})
    // Long enough to park, now and then.
    if (this.random.integer(0, 3) === 0) await setTimeout(10)
  }

  private async notTooMany(): Promise<void> {
    for (const from = performance.now(); this.engine.stats().pending > MAX_PENDING; await setTimeout(5)) {
      if (performance.now() - from > STALL_MS) throw new Error(`No event was dealt with for ${STALL_MS} ms`)
    }
  }

  private async publishOne(): Promise<void> {
    const { engine, random } = this
    const number = this.number++
    if (random.integer(0, 15) === 0)
      engine.publish('kill.everywhere', number, { key: 'everywhere', onFull: 'drop-newest' })
    // Some without a key.
    const key = random.integer(-2, KEYS - 1)
    const data = {
      publisher: MAIN,
      key: Math.max(-1, key),
      number,
      turns: random.integer(0, 3),
      echo: random.integer(0, 3) === 0,
      padding: 'x'.repeat(paddingOf(random, this.fill)),
    }
    const options: PublishOptions & { id: string } = {
      priority: priorityOf(key),
      ...(key >= 0 && { key: `key-${key}` }),
      id: idOf({ publisher: MAIN, number }),
    }
    const isSent = random.integer(0, 1) === 0
    if (random.integer(0, 3) === 0) {
      // Requests are never dropped: where others may be, they go another way, and their order with those is not promised.
      if (this.drops && key >= 0) {
        data.key += KEYS
        options.key = `asked-${key}`
      }
      const asked = this.ask(data, options).finally(() => this.asked.delete(asked))
      this.asked.add(asked)
      return
    }
    this.write('publish', data)
    const accepted = await this.offer(() => {
      if (!isSent) return engine.publish(typeOf(number), data, options)
      return engine.send(typeOf(number), data, options).then(() => true)
    })
    this.write(accepted ? 'accept' : 'refuse', data)
    // As one who got no answer would.
    if (this.twice && accepted && random.integer(0, 3) === 0)
      await this.offer(() => engine.publish(typeOf(number), data, options))
  }

  /** Resolves when all requests were answered. */
  async answered(): Promise<void> {
    await Promise.all(this.asked)
  }

  private async ask(data: KillEvents['kill.event'], options: Omit<PublishOptions, 'onFull'>): Promise<void> {
    this.write('ask', data)
    try {
      const answer = await this.engine.request(typeOf(data.number), data, options)
      if (answer !== data.number) throw new RangeError(`Request ${data.number} was answered with ${answer}`)
      this.write('result', data)
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      this.write('error', data)
    }
  }

  /** Whether it was accepted. */
  private async offer(publish: () => boolean | Promise<boolean>): Promise<boolean> {
    try {
      return await publish()
    } catch (error) {
      if (error instanceof FullError) return false
      throw error
    }
  }

  private write(
    kind: Entry['kind'],
    { publisher, key, number }: { publisher: number; key: number; number: number },
  ): void {
    this.history.write({ kind, publisher, key, number, attempt: 0, thread: 0 })
  }
}
