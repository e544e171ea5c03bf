import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, ReceivedRequest, Route } from '../../../../support/http-server.ts'
import { isBad, random, type Scenario } from './scenario.ts'

interface Item {
  readonly id: number | string
  readonly once?: string
}

/** An honest receiver in a bad place: what it knows of keys it keeps to, and everything around it goes wrong. */
export class RandomReceiver {
  /** Each time a row was taken. */
  readonly taken: number[] = []
  readonly counts: Record<string, number> = {}
  /** Nothing goes wrong any more. */
  isCalm = false
  readonly #scenario: Scenario
  readonly #next: () => number
  readonly #answers = new Map<string, Answer>()
  readonly #working = new Set<string>()
  readonly #rows = new Set<string | number>()

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#next = random(scenario.seed * 31 + 7)
  }

  readonly route: Route = async (request) => {
    const fate = this.isCalm ? 1 : this.#next()
    const told = (name: string, answer: Answer): Answer => {
      this.counts[name] = (this.counts[name] ?? 0) + 1
      return answer
    }
    if (fate < 0.04) return told('reset before', 'reset')
    if (fate < 0.08) return told('503', { status: 503, headers: { 'retry-after': '0' } })
    if (fate < 0.11) return told('429', { status: 429, headers: { 'retry-after': '0.01' } })
    if (fate < 0.13) return told('408', { status: 408 })
    if (fate < 0.16) await sleep(30 * this.#next())
    const answer = await this.#work(request)
    if (fate < 0.26) return told('reset after', 'reset')
    if (fate < 0.29) return told('502 after', { status: 502, body: 'a proxy lost it' })
    if (fate < 0.31) await sleep(80)
    if (fate < 0.313) await sleep(450) // longer than an attempt may take
    return told('answered', answer)
  }

  async #work(request: ReceivedRequest): Promise<Answer> {
    const items = itemsOf(request)
    if (items.length > this.#scenario.mostRows) return { status: 413 }
    const key = this.#keyOf(request, items)
    if (key === undefined) return this.#apply(items)
    const known = this.#answers.get(key)
    if (known !== undefined) return known
    if (this.#working.has(key)) return { status: 409 }
    this.#working.add(key)
    try {
      if (!this.isCalm && this.#next() < 0.1) await sleep(10)
      const answer = this.#apply(items)
      this.#answers.set(key, answer)
      return answer
    } finally {
      this.#working.delete(key)
    }
  }

  #keyOf({ headers }: ReceivedRequest, items: readonly Item[]): string | undefined {
    const { idempotency, format } = this.#scenario
    if (typeof idempotency !== 'object' || 'key' in idempotency) return undefined
    if ('header' in idempotency) return String(headers['idempotency-key'])
    return format === 'single' || format === 'form' ? items[0]?.once : undefined
  }

  #apply(items: readonly Item[]): Answer {
    const { byRow } = this.#scenario
    if (!byRow) {
      const bad = items.find(({ id }) => isBad(this.#scenario, Number(id)))
      if (bad !== undefined) return { status: 422, body: { error: `row ${bad.id}` } }
      for (const item of items) this.#take(item)
      return { status: 201, body: { taken: items.length } }
    }
    const errors = items.flatMap((item, index) => {
      const known = this.#rows.has(this.#nameOf(item))
      if (isBad(this.#scenario, Number(item.id))) return [{ index, reason: 'bad' }]
      if (!known && !this.isCalm && this.#next() < 0.15) return [{ index, reason: 'busy', retryable: true }]
      this.#take(item)
      return []
    })
    return { status: 207, body: { errors } }
  }

  /** By what a row is known by itself; where only requests have keys, never. */
  #nameOf({ id, once }: Item): string | number {
    const { idempotency, format } = this.#scenario
    if (typeof idempotency !== 'object' || 'header' in idempotency) return ''
    if ('key' in idempotency) return id
    return format === 'single' || format === 'form' ? '' : String(once)
  }

  #take(item: Item): void {
    const name = this.#nameOf(item)
    if (name !== '' && this.#rows.has(name)) return
    if (name !== '') this.#rows.add(name)
    this.taken.push(Number(item.id))
  }
}

function itemsOf({ body, headers }: ReceivedRequest): readonly Item[] {
  const type = String(headers['content-type'])
  if (type.includes('form')) return [Object.fromEntries(new URLSearchParams(body)) as unknown as Item]
  if (type.includes('ndjson'))
    return body
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Item)
  const value = JSON.parse(body) as Item | readonly Item[]
  return Array.isArray(value) ? value : [value as Item]
}
