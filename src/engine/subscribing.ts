import type { EventOf, Received } from '../dispatch/handlers.ts'
import type { Matching, Sensible } from '../topic/typed.ts'

/** A pattern that no event of the map can match does not compile. */
export type SensiblePattern<Events, Pattern extends string> = Pattern &
  Sensible<Received<Events, Pattern>, Pattern>

/** What a subscription to such a pattern receives. */
export type ReceivedEvent<Events, Pattern extends string> = Pattern extends unknown
  ? EventOf<
      Received<Events, Pattern>,
      Matching<Received<Events, Pattern>, Pattern> & keyof Received<Events, Pattern>
    >
  : never
