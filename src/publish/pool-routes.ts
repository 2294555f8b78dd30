import { Bulletin } from '../lane/bulletin.ts'
import type { SharedMap } from '../lane/map.ts'
import { asksFor, isNotice } from '../lane/notices.ts'
import { PatternIndex } from '../topic/matcher.ts'
import { TopicMap } from '../topic/topic-map.ts'

/** A handler's pattern, and the number of its pool. */
export type PatternPool = readonly [pattern: string, pool: number]

/** Where events go whose topic has no handler. */
const FIRST_POOL: readonly number[] = [0]

/** Pools of topics that have no id are kept up to this many, the oldest forgotten first. */
const MAX_TEXT_TOPICS = 4_096

/** From topics to the pools that have a handler for them, the leading one first (decision 21). */
export class PoolRoutes {
  private readonly bulletin: Bulletin
  private readonly isSingle: boolean
  private version = 0
  private patterns = new PatternIndex<PatternPool>()
  private readonly byId = new TopicMap<readonly number[]>()
  private readonly byText = new Map<string, readonly number[]>()

  constructor({ routes, shape }: SharedMap) {
    this.bulletin = new Bulletin(routes)
    this.isSingle = shape.pools.length === 1
  }

  /** Of a topic and its id, or 0. */
  poolsOf(topic: string, topicId: number): readonly number[] {
    if (this.isSingle) return FIRST_POOL
    if (this.bulletin.version !== this.version) this.follow()
    if (topicId === 0) return this.byText.get(topic) ?? this.resolveText(topic)
    return this.byId.get(topicId) ?? this.resolveId(topic, topicId)
  }

  private follow(): void {
    const { version, text } = this.bulletin.read()
    this.patterns = new PatternIndex()
    for (const entry of JSON.parse(text) as PatternPool[]) this.patterns.add(entry[0], entry)
    this.byId.clear()
    this.byText.clear()
    this.version = version
  }

  private resolveId(topic: string, topicId: number): readonly number[] {
    const pools = this.resolve(topic)
    this.byId.set(topicId, pools)
    return pools
  }

  private resolveText(topic: string): readonly number[] {
    if (this.byText.size >= MAX_TEXT_TOPICS) this.byText.delete(this.byText.keys().next().value!)
    const pools = this.resolve(topic)
    this.byText.set(topic, pools)
    return pools
  }

  private resolve(topic: string): readonly number[] {
    let matching = this.patterns.match(topic)
    if (isNotice(topic)) matching = matching.filter(([pattern]) => asksFor([pattern], topic))
    const pools = [...new Set(matching.map(([, pool]) => pool))]
    return pools.length === 0 ? FIRST_POOL : pools
  }
}
