import { describe, expectTypeOf, test } from 'vitest'
import {
  type AttachedPublisher,
  type DeadLetter,
  defineHandlers,
  type Engine,
  type EventInput,
  type HandlerContext,
  type MillraceEvent,
  prefix,
  type Subscription,
} from '../../src/index.ts'

type Events = {
  'image.uploaded': { path: string }
  'image.resized': { width: number }
  'tick.passed': undefined
  'note.made': string | undefined
}

type Uploaded = MillraceEvent<'image.uploaded', { path: string }>
type Resized = MillraceEvent<'image.resized', { width: number }>

/** Never called: the compiler reads it. */
declare const engine: Engine<Events>
declare const attached: AttachedPublisher<Events>
const unread = (_: () => unknown) => {}

describe('subscribing', () => {
  test('the notices of the engine are typed in any engine', () => {
    unread(() => {
      const sub = engine.subscribe('millrace.dead-letter')
      expectTypeOf(sub).toEqualTypeOf<Subscription<MillraceEvent<'millrace.dead-letter', DeadLetter>>>()
    })
    defineHandlers<Events>({
      'millrace.dead-letter': (event) => expectTypeOf(event.data).toEqualTypeOf<DeadLetter>(),
    })
  })

  test('a pattern that matches nothing does not compile', () => {
    // @ts-expect-error: there is no event of this name
    unread(() => engine.subscribe('image.uploadd'))
    // @ts-expect-error: none that begins so
    unread(() => engine.subscribe('imge.*'))
    // @ts-expect-error: the second of the list
    unread(() => engine.subscribe(['image.*', 'imge.*']))
    // @ts-expect-error: the engine has no such notice
    unread(() => engine.subscribe('millrace.dead-leter'))
  })
})

describe('publishing', () => {
  test('a topic and its payload', () => {
    unread(() => engine.publish('image.uploaded', { path: '/a' }, { key: 'k' }))
    unread(() => engine.publish({ type: 'image.resized', data: { width: 1 }, key: 'k' }))
    unread(() => engine.publish('tick.passed'))
    unread(() => engine.publish('tick.passed', undefined, { key: 'k' }))
    unread(() => engine.publish('note.made'))
    expectTypeOf<ReturnType<typeof engine.publish>>().toEqualTypeOf<boolean>()
  })

  test('what does not compile', () => {
    // @ts-expect-error: there is no event of this name
    unread(() => engine.publish('image.uploadd', { path: '/a' }))
    // @ts-expect-error: the payload of another event
    unread(() => engine.publish('image.uploaded', { width: 1 }))
    // @ts-expect-error: a field of the wrong type
    unread(() => engine.publish('image.uploaded', { path: 5 }))
    // @ts-expect-error: the payload is missing
    unread(() => engine.publish('image.uploaded'))
    // @ts-expect-error: a payload where there is none
    unread(() => engine.publish('tick.passed', { at: 1 }))
    // @ts-expect-error: there is no such option
    unread(() => engine.publish('image.uploaded', { path: '/a' }, { kye: 'k' }))
    // @ts-expect-error: no policy
    unread(() => engine.publish('image.uploaded', { path: '/a' }, { onFull: 'newest' }))
    // @ts-expect-error: the data of a whole event is missing
    unread(() => engine.publish({ type: 'image.uploaded' }))
    // @ts-expect-error: type and data belong to different events
    unread(() => engine.publish({ type: 'image.uploaded', data: { width: 1 } }))
    // @ts-expect-error: only sends wait, so only they have a time
    unread(() => engine.publish('image.uploaded', { path: '/a' }, { timeoutMs: 5 }))
  })

  test('send, batches, handles and attached threads are as strict', () => {
    unread(() => engine.send('image.uploaded', { path: '/a' }, { timeoutMs: 5 }))
    unread(() => attached.publish('image.uploaded', { path: '/a' }))
    expectTypeOf<EventInput<Events>['type']>().toEqualTypeOf<keyof Events>()
    // @ts-expect-error: there is no event of this name
    unread(() => engine.send('image.uploadd', { path: '/a' }))
    // @ts-expect-error: the payload of another event, in a batch
    unread(() => engine.publishBatch([{ type: 'image.resized', data: { path: '/a' } }]))
    // @ts-expect-error: there is no event of this name to resolve
    unread(() => engine.topic('image.uploadd'))
    // @ts-expect-error: the payload of another event, by a handle
    unread(() => engine.topic('image.uploaded').publish({ width: 1 }))
    // @ts-expect-error: there is no event of this name for an attached thread either
    unread(() => attached.publish('image.uploadd', { path: '/a' }))
  })
})

