import type { Pattern } from './pattern.ts'

/** A key of a handlers object that is a pattern, not the name of an event. */
export type PatternKey =
  | `${string}*${string}`
  | `${string}?${string}`
  | `${string}[${string}`
  | `${string}{${string}`
  | Pattern

/**
 * The names of the events that a pattern matches; all of them where the compiler can't tell: sets, braces, `?`,
 * `*` within a segment, `prefix()`, `regex()`, a pattern that is no literal.
 *
 * ```ts
 * type T = Matching<{ 'a.x': 1; 'a.y': 2; b: 3 }, 'a.*'> // 'a.x' | 'a.y'
 * ```
 */
export type Matching<Events, P extends string> = P extends unknown
  ? IsLiteral<P> extends true
    ? HasGlob<Split<P>> extends true
      ? keyof Events & string
      : Hit<keyof Events & string, P>
    : keyof Events & string
  : never

/** The pattern itself, if it can match an event at all; else a text that says why it does not compile. */
export type Sensible<Events, P extends string> = P extends unknown
  ? [Matching<Events, P>] extends [never]
    ? `no event matches ${P}`
    : P
  : never

/** The names that fit. Of a name that is no literal (`log.${string}`) the compiler can tell only for an exact pattern. */
type Hit<K extends string, P extends string> = K extends unknown
  ? IsLiteral<K> extends true
    ? Fits<Split<K>, Split<P>> extends true
      ? K
      : never
    : P extends `${string}*${string}`
      ? K
      : P extends K
        ? K
        : never
  : never

// A record over a literal has a property that `{}` lacks; over `string`, a template or a brand it has none.
type IsLiteral<S extends string> = {} extends Record<S, 1> ? false : true

type Split<S extends string> = S extends `${infer Head}.${infer Rest}` ? [Head, ...Split<Rest>] : [S]

type HasGlob<P extends string[]> =
  Extract<Exclude<P[number], '*' | '**'>, `${string}${'*' | '?' | '[' | '{'}${string}`> extends never
    ? false
    : true

type Fits<T extends string[], P extends string[]> = P extends [
  infer Head extends string,
  ...infer Rest extends string[],
]
  ? Head extends '**'
    ? Fits<T, Rest> extends true
      ? true
      : T extends [string, ...infer After extends string[]]
        ? Fits<After, P>
        : false
    : T extends [infer First extends string, ...infer After extends string[]]
      ? Head extends '*' | First
        ? Fits<After, Rest>
        : false
      : false
  : T extends []
    ? true
    : false
