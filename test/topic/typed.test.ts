import { expectTypeOf, test } from 'vitest'
import { type Pattern, prefix, regex } from '../../src/topic/pattern.ts'
import type { Matching, PatternKey } from '../../src/topic/typed.ts'

interface Events {
  error: { code: number }
  'image.uploaded': { path: string }
  'image.resized': { width: number }
  'agent.a.error': { reason: string }
  'agent.b.started'?: { at: number }
  agent: { count: number }
  7: { ignored: true }
}
type Name = 'error' | 'image.uploaded' | 'image.resized' | 'agent.a.error' | 'agent.b.started' | 'agent'
type Agent = 'agent' | 'agent.a.error' | 'agent.b.started'

test('a name, * and ** narrow to the events they match', () => {
  expectTypeOf<Matching<Events, 'image.uploaded'>>().toEqualTypeOf<'image.uploaded'>()
  expectTypeOf<Matching<Events, 'image.deleted'>>().toEqualTypeOf<never>()
  expectTypeOf<Matching<Events, 'image.*'>>().toEqualTypeOf<'image.uploaded' | 'image.resized'>()
  expectTypeOf<Matching<Events, '*.uploaded'>>().toEqualTypeOf<'image.uploaded'>()
  expectTypeOf<Matching<Events, '*'>>().toEqualTypeOf<'error' | 'agent'>()
  expectTypeOf<Matching<Events, '**'>>().toEqualTypeOf<Name>()
  expectTypeOf<Matching<Events, 'agent.**'>>().toEqualTypeOf<Agent>()
  expectTypeOf<Matching<Events, '**.error'>>().toEqualTypeOf<'error' | 'agent.a.error'>()
  expectTypeOf<Matching<Events, 'agent.**.error'>>().toEqualTypeOf<'agent.a.error'>()
  expectTypeOf<Matching<Events, 'image.**.**.uploaded'>>().toEqualTypeOf<'image.uploaded'>()
  expectTypeOf<Matching<Events, '**.a.**'>>().toEqualTypeOf<'agent.a.error'>()
  expectTypeOf<Matching<Events, '*.**.*'>>().toEqualTypeOf<Exclude<Name, 'error' | 'agent'>>()
})

test('a union of patterns gives the events of each', () => {
  expectTypeOf<Matching<Events, 'error' | 'image.*'>>().toEqualTypeOf<
    'error' | 'image.uploaded' | 'image.resized'
  >()
})

test('what the compiler can not tell gives all events', () => {
  expectTypeOf<Matching<Events, 'image.up*'>>().toEqualTypeOf<Name>()
  expectTypeOf<Matching<Events, 'image.?'>>().toEqualTypeOf<Name>()
  expectTypeOf<Matching<Events, '[ei]*.x'>>().toEqualTypeOf<Name>()
  expectTypeOf<Matching<Events, '{agent,image}.*'>>().toEqualTypeOf<Name>()
  expectTypeOf<Matching<Events, '*.{a.b,c}'>>().toEqualTypeOf<Name>()
  expectTypeOf<Matching<Events, string>>().toEqualTypeOf<Name>()
  expectTypeOf<Matching<Events, `image.${string}`>>().toEqualTypeOf<Name>()
  expectTypeOf<Matching<Events, Pattern>>().toEqualTypeOf<Name>()
})

test('events without declared names stay open', () => {
  expectTypeOf<Matching<Record<string, number>, 'a.*'>>().toEqualTypeOf<string>()
  expectTypeOf<Matching<Record<string, number>, 'a.?'>>().toEqualTypeOf<string>()
  expectTypeOf<Matching<Record<`user.${string}`, number>, 'user.a.b'>>().toEqualTypeOf<`user.${string}`>()
  expectTypeOf<Matching<{}, '**'>>().toEqualTypeOf<never>()
})

test('a long name stays within what the compiler follows', () => {
  type Long = 'a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z'
  expectTypeOf<Matching<Record<Long, 1>, 'a.**.m.*.o.**.z'>>().toEqualTypeOf<Long>()
  expectTypeOf<Matching<Record<Long, 1>, 'a.**.m.o.**.z'>>().toEqualTypeOf<never>()
})

test('a pattern key is told from a name, and can be a computed key', () => {
  expectTypeOf<'a.*'>().toExtend<PatternKey>()
  expectTypeOf<'{a,b}'>().toExtend<PatternKey>()
  expectTypeOf<'a?'>().toExtend<PatternKey>()
  expectTypeOf<'v[0-9]'>().toExtend<PatternKey>()
  expectTypeOf(prefix('a.')).toExtend<PatternKey>()
  expectTypeOf(regex(/a/)).toExtend<PatternKey>()
  expectTypeOf<'image.uploaded'>().not.toExtend<PatternKey>()
  expectTypeOf<string>().not.toExtend<PatternKey>()

  type Handlers = { [K in keyof Events & string]?: (event: K) => void } & {
    [K in PatternKey]?: (event: string) => void
  }
  const handlers: Handlers = {
    error: (event) => expectTypeOf(event).toEqualTypeOf<'error'>(),
    'image.*': (event) => expectTypeOf(event).toEqualTypeOf<string>(),
    [prefix('a.')]: () => {},
    // @ts-expect-error: neither the name of an event nor a pattern
    'image.uploadd': () => {},
  }
  expectTypeOf(handlers).toEqualTypeOf<Handlers>()
})
