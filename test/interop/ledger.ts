import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Place } from './place.ts'

export type Engine = 'sluice' | 'Spark'

/** One appearance of a batch in a sink. */
export interface Delivery {
  readonly engine: Engine
  readonly batchId: number
  readonly numbers: readonly number[]
}

/** Watches a checkpoint over its whole life: what was logged must never change, and it must be what was delivered. */
export class Ledger {
  readonly #place: Place
  readonly #logged = new Map<string, string>()

  constructor(place: Place) {
    this.#place = place
  }

  /**
   * The ids of the batches that are in the log now, as `planned` and `finished`.
   * Fails when an entry isn't what it was when it was seen first.
   */
  look(): { readonly queryId: string; readonly planned: readonly number[]; readonly finished: readonly number[] } {
    const { checkpoint } = this.#place
    const [planned, finished] = (['offsets', 'commits'] as const).map((kind) => {
      const ids = batchIds(join(checkpoint, kind))
      for (const id of ids) this.#see(`${kind}/${id}`)
      return ids
    })
    this.#see('metadata')
    const { id } = JSON.parse(this.#logged.get('metadata') as string) as { readonly id: string }
    return { queryId: id, planned: planned as number[], finished: finished as number[] }
  }

  /** Each batch was delivered, by whichever engine and however often, as exactly its logged range; the ranges are all numbers below the head. */
  expectWhole(head: number): readonly Delivery[] {
    this.look()
    const ends = [...this.#logged].flatMap(([name, text]) =>
      name.startsWith('offsets/') ? [[Number(name.slice('offsets/'.length)), endOf(text)] as const] : [],
    )
    ends.sort(([a], [b]) => a - b)
    expect(ends.map(([id]) => id)).toEqual(ends.map((_, index) => index))
    expect(ends.at(-1)?.[1]).toBe(head)
    const deliveries = this.deliveries()
    for (const [id, end] of ends) {
      const start = ends[id - 1]?.[1] ?? 0
      expect(end).toBeGreaterThan(start)
      const range = Array.from({ length: end - start }, (_, index) => start + index)
      const attempts = deliveries.filter(({ batchId }) => batchId === id)
      expect(attempts.length, `deliveries of batch ${id}`).toBeGreaterThan(0)
      for (const { numbers, engine } of attempts) expect(numbers, `batch ${id} by ${engine}`).toEqual(range)
    }
    return deliveries
  }

  /** By batch, and in a batch sluice first. */
  deliveries(): readonly Delivery[] {
    const { sluice, spark } = this.#place
    const whole = [
      ...deliveriesIn(sluice, 'sluice', /^part-(\d+)-/),
      ...deliveriesIn(spark, 'Spark', /^(\d+-[^.]+)\.jsonl$/),
    ]
    return whole.sort((a, b) => a.batchId - b.batchId)
  }

  #see(name: string): void {
    const text = readFileSync(join(this.#place.checkpoint, name), 'utf8')
    expect(text, name).toBe(this.#logged.get(name) ?? text)
    this.#logged.set(name, text)
  }
}

/** A batch's end as it stands in the text of `offsets/N`. */
function endOf(text: string): number {
  const { offset } = JSON.parse(text.split('\n')[2] as string) as { readonly offset: number }
  return offset
}

/** The batches that have an entry in a folder of the checkpoint. */
export function batchIds(folder: string): readonly number[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => /^\d+$/.test(name))
  return names.map(Number).sort((a, b) => a - b)
}

/** @param pattern its group tells one delivery from the others, and begins with the batch's id. */
function deliveriesIn(folder: string, engine: Engine, pattern: RegExp): readonly Delivery[] {
  const files = new Map<string, number[]>()
  for (const name of readdirSync(folder)) {
    const key = pattern.exec(name)?.[1]
    if (key === undefined) continue
    const lines = readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean)
    const numbers = lines.map((line) => (JSON.parse(line) as { readonly n: number }).n)
    files.set(key, [...(files.get(key) ?? []), ...numbers])
  }
  return [...files].map(([key, numbers]) => ({
    engine,
    batchId: Number.parseInt(key, 10),
    numbers: numbers.sort((a, b) => a - b),
  }))
}
