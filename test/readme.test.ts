import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import * as operators from '../operators/index.ts'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { defaultRetain } from '../src/checkpoint/options.ts'
import { queueRules, rabbitQueueSettings } from '../src/connectors/rabbitmq/queue-options.ts'
import { rabbitSinkSettings, sinkRules } from '../src/connectors/rabbitmq/sink-options.ts'
import { rabbitStreamSettings, streamRules } from '../src/connectors/rabbitmq/stream-options.ts'
import { clientSettings } from '../src/connectors/rest/http/options.ts'
import * as http from '../src/connectors/rest/index.ts'
import { httpSinkSettings } from '../src/connectors/rest/sink/options.ts'
import * as errors from '../src/errors.ts'
import type { QueryEvent } from '../src/events.ts'
import { computeGuarantee, type GuaranteeInput } from '../src/guarantee.ts'
import * as sluice from '../src/index.ts'
import { querySettings } from '../src/query-options.ts'
import { guideOf, guides } from './guides.ts'
import { blocksOf, readme, tableWith } from './readme-blocks.ts'

const root = new URL('../', import.meta.url)

test.for(guides)('every link of $file leads to a file', ({ file, text }) => {
  const targets = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, target]) => target!)
  expect(targets.length).toBeGreaterThan(0)
  const here = new URL(file, root)
  expect(targets.filter((target) => !/^https?:/.test(target) && !existsSync(new URL(target, here)))).toEqual([])
})

test('the README leads to every guide', () => {
  expect(
    guides.map(({ file }) => file).filter((file) => file !== 'README.md' && !readme.includes(`](${file})`)),
  ).toEqual([])
})

test('every npm command is a script, and the named Node is the one of the package', () => {
  const { scripts, engines } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    scripts: Record<string, string>
    engines: { node: string }
  }
  const commands = guides.flatMap(({ text }) => [...text.matchAll(/npm (?:run )?([\w:]+)/g)].map(([, name]) => name!))
  expect(commands).toContain('start')
  expect(commands.filter((name) => scripts[name] === undefined)).toEqual([])
  expect(engines.node).toBe(`>=${/Node (\d+\.\d+)/.exec(readme)?.[1]}.0`)
})

