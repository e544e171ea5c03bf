import fc from 'fast-check'
import { lastValueFrom } from 'rxjs'
import { expect, it } from 'vitest'
import { decodeJournal, encodeJournal } from '../src/checkpoint/journal.ts'
import { IdentityWindow, type JournalHeader, snapshotEvery } from '../src/identity-window.ts'

interface Delivery {
  /** Numbers count on from one delivery to the next; `back` of them are delivered once more, mixed with the new ones. */
  readonly fresh: number
  readonly back: number
  /** The process ends before or after what it captured is accepted, and the next one reads the window back. */
  readonly dies: 'no' | 'before' | 'after'
}

const size = 12
const delivery: fc.Arbitrary<Delivery> = fc.record({
  fresh: fc.nat(6),
  back: fc.nat(size),
  dies: fc.constantFrom('no', 'no', 'no', 'before', 'after'),
})

it('keeps each row once, whatever of the window is delivered again and whenever its process dies', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(delivery, { minLength: snapshotEvery - 2, maxLength: 2 * snapshotEvery + 4, size: 'max' }),
      async (deliveries) => {
        const journals = new Map<number, readonly Uint8Array[]>()
        const readJournal = (batchId: number) =>
          (journals.get(batchId) ?? []).map((bytes) => decodeJournal(bytes, `${batchId}`))
        const start = async (done: number) => {
          const window = new IdentityWindow<number>(String, size)
          if (done >= 0) await lastValueFrom(window.restore(readJournal, done), { defaultValue: undefined })
          return window
        }
        const encode = (header: JournalHeader, chunks: readonly (readonly unknown[])[]) =>
          [[header], ...chunks].map((rows) => encodeJournal(rows))

        let window = await start(-1)
        let next = 0
        let batchId = 0
        const kept: number[] = []
        for (const { fresh, back, dies } of deliveries) {
          const again = Array.from({ length: Math.min(back, next) }, (_, i) => next - 1 - i)
          const rows = [...again, ...Array.from({ length: fresh }, (_, i) => next + i)]
          const records = window.capture(batchId, [rows, [...rows].reverse()], encode)
          if (dies === 'before') {
            window = await start(batchId - 1) // nothing of it is durable: all of it comes again
            continue
          }
          journals.set(batchId, records)
          const [, ...chunks] = records.map((bytes) => decodeJournal(bytes, 'journal'))
          kept.push(...(chunks.flat() as number[]))
          if (dies === 'after') window = await start(batchId)
          else window.accept()
          next += fresh
          batchId++
        }
        expect(kept).toEqual(Array.from({ length: next }, (_, n) => n))
      },
    ),
    { numRuns: 200 },
  )
})