describe('handlers', () => {
  test('each gets the event of its name, or of its pattern', () => {
    const handlers = defineHandlers<Events>({
      'image.uploaded': (event, ctx) => {
        expectTypeOf(event).toEqualTypeOf<Uploaded>()
        expectTypeOf(ctx).toEqualTypeOf<HandlerContext<Events>>()
        // @ts-expect-error: a context publishes the events of the map only
        unread(() => ctx.publish('image.uploadd', { path: '/a' }))
      },
      'image.*': { name: 'all', handle: (event) => expectTypeOf(event.type).toEqualTypeOf<keyof Events>() },
    })
    defineHandlers<Events>({ [prefix('image.')]: (event: MillraceEvent) => event.type })
    expectTypeOf(handlers).toBeObject()
  })

  test('what does not compile', () => {
    defineHandlers<Events>({
      // @ts-expect-error: neither an event nor a pattern
      'image.uploadd': () => {},
    })
    defineHandlers<Events>({
      // @ts-expect-error: a handler for the payload of another event
      'image.uploaded': (event: Resized) => event,
    })
    defineHandlers<Events>({
      // @ts-expect-error: an object without handle
      'image.uploaded': { name: 'x' },
    })
  })
})

describe('subscriptions', () => {
  const subscribed = {
    name: () => engine.subscribe('image.uploaded'),
    pattern: () => engine.subscribe('image.*'),
    list: () => engine.subscribe(['image.uploaded', 'image.resized']),
    unknown: () => engine.subscribe('image.{uploaded,resized}'),
  }

  test('a pattern narrows to the events that it matches', () => {
    expectTypeOf(subscribed.name).returns.toEqualTypeOf<Subscription<Uploaded>>()
    expectTypeOf(subscribed.pattern).returns.toEqualTypeOf<Subscription<Uploaded | Resized>>()
    expectTypeOf(subscribed.list).returns.toEqualTypeOf<Subscription<Uploaded | Resized>>()
    type Any = Awaited<ReturnType<ReturnType<typeof subscribed.unknown>['receive']>>
    expectTypeOf<NonNullable<Any>['type']>().toEqualTypeOf<keyof Events>()
  })

  test('the type of an event tells its data', () => {
    unread(async () => {
      const event = await subscribed.pattern().receive()
      expectTypeOf(event).toEqualTypeOf<Uploaded | Resized | undefined>()
      if (event?.type === 'image.uploaded') expectTypeOf(event.data).toEqualTypeOf<{ path: string }>()
      if (event?.type === 'image.resized') expectTypeOf(event.data).toEqualTypeOf<{ width: number }>()
      // @ts-expect-error: a field that only one of the two events has
      return event?.data.path
    })
  })

  test('filters get the same events', () => {
    unread(() => engine.subscribe('image.uploaded', { filter: (event) => event.data.path !== '' }))
    // @ts-expect-error: a field of another event
    unread(() => engine.subscribe('image.uploaded', { filter: (event) => event.data.width > 1 }))
    // @ts-expect-error: no policy
    unread(() => engine.subscribe('image.uploaded', { onFull: 'newest' }))
  })
})
