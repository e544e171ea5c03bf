import { type Api, instant, integer, json, jsonError, type Reply, scatter } from './api.ts'

/** Event 0; one follows in every 50 milliseconds. */
export const firstEvent = Date.UTC(2020, 0, 1)
export const eventEveryMs = 50
/** An event may appear as much as this after it happened; nine of ten do within 300 milliseconds. */
export const latestMs = 4_000
/** A window with more events is refused with 413. */
export const maxWindowEvents = 200

const pageSize = 100

/** The event of a number from 0, and when it appears; epoch milliseconds. */
export function event(number: number) {
  const at = firstEvent + number * eventEveryMs + Math.floor(scatter(1, number) * eventEveryMs)
  const late = scatter(2, number) < 0.9 ? scatter(3, number) * 300 : scatter(3, number) * latestMs
  return { number, at, appears: at + Math.floor(late) }
}

/**
 * `GET /events?from=&to=`: what happened in the window `[from, to)`, as far as it is known; a window with more than 200 events is refused with 413.
 * Without `to`: pages of 100, and in `next` what is to be given as `after` for the next one. In the order of their times.
 *
 * Events are known late: at first, a window of the last seconds lacks some of them.
 */
export const eventsApi: Api = {
  answer: (query, now): Reply => {
    const from = instant(query, 'from') ?? firstEvent
    const to = instant(query, 'to')
    const first = Math.max(Math.floor((from - firstEvent) / eventEveryMs), integer(query, 'after', -1) + 1)
    const end = Math.ceil((Math.min(to ?? now, now) - firstEvent) / eventEveryMs)
    const shown: ReturnType<typeof event>[] = []
    for (let number = Math.max(0, first); number < end; number++) {
      const one = event(number)
      if (one.at < from || one.at >= (to ?? Infinity) || one.appears > now) continue
      shown.push(one)
      if (to === undefined && shown.length === pageSize) break
      if (shown.length > maxWindowEvents) return jsonError(413, `more than ${maxWindowEvents} events in this window`)
    }
    const next = to === undefined && shown.length === pageSize ? shown.at(-1)?.number : undefined
    return json(200, { events: shown.map(shownAs), next: next ?? null })
  },
  refuse: jsonError,
}

function shownAs({ number, at, appears }: ReturnType<typeof event>) {
  return {
    id: number,
    at: new Date(at).toISOString(),
    received_at: new Date(appears).toISOString(),
    kind: `k${number % 7}`,
  }
}