test('no program writes where another one or an example does', () => {
  const foldersOf = (code: string) => [
    ...new Set([...code.matchAll(/'((?:data|checkpoints)\/[\w-]+)'/g)].map(([, name]) => name!)),
  ]
  const folders = guides.flatMap(({ blocks }) => blocks.flatMap(({ code }) => foldersOf(code)))
  expect(folders.length).toBeGreaterThan(5)
  expect(folders.filter((name, index) => folders.indexOf(name) !== index)).toEqual([])
  const examples = readdirSync(new URL('examples/', root))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(new URL(`examples/${file}`, root), 'utf8'))
    .flatMap((code) => [...code.matchAll(/(?:\$\{(?:data|checkpoints)\}\/|const name = `)([a-z]+(?:-[a-z]+)*)/g)])
    .map(([, name]) => name!)
  expect(examples).toEqual(expect.arrayContaining(['weather', 'current', 'comments', 'by-hand', 'earthquakes']))
  expect(folders.filter((name) => examples.some((example) => name.split('/')[1]!.startsWith(example)))).toEqual([])
})

test('every example is in the list, and is run by the tests', () => {
  const listed = [...readme.matchAll(/^\| \[[\w-]+\]\(examples\/(\d\d-[\w-]+\.ts)\)/gm)].map(([, file]) => file!)
  expect(listed).toEqual(
    readdirSync(new URL('examples/', root))
      .filter((file) => /^\d/.test(file))
      .sort(),
  )
  const tests = ['delta', 'weather', 'examples', 'rest', 'tables'].map((name) =>
    readFileSync(new URL(`test/examples/${name}.integration.test.ts`, root), 'utf8'),
  )
  expect(listed.filter((file) => !tests.some((code) => code.includes(`('${file}'`)))).toEqual([])
})

test('every block is a whole program', () => {
  expect(blocksOf(readme).length).toBeGreaterThan(9)
  for (const { file, text, blocks } of guides) {
    expect(blocks.length, file).toBeGreaterThan(0)
    expect(blocks.filter(({ code }) => !/^import .* from 'sluice/m.test(code)).map(({ name }) => name)).toEqual([])
    expect(text.match(/^```\w+$/gm)?.filter((fence) => fence !== '```ts' && fence !== '```text')).toEqual([])
  }
})

describe('the table of', () => {
  const cases: Readonly<Record<string, Pick<GuaranteeInput, 'reader' | 'identity'>>> = {
    replayable: { reader: 'replayable' },
    queue: { reader: 'acked' },
    'queue, journaled': { reader: 'journaled', identity: false },
    'queue, journaled with identity': { reader: 'journaled', identity: true },
  }
  test('guarantees is what is computed', () => {
    const table = tableWith(readme, 'source')
    expect(table.map(({ source }) => source)).toEqual(Object.keys(cases))
    for (const { source, ...cells } of table) {
      const level = (writer: GuaranteeInput['writer']) =>
        computeGuarantee({ ...cases[source!]!, writer, deterministic: true, durable: true }).level
      expect(cells, source).toEqual({
        'transactional sink': level('transactional'),
        "idempotent: 'key'": level({ idempotent: 'key' }),
        "idempotent: 'position'": level({ idempotent: 'position' }),
        append: level('append'),
      })
    }
    const base = { reader: 'replayable', writer: { idempotent: 'key' }, deterministic: true, durable: true } as const
    expect(computeGuarantee({ ...base, deterministic: false }).level).toBe('at-least-once')
    expect(computeGuarantee({ ...base, durable: false }).level).toBe('at-least-once')
    expect(computeGuarantee({ ...base, writer: 'transactional', deterministic: false }).level).toBe('exactly-once')
  })

  test('errors names every code, its class, and whether it is retryable', () => {
    const expected = Object.values(errors.errorCodes).map((code) => {
      if (code === 'SLUICE_HTTP') return { code, class: http.HttpError.name, retryable: 'as the answer says' }
      const found = Object.entries(errors).find(([name, value]) => {
        if (!name.endsWith('Error') || typeof value !== 'function' || name === 'SluiceError') return false
        const Class = value as new (message: string, place?: object, cause?: unknown) => errors.SluiceError
        return new Class('', {}).code === code
      })
      expect(found, code).toBeDefined()
      const [name, value] = found!
      const { retryable } = new (value as new (message: string, place: object) => errors.SluiceError)('', {})
      return { code, class: name, retryable: code === 'SLUICE_QUERY' ? 'as its cause' : retryable ? 'yes' : 'no' }
    })
    expect(tableWith(readme, 'code')).toEqual(expected)
  })

  test('sinks says what each promises', () => {
    const table = Object.fromEntries(
      tableWith(readme, 'sink').map(({ sink, guarantee }) => [/^\w+/.exec(sink!)?.[0], guarantee]),
    )
    const made = {
      jsonLines: sluice.jsonLines({ path: 'nowhere' }),
      console: sluice.console(),
      forEachBatch: sluice.forEachBatch(() => {}),
      memorySink: sluice.memorySink(),
      noop: sluice.noop(),
    }
    for (const [name, { streamWriter }] of Object.entries(made)) {
      expect(table[name]?.split(/[,:]/)[0], name).toBe(streamWriter().guarantee)
    }
  })

  test('options has the defaults', () => {
    const settings = querySettings({ name: 'q', checkpoint: memoryCheckpoint() })
    const table = Object.fromEntries(tableWith(readme, 'option').map((row) => [row.option, row.default]))
    expect(table).toMatchObject({
      concurrency: String(settings.concurrency),
      highWaterMark: String(settings.highWaterMark),
      highWaterBytes: `${settings.highWaterBytes / 2 ** 20} MiB`,
      maxPushed: String(settings.maxPushed),
      stallAfter: `${settings.stallAfterMs / 60_000} minute`,
      restart: `${settings.restart.maxAttempts} run`,
    })
    const { maxAttempts, initialDelayMs, factor, maxDelayMs } = settings.retry
    expect(table.retry).toBe(
      `${maxAttempts} attempts, ${initialDelayMs} ms · ${factor}ⁿ with full jitter, ${maxDelayMs / 1000} s at most`,
    )
    expect(readme).toContain(`The last ${defaultRetain} batches are kept`)
  })

  test('options of HTTP has the defaults', () => {
    const defaultsOf = (header: string) =>
      Object.fromEntries(tableWith(guideOf('rest'), header).map((row) => [row[header], row.default]))
    const { retry, ...settings } = clientSettings('rest', {})
    expect(defaultsOf('of rest and httpSink')).toMatchObject({
      retry: `${retry.maxAttempts} attempts, ${retry.initialDelayMs} ms · ${retry.factor}ⁿ with full jitter, ${retry.maxDelayMs / 1000} s at most`,
      maxRetryAfter: `${settings.maxRetryAfterMs / 60_000} minutes`,
      timeout: `${settings.authorizeMs / 60_000} minute for who asks (a token, a vault), ${settings.connectMs / 1000} s to connect, ${settings.headersMs / 60_000} minute for the headers, ${settings.idleMs / 60_000} minute without a byte, ${settings.totalMs / 60_000} minutes in all`,
    })
    const sink = httpSinkSettings({ url: 'http://127.0.0.1/' })
    expect(defaultsOf('of httpSink')).toMatchObject({
      batchSize: String(sink.batchSize),
      format: `'${sink.format}'`,
      idempotency: inspect(sink.idempotency),
    })
  })

  test('options of RabbitMQ has the defaults, and every option', () => {
    const url = 'amqp://127.0.0.1'
    const table = (header: string) =>
      Object.fromEntries(tableWith(guideOf('rabbitmq'), header).map((row) => [row[header]!, row.default]))
    const { connection, ...queue } = rabbitQueueSettings({ url, queue: 'q', poison: { deadLetter: () => undefined } })
    const { reconnect } = connection
    expect(table('connection')).toMatchObject({
      heartbeat: `${connection.targets[0]?.heartbeat} seconds`,
      connectTimeout: `${connection.connectTimeoutMs / 1000} seconds`,
      openTimeout: `${connection.openTimeoutMs / 1000} seconds`,
      reconnect: `${reconnect.initialDelayMs} ms · ${reconnect.factor}ⁿ, ${reconnect.maxDelayMs / 1000} s at most, full jitter`,
    })
    expect(table('queue')).toMatchObject({
      content: queue.content,
      prefetch: String(queue.prefetch),
      partitions: String(queue.partitions),
      consumerTimeout: `${queue.consumerTimeoutMs / 60_000} minutes`,
      progressTimeout: `${queue.progressMs / 1000} seconds`,
    })
    expect(queue.maxBatch).toBe(queue.prefetch / 2)
    expect(guideOf('rabbitmq')).toContain(`\`failures\` (${queue.poison?.failures})`)
    const stream = rabbitStreamSettings({ url, stream: 's' })
    expect(table('stream')).toMatchObject({
      from: stream.from,
      prefetch: String(stream.prefetch),
      readAhead: String(stream.readAheadRows),
      readAheadBytes: `${stream.readAheadBytes / 2 ** 20} MiB`,
    })
    const sink = rabbitSinkSettings({ url, queue: 'q' })
    expect(table('sink')).toMatchObject({
      deduplicated: String(sink.deduplicated),
      persistent: String(sink.persistent),
      mandatory: String(sink.mandatory),
      maxInFlight: String(sink.maxInFlight),
      maxInFlightBytes: `${sink.maxInFlightBytes / 2 ** 20} MiB`,
      confirmTimeout: `${sink.confirmMs / 1000} seconds`,
    })
    const names = (header: string) => Object.keys(table(header)).flatMap((cell) => cell.match(/[a-z]\w+/g) ?? [])
    const connectionOptions = names('connection')
    for (const [header, rules] of [
      ['queue', queueRules],
      ['stream', streamRules],
      ['sink', sinkRules],
    ] as const)
      expect([...names(header), ...connectionOptions]).toEqual(
        expect.arrayContaining(Object.keys(rules).filter((name) => name !== 'url')),
      )
  })

  test('what is guaranteed of RabbitMQ is what is computed', () => {
    const sinks = [
      ['transactional', 'transactional'],
      ['key', { idempotent: 'key' }],
      ['position', { idempotent: 'position' }],
      ['append', 'append'],
    ] as const
    const sources = {
      rabbitmqQueue: { reader: 'acked' },
      'journaled(rabbitmqQueue)': { reader: 'journaled' },
      'journaled(rabbitmqQueue, { identity })': { reader: 'journaled', identity: true },
      rabbitmqStream: { reader: 'replayable' },
    } as const
    const table = tableWith(guideOf('rabbitmq'), 'queue, by sink')
    const expected = Object.entries(sources).map(([source, reader]) => ({
      'queue, by sink': source,
      ...Object.fromEntries(
        sinks.map(([name, writer]) => [
          name,
          computeGuarantee({ ...reader, writer, deterministic: true, durable: true }).level,
        ]),
      ),
    }))
    expect(table).toEqual(expected)
  })

  test.for([
    ['what is new, or how it is cut', 'what is new, or how it is cut', 4],
    ['pages', 'pagination', 6],
    ['who asks', 'auth', 10],
  ] as const)('"%s" names what is exported', ([header, column, count]) => {
    const exported: Readonly<Record<string, unknown>> = http
    const names = tableWith(guideOf('rest'), header).flatMap((row) => row[column]?.match(/\w+(?=\()/g) ?? [])
    expect(names.filter((name) => typeof exported[name] !== 'function')).toEqual([])
    expect(names.length).toBeGreaterThanOrEqual(count)
  })

  test.for([
    ['trigger', ['any']],
    ['checkpoint', []],
    ['operator', []],
    ['helper', []],
    ['sink', []],
  ] as const)('%s names what is exported', ([header, others]) => {
    const exported: Readonly<Record<string, unknown>> = { ...sluice, ...operators }
    const names = tableWith(readme, header).flatMap((row) => row[header]!.match(/^\w+|(?<=^\w+(?:, \w+)*, )\w+/g) ?? [])
    expect(names.length).toBeGreaterThan(2)
    expect(names.filter((name) => typeof exported[name] !== 'function')).toEqual(others)
  })
})

test('the list of events is complete', () => {
  const types = {
    started: 1,
    triggered: 1,
    overrun: 1,
    planned: 1,
    captured: 1,
    'partition-started': 1,
    'partition-progress': 1,
    'partition-finished': 1,
    'partition-failed': 1,
    retry: 1,
    lag: 1,
    stall: 1,
    watchdog: 1,
    skipped: 1,
    'sink-committed': 1,
    done: 1,
    'source-committed': 1,
    released: 1,
    settlements: 1,
    phase: 1,
    idle: 1,
    warning: 1,
    restarting: 1,
    failed: 1,
    stopped: 1,
  } satisfies Record<QueryEvent['type'], 1>
  const list = /tells everything as it happens: ([\s\S]*?)\.\n/.exec(readme)?.[1]
  expect([...list!.matchAll(/`([\w-]+)`/g)].map(([, name]) => name)).toEqual(Object.keys(types))
})
