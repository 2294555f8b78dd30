import { ThreadBlocks } from '../lane/blocks.ts'
import type { SharedMap } from '../lane/map.ts'
import type { Waits } from '../lane/waits.ts'
import { TopicTable } from '../topic/topic-table.ts'
import { PoolRoutes } from './pool-routes.ts'
import { Requests } from './requests.ts'
import { Runs } from './runs.ts'
import { TopicEncoders } from './topic-encoders.ts'

/** What all publishers of one thread share. */
export type PublisherParts = {
  readonly map: SharedMap
  readonly topics: TopicTable
  readonly routes: PoolRoutes
  readonly waits: Waits
  readonly blocks: ThreadBlocks
  readonly requests: Requests
  readonly runs: Runs
  readonly encoders: TopicEncoders
}

/** One set for each thread. */
export function publisherParts(map: SharedMap, thread: number, waits: Waits): PublisherParts {
  const blocks = new ThreadBlocks(map, thread)
  return {
    map,
    topics: new TopicTable(map.topics, map.shape.maxTopics),
    routes: new PoolRoutes(map),
    waits,
    blocks,
    requests: new Requests(map, thread, waits, blocks),
    runs: new Runs(map, thread),
    encoders: new TopicEncoders(),
  }
}
