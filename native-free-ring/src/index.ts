export {
  allocateBlocks,
  Blocks,
  type BlocksPlace,
  FREE,
  MAX_OWNER,
  MAX_STAMP,
  NO_BLOCK,
  PAGE_BYTES,
  pagesOf,
} from './blocks.ts'
export { COUNTER_WORDS, Counters, readCounter, storeCounter } from './counters.ts'
export { RingGauge } from './gauge.ts'
export { type LatestCounts, LatestGauge } from './latest-gauge.ts'
export { allocateLatest, type LatestPlace, latestBytes } from './latest-place.ts'
export { LatestReader } from './latest-reader.ts'
export { LatestWriter } from './latest-writer.ts'
export {
  allocateRing,
  CONTROL_BYTES,
  MAX_CAPACITY,
  MAX_READER_COUNTERS,
  MIN_CAPACITY,
  maxPayloadBytes,
  RECORD_HEADER_BYTES,
  type RingPlace,
  recordBytes,
  resetRing,
} from './layout.ts'
export { giveBackLease, leaseHolder, revokeLease, takeLease } from './lease.ts'
export { type LossyCounts, LossyGauge } from './lossy-gauge.ts'
export { allocateLossy, type LossyPlace, lossyBytes, resetLossy } from './lossy-place.ts'
export { LossyReader } from './lossy-reader.ts'
export { LossyWriter } from './lossy-writer.ts'
export { allocateShared, wordsOf } from './memory.ts'
export { isParked, PARK_BOUND_MS, Parking, pause, wake } from './parking.ts'
export { EMPTY, RingReader } from './reader.ts'
export {
  MAX_RECENT_BYTES,
  type RecentPlace,
  RecentSet,
  recentEntryBytes,
  recentSetBytes,
} from './recent-set.ts'
export { Relay, type RelayPlace } from './relay.ts'
export { type RelayCounts, RelayGauge } from './relay-gauge.ts'
export {
  allocateTickets,
  closeTickets,
  isOpen,
  NO_TICKET,
  type Ticket,
  type TicketPlace,
  Tickets,
  ticketBytes,
  ticketWords,
} from './tickets.ts'
export { FULL, RingWriter } from './writer.ts'
