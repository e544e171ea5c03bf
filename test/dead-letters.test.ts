import { type Observable, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { mapRows } from '../operators/map-rows.ts'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { memorySink } from '../src/connectors/memory/sink.ts'
import { memoryStream } from '../src/connectors/memory/source.ts'
import type { DeadLetter } from '../src/dead-letter.ts'
import { withDeadLetters } from '../src/dead-letters.ts'
import { CommitInDoubtError } from '../src/errors.ts'
import { forSink } from '../src/idempotency.ts'
import { fromCommand, fromResult, type Result } from '../src/result.ts'
import { schema } from '../src/schema.ts'
import {
  deadLetterPort,
  type PartitionWriter,
  type StartContext,
  type StreamWriter,
  type WriteContext,
} from '../src/sink.ts'
import { readStream } from '../src/stream.ts'
import { marbles } from '../src/testing/marbles.ts'
import { availableNow } from '../src/trigger.ts'
import { chunks, outcomeOf, plan, type Row, throwIt } from './operators/a-run.ts'

type Answers = Partial<Record<string, () => Result<unknown>>>

/** A main writer and one for dead letters, whose calls are noted as `main open`, `dead write`, … @param answers by that name. */
function scene(answers: Answers = {}, now: () => string = () => '') {
  const calls: string[] = []
  const details: unknown[][] = []
  const writerOf = <R extends object>(name: string): StreamWriter<R, string> => {
    const take = <T>(port: string, given: unknown[], answer: T): Result<T> => {
      calls.push(`${now()}${name} ${port}`)
      details.push([`${name} ${port}`, ...given])
      const own = answers[`${name} ${port}`]?.()
      return own === undefined ? answer : (own as Result<T>)
    }
    let opened = 0
    return {
      guarantee: name === 'main' ? 'transactional' : 'append',
      start: (...given) => take<unknown>('start', given, undefined),
      begin: (...given) => take<'write' | 'committed'>('begin', given, 'write'),
      open: (...given) => {
        const number = opened++
        const partition: PartitionWriter<R, string> = {
          write: (...rows) => take<unknown>('write', rows, undefined),
          finish: () => take('finish', [], `${name} ${number}`),
          discard: () => take<unknown>('discard', [], undefined),
        }
        return take('open', given, partition)
      },
      commit: (...given) => take<unknown>('commit', given, undefined),
      abort: (...given) => take<unknown>('abort', given, undefined),
      stop: () => take<unknown>('stop', [], undefined),
    }
  }
  const writer = withDeadLetters(writerOf<Row>('main'), writerOf<DeadLetter>('dead'))
  const detailsOf = (call: string) => details.filter(([name]) => name === call).map(([, ...given]) => given)
  return { writer, calls, detailsOf }
}
type Both = ReturnType<typeof scene>['writer']

const context: WriteContext = forSink(
  {
    queryId: 'q',
    batchId: 0,
    partitionId: 0,
    attempt: 0,
    epoch: 1,
    deterministic: true,
    signal: new AbortController().signal,
    report: () => {},
  },
  'table',
)
const letter: DeadLetter = { queryId: 'q', batchId: 0, partitionId: 0, reason: 'bad', row: '{}' }
const messageOf = (message?: string) => (message === undefined ? undefined : { message })
const both = (main?: string, dead?: string) => ({ message: messageOf(main), dead: messageOf(dead) })

const done = (call: () => Result<unknown>) => outcomeOf(fromCommand(call))
async function answerOf<T>(call: () => Result<T>): Promise<T> {
  const outcome = await outcomeOf(fromResult('port', call))
  if ('error' in outcome) throw outcome.error
  return outcome.values[0] as T
}
/** Opens a partition, as the engine does, and refuses as many rows as said. */
async function opened(writer: Both, refused = 0) {
  const partition = await answerOf(() => writer.open(context))
  for (let times = 0; times < refused; times++) await done(() => partition[deadLetterPort]?.([letter]))
  return partition
}

describe('withDeadLetters', () => {
  it('is as good as the weaker writer, and starts both, the dead letters under a name of their own and without a schema', async () => {
    const { writer, calls, detailsOf } = scene()
    const start: StartContext = { queryId: 'q', sinkId: 'table', epoch: 4, schema: undefined }
    const stated = schema('id string')
    await done(() => writer.start?.({ ...start, schema: stated }))
    expect(writer.guarantee).toBe('append') // the weaker one of both
    expect(calls).toEqual(['dead start', 'main start'])
    expect(detailsOf('main start')).toEqual([[{ ...start, schema: stated }]])
    expect(detailsOf('dead start')).toEqual([[{ ...start, sinkId: 'table.dead-letters' }]])
  })

  it('opens no writer for dead letters where no row is refused', async () => {
    const { writer, calls } = scene()
    const partition = await opened(writer)
    await done(() => partition.write(chunks.a))
    expect(await answerOf(() => partition.finish())).toEqual(both('main 0'))
    expect(calls).toEqual(['main open', 'main write', 'main finish'])
  })

  it('opens one with the first refused row, addressed to a sink of its own', async () => {
    const { writer, calls, detailsOf } = scene()
    const partition = await opened(writer, 2)
    await done(() => partition.write(chunks.a))
    expect(await answerOf(() => partition.finish())).toEqual(both('main 0', 'dead 0'))
    expect(calls).toEqual([
      'main open',
      'dead open',
      'dead write',
      'dead write',
      'main write',
      'main finish',
      'dead finish',
    ])
    expect(detailsOf('dead write')).toEqual([[[letter]], [[letter]]])
    const [[deadContext]] = detailsOf('dead open') as [[WriteContext]]
    expect(deadContext.sinkId).toBe('table.dead-letters')
    expect(deadContext.idempotencyKey(0, 1)).toBe('q/table.dead-letters/0/0/0/1')
    expect(deadContext.signal).toBe(context.signal)
  })

  it('keeps each partition and attempt apart', async () => {
    const { writer } = scene()
    const partitions = [await opened(writer, 1), await opened(writer), await opened(writer, 1)]
    const messages = []
    for (const partition of partitions) messages.push(await answerOf(() => partition.finish()))
    expect(messages).toEqual([both('main 0', 'dead 0'), both('main 1'), both('main 2', 'dead 1')])
  })

  it('takes undefined for the message of the dead letters', async () => {
    const { writer, detailsOf } = scene({ 'dead finish': () => of(undefined) })
    const partition = await opened(writer, 1)
    const message = await answerOf(() => partition.finish())
    expect(message).toEqual({ ...both('main 0'), dead: { message: undefined } })
    await done(() => writer.commit([message], plan()))
    expect(detailsOf('dead commit')).toEqual([[[undefined], plan()]])
  })

  it('takes undefined for the message of the main writer', async () => {
    const { writer, detailsOf } = scene({ 'main finish': () => of(undefined) })
    const partition = await opened(writer, 1)
    const message = await answerOf(() => partition.finish())
    expect(message).toEqual({ ...both(undefined, 'dead 0'), message: { message: undefined } })
    await done(() => writer.commit([message], plan()))
    expect(detailsOf('main commit')).toEqual([[[undefined], plan()]])
  })

  it(
    'commits the main batch first, and its dead letters only then',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const answers = { 'dead commit': () => cold('---|'), 'main commit': () => cold('--|') }
      const { writer, calls, detailsOf } = scene(answers, () => `${scheduler.now()} `)
      const messages = [both('m0', 'd0'), both('m1'), both('m2', 'd2')]
      expectObservable(fromCommand(() => writer.commit(messages, plan()))).toBe('-----(u|)', { u: undefined })
      flush()
      expect(calls).toEqual(['0 main commit', '2 dead commit'])
      expect(detailsOf('dead commit')).toEqual([[['d0', 'd2'], plan()]])
      expect(detailsOf('main commit')).toEqual([[['m0', 'm1', 'm2'], plan()]])
    }),
  )

  it('commits no dead letters too, so that their sink knows the batch', async () => {
    const { writer, detailsOf } = scene()
    await done(() => writer.commit([both('m0')], plan()))
    expect(detailsOf('dead commit')).toEqual([[[], plan()]])
  })

  it('does not commit the dead letters when the main batch could not be committed', async () => {
    const { writer, calls } = scene({ 'main commit': () => throwIt('disk') })
    expect(await done(() => writer.commit([both('m0', 'd0')], plan()))).toEqual({ values: [], error: 'disk' })
    expect(calls).toEqual(['main commit'])
  })

  it('fails when the dead letters could not be committed', async () => {
    const { writer, calls } = scene({ 'dead commit': () => throwIt('disk') })
    expect(await done(() => writer.commit([both('m0', 'd0')], plan()))).toEqual({ values: [], error: 'disk' })
    expect(calls).toEqual(['main commit', 'dead commit'])
  })

  it('aborts both, the main one by slot', async () => {
    const { writer, calls, detailsOf } = scene()
    await done(() => writer.abort?.([both('m0', 'd0'), undefined, both('m2')], plan()))
    expect(calls).toEqual(['main abort', 'dead abort'])
    expect(detailsOf('main abort')).toEqual([[['m0', undefined, 'm2'], plan()]])
    expect(detailsOf('dead abort')).toEqual([[['d0'], plan()]])
  })

  it('discards both, and only what was opened', async () => {
    const { writer, calls } = scene()
    const [with_, without] = [await opened(writer, 1), await opened(writer)]
    calls.length = 0
    await done(() => without.discard?.())
    expect(calls).toEqual(['main discard'])
    await done(() => with_.discard?.())
    expect(calls).toEqual(['main discard', 'main discard', 'dead discard'])
  })

  it.each<[string, (writer: Both) => Promise<() => Result<unknown>>]>([
    ['stop', async (writer) => () => writer.stop?.()],
    ['abort', async (writer) => () => writer.abort?.([both('m0', 'd0')], plan())],
    [
      'discard',
      async (writer) => {
        const partition = await opened(writer, 1)
        return () => partition.discard?.()
      },
    ],
  ])('%s reaches the dead letters also when the main writer fails, and tells its error', async (port, prepare) => {
    for (const failure of [() => throwIt('first'), () => throwError(() => 'first'), () => Promise.reject('first')]) {
      const { writer, calls } = scene({ [`main ${port}`]: failure })
      const call = await prepare(writer)
      calls.length = 0
      expect(await done(call)).toEqual({ values: [], error: 'first' })
      expect(calls).toEqual([`main ${port}`, `dead ${port}`])
    }
    const { writer } = scene({ [`dead ${port}`]: () => throwIt('second') })
    expect(await done(await prepare(writer))).toEqual({ values: [], error: 'second' })
  })

  it('fails when either cannot open, write or finish', async () => {
    for (const port of ['open', 'write', 'finish']) {
      const { writer } = scene({ [`dead ${port}`]: () => throwIt(`dead ${port}`) })
      const partition = await opened(writer)
      const refusal = await done(() => partition[deadLetterPort]?.([letter]))
      const finish = await done(() => partition.finish())
      expect([refusal, finish]).toContainEqual({ values: [], error: `dead ${port}` })
    }
    const main = scene({ 'main finish': () => throwIt('main finish') })
    const partition = await opened(main.writer, 1)
    expect(await done(() => partition.finish())).toEqual({ values: [], error: 'main finish' })
    expect(main.calls).not.toContain('dead finish')
  })
})

