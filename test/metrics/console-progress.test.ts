import { Writable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { pino } from 'pino'
import { of, throwError, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { OptionError } from '../../src/errors.ts'
import { consoleProgress, type ProgressStream } from '../../src/metrics/console-progress.ts'
import { type Logger, logRun } from '../../src/metrics/logger.ts'
import { Monitor } from '../../src/metrics/monitor.ts'
import { readStream } from '../../src/stream.ts'
import { tee } from '../../src/tee.ts'
import { availableNow } from '../../src/trigger.ts'
import { numberSink, numberSource } from '../engine/recording.ts'
import { fakeRun } from './a-monitor.ts'

function stream(isTTY: boolean) {
  let text = ''
  const out = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk)
      done()
    },
  })
  return { out: Object.assign(out, { isTTY, columns: 200, rows: 50 }) as ProgressStream, text: () => text }
}

function query(failures = 1) {
  let left = failures
  const sink = numberSink([], [], {
    write: () => (left-- > 0 ? throwError(() => new Error('password=hunter2 is wrong')) : of(0)),
  })
  return readStream(numberSource(() => 12)).writeStream(sink, {
    name: 'numbers',
    checkpoint: memoryCheckpoint(),
    trigger: availableNow(),
    limit: { maxRows: 6 },
    retry: { initialDelayMs: 0 },
  })
}

describe('consoleProgress', () => {
  it('writes a plain line for each batch and each problem where there is no terminal', async () => {
    const monitor = new Monitor()
    const { out, text } = stream(false)
    const shown = consoleProgress(monitor, { out })
    const run = query().start()
    monitor.watch(run)
    await run.terminated
    shown.unsubscribe()
    const lines = text().trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/^partition: numbers, batch 0, partition [01]: password=\*\*\* is wrong$/)
    expect(lines[1]).toMatch(/^numbers · batch 0: 6 rows in \d+ ms · [\d,]+ rows\/s · 6 committed · /)
    expect(lines[2]).toMatch(/^numbers · batch 1: 6 rows in \d+ ms · [\d,]+ rows\/s · 12 committed · /)
    expect(text()).not.toContain('\x1b')
  })

  it('rewrites its lines on a terminal, and leaves the last ones', async () => {
    const monitor = new Monitor()
    const { out, text } = stream(true)
    const shown = consoleProgress(monitor, { out, partitions: true })
    const run = query(0).start()
    monitor.watch(run)
    await run.terminated
    shown.unsubscribe()
    const plain = stripVTControlCharacters(text())
    expect(plain).toMatch(
      /numbers · batch 1: 6 rows in \d+ ms · [\d,]+ rows\/s · 12 committed · ended\n {2}0 +idle +6 read +6 committed/,
    )
    expect(text()).toContain('\x1b')
  })

  it('shows what a server said, and doesn’t do it', () => {
    for (const isTTY of [false, true]) {
      const scheduler = new VirtualTimeScheduler()
      const monitor = new Monitor({ scheduler })
      const { out, text } = stream(isTTY)
      const shown = consoleProgress(monitor, { out, scheduler, partitions: true })
      const run = fakeRun('q\u001b]0;owned\u0007')
      monitor.watch(run)
      run.tell(0, { type: 'warning', message: 'said \u001b[2J\u009b31m\r\n\u202egnihton' })
      scheduler.maxFrames = 1_000
      scheduler.flush()
      shown.unsubscribe()
      const plain = stripVTControlCharacters(text())
      expect(plain).toContain('warning: q ]0;owned : said  [2J 31m  gnihton')
      for (const evil of ['\u001b]0;', '\u0007', '\u001b[2J', '\u009b', '\r\n\u202e', '\u202e'])
        expect([isTTY, evil, text().includes(evil)]).toEqual([isTTY, evil, false])
    }
  })

  it('that can’t write any more ends, and neither the query nor the process with it', () => {
    const warnings: string[] = []
    const emitWarning = process.emitWarning
    process.emitWarning = ((message: string) => void warnings.push(message)) as typeof emitWarning
    onTestFinished(() => {
      process.emitWarning = emitWarning
    })
    const scheduler = new VirtualTimeScheduler()
    const monitor = new Monitor({ scheduler })
    const { out } = stream(true)
    const broken = Object.assign(out, {
      write: () => {
        throw new Error('EIO: password=hunter2')
      },
    })
    const shown = consoleProgress(monitor, { out: broken, scheduler })
    const run = fakeRun()
    monitor.watch(run)
    run.tell(0, { type: 'triggered' })
    scheduler.maxFrames = 2_000
    scheduler.flush()
    expect(shown.closed).toBe(true)
    expect(warnings).toEqual(['consoleProgress has ended: EIO: password=***'])
    expect(monitor.health().ready).toBe(true)
  })

  it('keeps no timer while no query runs', () => {
    const scheduler = new VirtualTimeScheduler()
    const monitor = new Monitor({ scheduler })
    consoleProgress(monitor, { out: stream(true).out, scheduler })
    const run = fakeRun()
    monitor.watch(run)
    run.tell(0, { type: 'triggered' })
    scheduler.schedule(() => run.tell(900, { type: 'stopped' }), 900)
    scheduler.flush() // without an end to it this would never return
    expect(scheduler.frame).toBeLessThan(2_000)
  })

  it('writes nothing after it has ended, and refuses what is no stream', () => {
    const monitor = new Monitor()
    const { out, text } = stream(false)
    consoleProgress(monitor, { out }).unsubscribe()
    const run = fakeRun()
    monitor.watch(run)
    run.tell(0, { type: 'warning', message: 'never mind' })
    expect(text()).toBe('')
    expect(() => consoleProgress(monitor, { out: {} as ProgressStream })).toThrow(OptionError)
  })
})

