import { createElement as h, type ReactElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'

/** What a departures board shows. */
export type Departure = { flight: string; to: string; time: string; gate: string; delayMinutes: number }
export type Board = { airport: string; departures: Departure[] }

function Row({ flight, to, time, gate, delayMinutes }: Departure): ReactElement {
  const isLate = delayMinutes > 0
  return h(
    'tr',
    { className: isLate ? 'late' : 'on-time' },
    h('td', null, h('time', null, time)),
    h('td', null, h('a', { href: `/flights/${encodeURIComponent(flight)}` }, flight)),
    h('td', null, to),
    h('td', null, gate),
    h('td', null, isLate ? `${delayMinutes} min late` : 'on time'),
  )
}

function Page({ airport, departures }: Board): ReactElement {
  const late = departures.filter(({ delayMinutes }) => delayMinutes > 0).length
  const rows = departures.map((departure) => h(Row, { key: departure.flight, ...departure }))
  return h(
    'html',
    { lang: 'en' },
    h('head', null, h('title', null, `Departures, ${airport}`)),
    h(
      'body',
      null,
      h('h1', null, airport),
      h('p', null, `${departures.length} departures, ${late} of them late`),
      h('table', null, h('tbody', null, rows)),
    ),
  )
}

/** The whole page, as it goes over the wire. */
export function render(board: Board): Uint8Array {
  return Buffer.from(`<!doctype html>${renderToStaticMarkup(h(Page, board))}`)
}
