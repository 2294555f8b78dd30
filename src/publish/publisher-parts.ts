import { EventOrigins } from '../event/origins.ts'
import { ThreadBlocks } from '../lane/blocks.ts'
import type { SharedMap } from '../lane/map.ts'
import { TopicStructs } from '../lane/topic-structs.ts'
import type { Waits } from '../lane/waits.ts'
import { TopicTable } from '../topic/topic-table.ts'
import { PoolRoutes } from './pool-routes.ts'
import { Requests } from './requests.ts'
import { Runs } from './runs.ts'
import { TopicFormats } from './topic-formats.ts'

/** What all publishers of one thread share. */
export type PublisherParts = {
  readonly map: SharedMap
  readonly topics: TopicTable
  readonly routes: PoolRoutes
  readonly waits: Waits
  readonly blocks: ThreadBlocks
  readonly requests: Requests
  readonly runs: Runs
  readonly formats: TopicFormats
  /** How what comes to this thread is read. */
  readonly origins: EventOrigins
}

/** One set for each thread. */
export function publisherParts(map: SharedMap, thread: number, waits: Waits): PublisherParts {
  const blocks = new ThreadBlocks(map, thread)
  const topics = new TopicTable(map.topics, map.shape.maxTopics)
  const structs = new TopicStructs(map.structs)
  return {
    map,
    topics,
    routes: new PoolRoutes(map),
    waits,
    blocks,
    requests: new Requests(map, thread, waits, blocks, structs),
    runs: new Runs(map, thread),
    formats: new TopicFormats(structs),
    origins: new EventOrigins(map.engineId, topics, structs),
  }
}