describe('logRun', () => {
  it('takes pino: structured lines, quiet by default, no secrets', async () => {
    const { out, text } = stream(false)
    const logger: Logger = pino({ level: 'debug', base: null, timestamp: false }, out as Writable)
    const run = query().start()
    logRun(run, logger)
    await run.terminated
    const lines = text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: number; event: string; msg: string })
    const by = (event: string) => lines.filter((line) => line.event === event)
    expect(by('started')).toMatchObject([{ level: 30, query: 'numbers', guarantee: 'at-least-once' }])
    expect(by('partition-failed')).toMatchObject([
      { level: 40, error: { type: 'Error', message: 'password=*** is wrong' } },
    ])
    expect(by('done').map(({ level }) => level)).toEqual([20, 20])
    expect(by('stopped')).toMatchObject([{ level: 30 }])
    expect(text()).not.toContain('hunter2')
    const quiet = query(0).start()
    await quiet.terminated
    expect(text().trimEnd().split('\n')).toHaveLength(lines.length)
  })

  it('tells what each sink of several gets', async () => {
    const lines: object[] = []
    const note = (fields: object): void => void lines.push(fields)
    const sinks = { table: memorySink(), live: numberSink([], [], { guarantee: 'append' }) }
    const run = readStream(numberSource(() => 3))
      .writeStream(tee(sinks), { name: 'both', checkpoint: memoryCheckpoint(), trigger: availableNow() })
      .start()
    logRun(run, { debug: note, info: note, warn: note, error: note })
    await run.terminated
    expect(lines[0]).toMatchObject({
      event: 'started',
      guarantee: 'at-least-once',
      guarantees: { live: 'at-least-once' },
    })
    expect(lines[0]).toHaveProperty('guarantees.table')
  })

  it('is not hurt by a logger that throws', async () => {
    const warnings: string[] = []
    const note = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', note)
    const broken = () => {
      throw new Error('the disk of the logs is full')
    }
    const run = query(0).start()
    logRun(run, { debug: broken, info: broken, warn: broken, error: broken })
    await run.terminated
    await new Promise(setImmediate)
    process.off('warning', note)
    expect(warnings).toEqual(['an observer of events$ threw: the disk of the logs is full'])
  })
})
