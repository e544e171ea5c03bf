import { expect, test } from 'vitest'
import { memoryStream } from '../../../src/connectors/memory/source.ts'
import { streamReaderSuite } from '../../../src/testing/conformance/stream-reader.ts'
import { failuresOf } from './failures.ts'

type Row = { readonly id: number }
type Reader = ReturnType<ReturnType<typeof memoryStream<Row>>['streamReader']>
const secret = 'hunter2'

/** A source that does everything right, but for what is said. */
function failuresOfSource(
  change: (reader: Reader) => Partial<Reader>,
  fault: () => Error = () => new Error('the disk is on fire'),
): Promise<Map<string, unknown>> {
  const make = () => {
    const stream = memoryStream<Row>({ partitions: 2, chunkRows: 1 })
    let open = 0
    let broken: Error | undefined
    const streamReader = (): Reader => {
      const inner = stream.streamReader()
      const read: Reader['read'] = async function* (range, context) {
        open++
        try {
          for (const chunk of inner.read(range, context) as Iterable<readonly Row[]>) {
            if (broken !== undefined) throw broken
            yield chunk
          }
        } finally {
          open--
        }
      }
      const reader = { ...inner, read }
      return { ...reader, ...change(reader) }
    }
    return {
      source: { name: 'right', streamReader },
      add: (rows: number) => {
        for (let more = 0; more < rows; more++) stream.add({ id: stream.size })
      },
      fail: () => {
        broken = fault()
        return broken.cause instanceof Error ? broken.cause : broken
      },
      openReads: () => open,
      secrets: [secret],
    }
  }
  return failuresOf(streamReaderSuite(make, { patienceMs: 2_000 }))
}
const rowsOf = async (chunks: ReturnType<Reader['read']>): Promise<Row[]> => {
  const rows: Row[] = []
  for await (const chunk of chunks as AsyncIterable<readonly Row[]>) rows.push(...chunk)
  return rows
}

test('nothing is held against a source that does everything right', async () => {
  expect(await failuresOfSource(() => ({}))).toEqual(new Map())
})

test('a latestOffset by the clock, in seconds, is found out', async () => {
  const found = await failuresOfSource(({ latestOffset }) => ({
    latestOffset: (start, limit) => {
      const { offset } = latestOffset(start, limit) as typeof start
      const taken = offset - start.offset
      return taken < 2 || Math.floor(Date.now() / 1_000) % 2 === 0 ? { offset } : { offset: offset - 1 }
    },
  }))
  expect([...found.keys()]).toContain('latestOffset is pure')
})

test('partitions that overlap by one where the range is odd are found out', async () => {
  const found = await failuresOfSource(({ partitions }) => ({
    partitions: (start, end) => {
      const cut = partitions(start, end) as { from: number; to: number }[]
      if ((end.offset - start.offset) % 2 === 0 || cut.length < 2) return cut
      return cut.map(({ from, to }, at) => ({ from, to: at === 0 ? to + 1 : to }))
    },
  }))
  expect([...found.keys()]).toContain('batches tile the rows')
})

test('a read that keeps what an abort cut short, and gives it out as all, is found out', async () => {
  const found = await failuresOfSource(({ read }) => {
    const kept = new Map<string, Row[]>()
    return {
      read: async function* (range, context) {
        const key = JSON.stringify(range)
        const before = kept.get(key)
        if (before !== undefined) {
          yield before
          return
        }
        const rows: Row[] = []
        try {
          for await (const chunk of read(range, context) as AsyncIterable<readonly Row[]>) {
            rows.push(...chunk)
            yield chunk
          }
        } finally {
          if (context.signal.aborted) kept.set(key, rows)
        }
      },
    }
  })
  expect([...found.keys()]).toEqual(['an abort reaches a read'])
})

test('rows that a second attempt brings in another order are found out', async () => {
  const found = await failuresOfSource(({ read }) => ({
    read: async function* (range, context) {
      if (context.attempt === 0) yield* read(range, context) as AsyncIterable<readonly Row[]>
      else yield (await rowsOf(read(range, context))).toReversed()
    },
  }))
  expect([...found.keys()]).toContain('a batch is read again as it was')
})

test.each([
  ['as Basic authentication', Buffer.from(`user:${secret}`).toString('base64')],
  ['in base64', Buffer.from(secret).toString('base64url')],
  ['in hex', Buffer.from(secret).toString('hex')],
])('a secret that is told %s is found out', async (_, told) => {
  const found = await failuresOfSource(
    () => ({}),
    () => new Error('refused', { cause: Object.assign(new Error('401'), { sent: told }) }),
  )
  expect([...found.keys()]).toEqual(['secrets are not told'])
})
