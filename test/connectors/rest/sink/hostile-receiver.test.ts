import { lastValueFrom } from 'rxjs'
import { expect, it } from 'vitest'
import { memoryCheckpoint } from '../../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../../../src/connectors/memory/source.ts'
import type { RefusedRow } from '../../../../src/connectors/rest/sink/refused-row.ts'
import { httpSink } from '../../../../src/connectors/rest/sink/sink.ts'
import { readStream } from '../../../../src/stream.ts'
import { availableNow } from '../../../../src/trigger.ts'
import { type Answer, httpServer } from '../../../support/http-server.ts'

interface Row {
  readonly id: number
}

type Errors = { readonly errors: readonly { readonly index: number; readonly later: boolean }[] }

it('a receiver that says 409 while it works on a key, cuts answers off and takes requests in part: each row is there once, or refused once', async () => {
  const taken: number[] = []
  const putOff = new Set<number>()
  const answers = new Map<string, { readonly answer: Answer; asked: number }>()
  let inProgress = 0
  await using server = await httpServer({
    'POST /rows': ({ headers, body }) => {
      const key = String(headers['idempotency-key'])
      const known = answers.get(key)
      if (known !== undefined) {
        known.asked++
        // Twice the work is still going on, whatever it will come to.
        if (known.asked < 3) {
          inProgress++
          return { status: 409, body: { code: 'idempotency_key_in_use' } }
        }
        return known.answer
      }
      const errors = (JSON.parse(body) as readonly Row[]).flatMap(({ id }, index) => {
        if (id % 10 === 3) return [{ index, later: false }]
        if (id % 10 === 7 && !putOff.has(id)) {
          putOff.add(id)
          return [{ index, later: true }]
        }
        taken.push(id)
        return []
      })
      answers.set(key, { answer: { status: 207, body: { errors } }, asked: 0 })
      return 'reset'
    },
  })
  const refused = memorySink<RefusedRow>()
  const source = memoryStream<Row>()
  source.add(...Array.from({ length: 100 }, (_, id) => ({ id })))
  const sink = httpSink<Row, readonly RefusedRow[]>({
    url: `${server.url}/rows`,
    batchSize: 25,
    retry: { initialDelayMs: 1, random: () => 0 },
    filters: [{ status: 409, body: /idempotency_key_in_use/, action: 'retry' }],
    rowErrors: ({ body }) => (body as Errors).errors.map(({ index, later }) => ({ index, retryable: later })),
    deadLetters: refused,
  })
  const options = { name: 'q', checkpoint: memoryCheckpoint(), trigger: availableNow(), retry: { maxAttempts: 1 } }
  await lastValueFrom(readStream(source).writeStream(sink, options))
  const ids = Array.from({ length: 100 }, (_, id) => id)
  expect(taken.toSorted((a, b) => a - b)).toEqual(ids.filter((id) => id % 10 !== 3))
  expect(refused.rows.map(({ row }) => (JSON.parse(row) as Row).id)).toEqual(ids.filter((id) => id % 10 === 3))
  expect(putOff.size).toBe(10)
  expect(inProgress).toBe(2 * answers.size)
})