describe('a batch that reaches the sinks again', () => {
  type Answer = 'write' | 'committed'
  const sceneOf = (main: Answer, dead: Answer) => scene({ 'main begin': () => of(main), 'dead begin': () => of(dead) })
  /** Begins the batch, writes a partition with a refused row, and notes only the calls after `begin`. */
  async function replayed({ writer, calls }: Pick<ReturnType<typeof scene>, 'writer' | 'calls'>) {
    await answerOf(() => writer.begin?.(plan()) ?? 'write')
    calls.length = 0
    const partition = await opened(writer, 1)
    await done(() => partition.write(chunks.a))
    return partition
  }

  it.each<[Answer, Answer, Answer]>([
    ['write', 'write', 'write'],
    ['write', 'committed', 'write'],
    ['committed', 'write', 'write'],
    ['committed', 'committed', 'committed'],
  ])('is known when both sinks hold it: main %s, dead letters %s: %s', async (main, dead, answer) => {
    const { writer, calls } = sceneOf(main, dead)
    expect(await answerOf(() => writer.begin?.(plan()) ?? 'write')).toBe(answer)
    expect(calls).toEqual(['main begin', 'dead begin'])
  })

  it('goes to the dead letters alone where the main sink holds it', async () => {
    const again = sceneOf('committed', 'write')
    const partition = await replayed(again)
    const message = await answerOf(() => partition.finish())
    expect(message).toEqual(both(undefined, 'dead 0'))
    expect(await done(() => again.writer.commit([message], plan()))).toEqual({ values: [undefined] })
    expect(again.calls).toEqual(['dead open', 'dead write', 'dead finish', 'dead commit'])
    expect(again.detailsOf('dead commit')).toEqual([[['dead 0'], plan()]])
  })

  it('commits no dead letters too where the main sink holds it', async () => {
    const { writer, calls, detailsOf } = sceneOf('committed', 'write')
    await answerOf(() => writer.begin?.(plan()) ?? 'write')
    const partition = await opened(writer)
    const message = await answerOf(() => partition.finish())
    expect(message).toEqual(both())
    await done(() => writer.commit([message], plan()))
    expect(calls.slice(2)).toEqual(['dead commit'])
    expect(detailsOf('dead commit')).toEqual([[[], plan()]])
  })

  it('goes to the main sink alone where the dead letters hold it', async () => {
    const again = sceneOf('write', 'committed')
    const partition = await replayed(again)
    const message = await answerOf(() => partition.finish())
    expect(message).toEqual(both('main 0'))
    expect(await done(() => again.writer.commit([message], plan()))).toEqual({ values: [undefined] })
    expect(again.calls).toEqual(['main open', 'main write', 'main finish', 'main commit'])
    expect(again.detailsOf('main commit')).toEqual([[['main 0'], plan()]])
  })

  it.each<[string, Answer, Answer, string[]]>([
    ['main', 'committed', 'write', ['dead discard', 'dead abort']],
    ['dead-letter', 'write', 'committed', ['main discard', 'main abort']],
  ])('is neither discarded nor aborted by the %s sink that holds it', async (_, main, dead, expected) => {
    const again = sceneOf(main, dead)
    const partition = await replayed(again)
    again.calls.length = 0
    await done(() => partition.discard?.())
    await done(() => again.writer.abort?.([both('m0', 'd0'), undefined], plan()))
    expect(again.calls).toEqual(expected)
  })

  it('leaves the batch after it to both', async () => {
    for (const port of ['main begin', 'dead begin']) {
      const answers = ['committed', 'write']
      const { writer, calls } = scene({ [port]: () => of(answers.shift()) })
      await answerOf(() => writer.begin?.(plan()) ?? 'write')
      await answerOf(() => writer.begin?.(plan([], 1)) ?? 'write')
      await opened(writer, 1)
      await done(() => writer.commit([], plan([], 1)))
      await done(() => writer.abort?.([], plan([], 1)))
      expect(calls.slice(4)).toEqual([
        'main open',
        'dead open',
        'dead write',
        'main commit',
        'dead commit',
        'main abort',
        'dead abort',
      ])
    }
  })

  it('is written where the sinks know nothing of batches', async () => {
    const plain = (): StreamWriter<object, string> => ({
      guarantee: 'append',
      open: () => throwIt('not here'),
      commit: () => 0,
    })
    const writer = withDeadLetters(plain(), plain())
    expect(await answerOf(() => writer.begin?.(plan()))).toBe('write')
    for (const call of [
      () => writer.start?.({} as StartContext),
      () => writer.abort?.([], plan()),
      () => writer.stop?.(),
    ]) {
      expect(await done(call as () => Observable<unknown>)).toEqual({ values: [undefined] })
    }
  })
})

