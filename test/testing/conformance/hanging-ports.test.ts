import { expect, test } from 'vitest'
import type { Checkpoint, CheckpointSession } from '../../../src/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../../src/connectors/memory/source.ts'
import { checkpointSuite } from '../../../src/testing/conformance/checkpoint.ts'
import { streamReaderSuite } from '../../../src/testing/conformance/stream-reader.ts'
import { streamWriterSuite } from '../../../src/testing/conformance/stream-writer.ts'
import { failuresOf } from './failures.ts'

const patience = { patienceMs: 100 }
const never = new Promise<never>(() => {})
const told = (found: ReadonlyMap<string, unknown>): string => [...found.values()].map(String).join('\n')
const hung = (port: string): string => `"${port}" took more than 100 ms`

test.each(['initialOffset', 'latestOffset', 'partitions', 'commit', 'stop'] as const)(
  'a reader whose "%s" hangs does not hang its suite, and is named',
  async (port) => {
    const make = () => {
      const source = memoryStream<{ id: number }>()
      const streamReader = () => ({ ...source.streamReader(), [port]: () => never })
      return { source: { ...source, streamReader }, add: (rows: number) => source.add(...Array(rows).fill({ id: 0 })) }
    }
    expect(told(await failuresOf(streamReaderSuite(make, patience)))).toContain(hung(port))
  },
)

test.each(['start', 'begin', 'open', 'commit', 'abort', 'stop'] as const)(
  'a writer whose "%s" hangs does not hang its suite, and is named',
  async (port) => {
    const make = () => {
      const sink = memorySink<{ id: number }>()
      const streamWriter = () => ({ ...sink.streamWriter(), [port]: () => never })
      return {
        sink: { ...sink, streamWriter },
        row: (id: number) => ({ id }),
        ids: () => sink.rows.map(({ id }) => id),
      }
    }
    expect(told(await failuresOf(streamWriterSuite(make, patience)))).toContain(hung(port))
  },
)

test.each(['open', 'write', 'close'] as const)(
  'a checkpoint whose "%s" hangs does not hang its suite, and is named',
  async (port) => {
    const make = () => {
      const inner = memoryCheckpoint()
      const open: Checkpoint['open'] = async (query) => {
        const session = (await inner.open(query)) as CheckpointSession
        return { ...session, [port]: () => never }
      }
      return { checkpoint: (): Checkpoint => ({ open: port === 'open' ? () => never : open }) }
    }
    expect(told(await failuresOf(checkpointSuite(make, patience)))).toContain(hung(port))
  },
)

test('what makes the ports, or ends them, may hang as well', async () => {
  const short = { patienceMs: 10 }
  const [first] = checkpointSuite(() => never, short)
  await expect(first?.run()).rejects.toThrow('"make" took more than 60 ms')
  const [closing] = checkpointSuite(() => ({ checkpoint: () => memoryCheckpoint(), close: () => never }), short)
  await expect(closing?.run()).rejects.toThrow('"close" took more than 60 ms')
})
