import { asyncScheduler, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { DeadLetterSink } from '../../../../src/connectors/rest/sink/dead-letter-sink.ts'
import { httpSinkSettings } from '../../../../src/connectors/rest/sink/options.ts'
import type { RefusedRow } from '../../../../src/connectors/rest/sink/refused-row.ts'
import { httpWriter } from '../../../../src/connectors/rest/sink/sink.ts'
import type { BoundSink } from '../../../../src/data-source.ts'
import { PortError } from '../../../../src/errors.ts'
import { forSink } from '../../../../src/idempotency.ts'
import type { Result } from '../../../../src/result.ts'
import { defaultRetryPolicy } from '../../../../src/retry.ts'
import { schema } from '../../../../src/schema.ts'
import type { StreamWriter, WriteContext } from '../../../../src/sink.ts'
import { batchOf, contextOf, settle, startOf } from '../../drive.ts'

const row: RefusedRow = {
  queryId: 'q',
  batchId: 0,
  partitionId: 0,
  ordinal: 3,
  status: 422,
  attempt: 0,
  reason: 'status 422',
  row: '{}',
}

/** A sink that notes its calls. @param answers by port. */
function scene(answers: Partial<Record<string, () => Result<unknown>>> = {}) {
  const calls: (readonly [port: string, ...args: readonly unknown[]])[] = []
  const take = <T>(port: string, args: readonly unknown[], answer: T): Result<T> => {
    calls.push([port, ...args])
    const own = answers[port]?.()
    return own === undefined ? answer : (own as Result<T>)
  }
  const streamWriter = (): StreamWriter<RefusedRow, string> => ({
    guarantee: 'transactional',
    start: (...args) => take<unknown>('start', args, undefined),
    begin: (...args) => take<'write' | 'committed'>('begin', args, 'committed'),
    open: (...args) =>
      take('open', args, {
        write: (...rows: readonly unknown[]) => take<unknown>('write', rows, undefined),
        finish: () => take('finish', [], 'message'),
        discard: () => take<unknown>('discard', [], undefined),
      }),
    commit: (...args) => take<unknown>('commit', args, undefined),
    abort: (...args) => take<unknown>('abort', args, undefined),
    stop: () => take<unknown>('stop', [], undefined),
  })
  const bound: BoundSink<RefusedRow, string> = { name: 'dead', streamWriter }
  return { bound, sink: new DeadLetterSink(bound), calls, ports: () => calls.map(([port]) => port) }
}

const context: WriteContext = forSink(contextOf(batchOf(0), 0), 'table')

describe('DeadLetterSink', () => {
  it('opens a writer for the first refused row, addressed to a sink of its own', async () => {
    const { sink, calls, ports } = scene()
    const partition = sink.open(context)
    await partition.write([row])
    await partition.write([row, row])
    expect(await partition.finish()).toEqual({ message: 'message' })
    expect(ports()).toEqual(['open', 'write', 'write', 'finish'])
    expect(calls[2]).toEqual(['write', [row, row]])
    const opened = calls[0]?.[1] as WriteContext
    expect(opened.sinkId).toBe('table.refused')
    expect(opened.idempotencyKey(0, 1)).toBe('q/table.refused/0/0/0/1')
    expect(opened.signal).toBe(context.signal)
  })

  it('opens none where no row is refused', async () => {
    const { sink, calls } = scene()
    expect(await sink.open(context).finish()).toBeUndefined()
    await sink.open(context).discard()
    expect(calls).toEqual([])
  })

  it('keeps partitions apart, and discards only what was opened', async () => {
    const { sink, ports } = scene()
    const [one, other] = [sink.open(context), sink.open(context)]
    await one.write([row])
    await other.discard()
    await one.discard()
    expect(ports()).toEqual(['open', 'write', 'discard'])
  })

  it.each(['open', 'write', 'finish', 'discard', 'start', 'begin', 'commit', 'abort', 'stop'])(
    'fails when %s does',
    async (port) => {
      const failures = [
        () => {
          throw 'disk'
        },
        () => throwError(() => 'disk'),
        () => Promise.reject('disk'),
      ]
      for (const failure of failures) {
        const { sink } = scene({ [port]: failure })
        const run = async () => {
          await sink.start(startOf())
          await sink.begin(batchOf(0))
          const partition = sink.open(context)
          await partition.write([row])
          await partition.finish()
          await partition.discard()
          await sink.commit([], batchOf(0))
          await sink.abort([], batchOf(0))
          await sink.stop()
        }
        await expect(run()).rejects.toBe('disk')
      }
    },
  )

  it('fails when a port gives two answers', async () => {
    const { sink } = scene({ finish: () => of('a', 'b') })
    const partition = sink.open(context)
    await partition.write([row])
    await expect(partition.finish()).rejects.toThrow(PortError)
  })
})

describe('a writer with a sink for refused rows', () => {
  const writerOf = (bound: BoundSink<RefusedRow, string>, close = async () => undefined) =>
    httpWriter<object, string>(
      httpSinkSettings<object, string>({ url: 'http://127.0.0.1', deadLetters: bound }),
      { retry: defaultRetryPolicy, scheduler: asyncScheduler },
      () => ({ client: { close }, send: () => Promise.reject('not sent') }),
    )
  const message = (dead?: string) => ({ dead: dead === undefined ? undefined : { message: dead } })

  it('leads it through the life of a run', async () => {
    const { bound, calls } = scene()
    const writer = writerOf(bound)
    const start = startOf({ epoch: 4 })
    await settle(() => writer.start?.({ ...start, schema: schema('id int') }))
    expect(await settle(() => writer.begin?.(batchOf(0)) ?? 'write')).toBe('committed')
    await settle(() => writer.commit([message('a'), message(), message('c')], batchOf(1)))
    await settle(() => writer.abort?.([message('a'), undefined, message()], batchOf(2)))
    await settle(() => writer.stop?.())
    expect(calls).toEqual([
      ['start', { ...start, sinkId: 'main.refused', schema: undefined }],
      ['begin', batchOf(0)],
      ['commit', ['a', 'c'], batchOf(1)],
      ['abort', ['a'], batchOf(2)],
      ['stop'],
    ])
  })

  it('commits it without refused rows too, so that it knows the batch', async () => {
    const { bound, calls } = scene()
    await settle(() => writerOf(bound).commit([message()], batchOf(0)))
    expect(calls).toEqual([['commit', [], batchOf(0)]])
  })

  it('stops it also when the connection does not close', async () => {
    const { bound, ports } = scene()
    const writer = writerOf(bound, () => Promise.reject('stuck'))
    await settle(() => writer.start?.(startOf()))
    await expect(settle(() => writer.stop?.())).rejects.toBe('stuck')
    expect(ports()).toEqual(['start', 'stop'])
  })
})