describe('a run that fails between the two commits, and one after it', () => {
  const ids = [1, 2, 3]
  const named = schema('id int not null, name string not null')

  /** Rows whose name comes from a lookup; those in `unknown` have none, and are refused. @param commit of the dead letters. */
  function lookups(commit: (takeEffect: () => Result<unknown>) => Result<unknown>) {
    const source = memoryStream<{ id: number }>()
    source.add(...ids.map((id) => ({ id })))
    const sink = memorySink<{ id: number; name: string }>()
    const letters = memorySink<DeadLetter>()
    const checkpoint = memoryCheckpoint()
    const looked: number[] = []
    const deadLetters = {
      name: 'dead',
      streamWriter: () => {
        const writer = letters.streamWriter()
        return {
          ...writer,
          commit: (...given: Parameters<typeof writer.commit>) => commit(() => writer.commit(...given)),
        }
      },
    }
    const run = (unknown: readonly number[]) =>
      outcomeOf(
        readStream(source)
          .pipe(
            mapRows(({ id }) => {
              looked.push(id)
              return { id, name: unknown.includes(id) ? (null as unknown as string) : 'known' }
            }),
          )
          .as(named)
          .writeStream(sink, {
            name: 'lookups',
            checkpoint,
            trigger: availableNow(),
            retry: { maxAttempts: 1 },
            mode: 'dropMalformed',
            deadLetters,
          }),
      )
    const held = () => ({
      main: sink.rows.map(({ id }) => id),
      dead: letters.rows.map(({ row }) => (JSON.parse(row) as { id: number }).id),
    })
    return { run, held, looked }
  }
  /** Throws the first time. */
  function once(error: Error) {
    let thrown = false
    return () => {
      if (thrown) return
      thrown = true
      throw error
    }
  }

  it('leave no row in neither sink when a further row is refused, and the main sink has the batch once', async () => {
    const fail = once(new Error('disk'))
    const { run, held } = lookups((takeEffect) => {
      fail()
      return takeEffect()
    })
    expect(await run([1])).toMatchObject({ error: { cause: expect.any(CommitInDoubtError) } })
    expect(held()).toEqual({ main: [2, 3], dead: [] })
    expect(await run([1, 2])).not.toHaveProperty('error')
    expect(held()).toEqual({ main: [2, 3], dead: [1, 2] })
    expect(await run([])).toEqual({ values: [] })
  })

  it('do not read again what both sinks hold', async () => {
    const fail = once(new Error('connection lost'))
    const { run, held, looked } = lookups((takeEffect) => {
      takeEffect()
      return fail()
    })
    expect(await run([1])).toHaveProperty('error')
    expect(looked).toEqual(ids)
    expect(await run([2])).not.toHaveProperty('error')
    expect(looked).toEqual(ids)
    expect(held()).toEqual({ main: [2, 3], dead: [1] })
    expect(await run([])).toEqual({ values: [] })
  })
})
