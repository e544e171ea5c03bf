import { setTimeout as wait } from 'node:timers/promises'
import {
  defineDataSource,
  memoryCheckpoint,
  perKeyOffset,
  processingTime,
  readStream,
  schema,
  sequenceOffset,
} from 'sluice'
import { filterRows } from 'sluice/operators'

/** Stations with rows that keep coming; one of them may be made to hang. */
export function stations(names: readonly string[], { chunkMs = 15, chunks = 4 } = {}) {
  let rows = 400
  const hanging = new Set<string>()
  const growing = setInterval(() => {
    rows += 120
  }, 100)
  const source = defineDataSource({
    name: 'stations',
    schema: schema('station string not null, n int not null'),
    streamReader: () => ({
      ...perKeyOffset({
        keys: names,
        inner: sequenceOffset({ head: (key: string) => rows + names.indexOf(key) * 300 }),
      }),
      async *read({ key, range }: { key: string; range: { from: number; to: number } }, { signal, report }) {
        const size = Math.max(1, Math.ceil((range.to - range.from) / chunks))
        for (let from = range.from; from < range.to; from += size) {
          await wait(chunkMs, undefined, { signal })
          if (hanging.has(key))
            await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
          const to = Math.min(range.to, from + size)
          report({ bytes: (to - from) * 40 })
          yield Array.from({ length: to - from }, (_, i) => ({ station: key, n: from + i }))
        }
      },
    }),
  })
  return {
    source: source(),
    hang: (name: string) => hanging.add(name),
    end: () => clearInterval(growing),
  }
}

/** A query over them that takes its time. */
export function stationQuery(source: ReturnType<typeof stations>['source'], stallAfter = 700) {
  const sink = () => ({
    guarantee: 'transactional' as const,
    open: () => ({ write: () => wait(8), finish: () => 0 }),
    commit: () => wait(25),
  })
  return readStream(source)
    .pipe(filterRows((row: { n: number }) => row.n % 9 !== 0))
    .writeStream(sink, {
      name: 'weather-stations',
      checkpoint: memoryCheckpoint(),
      trigger: processingTime(300),
      limit: { maxRows: 1_600 },
      stallAfter,
    })
}
