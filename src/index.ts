export type { DeadLetter } from './dispatch/failure.ts'
export type {
  EventOf,
  HandlerContext,
  HandlerFunction,
  HandlerMap,
  HandlerObject,
} from './dispatch/handlers.ts'
export { defineHandlers } from './dispatch/handlers.ts'
export type { HookWorker, ModuleHooks } from './dispatch/hooks.ts'
export { type AttachedPublisher, attach, type ConnectionHandle } from './engine/connection.ts'
export type { DeadLetters, KeptLetter } from './engine/dead-letters.ts'
export { type CloseReport, createEngine, type Engine, type EngineStats } from './engine/engine.ts'
export type { HandlerStats } from './engine/handler-stats.ts'
export type { Ledger } from './engine/ledger.ts'
export type { HandlerModules } from './engine/modules.ts'
export type { EngineOptions } from './engine/options.ts'
export type { PoolOptions } from './engine/pools.ts'
export type { Workers } from './engine/workers.ts'
export {
  BreakerOpenError,
  CapabilityError,
  ClosedError,
  DecodeError,
  EncodeError,
  type EventTrace,
  FullError,
  HandlerError,
  HandlerLoadError,
  InvalidEventError,
  MillraceError,
  OptionsError,
  PatternError,
  StoreError,
  StuckError,
  TimeoutError,
  UnansweredError,
  WorkerDiedError,
} from './errors.ts'
export type { Block } from './event/block.ts'
export type { MillraceEvent } from './event/event.ts'
export type { EventSource } from './event/extras.ts'
export type { CloudEvent, EventJSON } from './event/formats.ts'
export type { Policy } from './event/policy.ts'
export type { Priority } from './event/priority.ts'
export type {
  EventInput,
  EventMap,
  Publishing,
  PublishOptions,
  RequestManyOptions,
  RequestOptions,
  SendOptions,
  TopicHandle,
} from './event/publishing.ts'
export {
  bool,
  bytes,
  type Field,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  type OptionalField,
  oneOf,
  optional,
  str,
  u8,
  u16,
  u32,
  u64,
} from './event/struct/field.ts'
export { Struct, type StructData, struct } from './event/struct/struct.ts'
export type { FailureError } from './event/thrown.ts'
export type { DropNotice, LevelNotice } from './lane/notices.ts'
export type {
  ReceiveOptions,
  SubscribeOptions,
  Subscription,
  SubscriptionStats,
} from './subscribe/subscription.ts'
export { matches } from './topic/matcher.ts'
export { type Pattern, prefix, regex } from './topic/pattern.ts'
