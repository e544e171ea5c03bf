import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { firstValueFrom, from, isObservable, type ObservableInput } from 'rxjs'
import { OptionError } from '../../errors.ts'
import { fromCommand, fromResult, type Result } from '../../result.ts'

/**
 * One thing that a connector has to do. For any runner: `for (const { name, run } of suite) test(name, run)`.
 * `run` fails with an `AssertionError`, or with the connector's own error.
 */
export interface ConformanceTest<Name extends string = string> {
  readonly name: Name
  readonly run: () => Promise<void>
}

/** What all suites are told. */
export interface SuiteOptions<Name extends string> {
  /** Tests that don't apply; say why beside it. Nothing is ever left out by itself. */
  readonly leaveOut?: readonly NoInfer<Name>[]
  /** How long a call may take. @default 10_000 */
  readonly patienceMs?: number
}

/** What a suite's `make` answers with has, whatever it tests. */
export interface UnderTest {
  /** Texts that nobody may be told: passwords, tokens. */
  readonly secrets?: readonly string[]
  /** Frees what was made, also when the test failed. */
  readonly close?: () => Result<unknown>
}

const defaultPatienceMs = 10_000
/** Of the test that a call is made by: suites may run side by side. */
const patience = new AsyncLocalStorage<number>()
/** `make` and `close` may start and end servers. */
const patienceForServers = 6

/** Builds the list: each test makes what it tests, and closes it. @throws OptionError for the name of no test. */
export function suiteOf<Made extends UnderTest, Name extends string>(
  owner: string,
  make: () => Result<Made>,
  tests: Readonly<Record<Name, (made: Made) => Promise<void>>>,
  { leaveOut = [], patienceMs = defaultPatienceMs }: SuiteOptions<Name>,
): readonly ConformanceTest<Name>[] {
  const names = Object.keys(tests) as Name[]
  for (const name of leaveOut) {
    if (!names.includes(name))
      throw new OptionError(`${owner}: option "leaveOut" names ${JSON.stringify(name)}, and there is no such test`)
  }
  return names
    .filter((name) => !leaveOut.includes(name))
    .map((name) => ({
      name,
      run: async () => {
        const withServers = <T>(work: () => Promise<T>) => patience.run(patienceMs * patienceForServers, work)
        const made = await withServers(() => settled(() => make(), 'make'))
        try {
          await patience.run(patienceMs, () => tests[name](made))
        } finally {
          const { close } = made
          if (close !== undefined) await withServers(() => done(close, 'close'))
        }
      },
    }))
}

/** The hook of a test. @throws OptionError when there is none. */
export function hook<T>(value: T | undefined, name: string, test: string): T {
  if (value !== undefined) return value
  throw new OptionError(
    `this test needs "${name}" from make; where that can't be had, say { leaveOut: [${JSON.stringify(test)}] }`,
  )
}

/** The answer of a port; an error once the patience of the test is over. @param port its name in that error. */
export function settled<T>(call: () => Result<T>, port?: string): Promise<T> {
  return answered(firstValueFrom(fromResult(nameOf(port), call)), port)
}

/** A command that has come to its end; an error once the patience of the test is over. @param port its name in that error. */
export function done(call: () => Result<unknown>, port?: string): Promise<unknown> {
  return answered(firstValueFrom(fromCommand(call)), port)
}

function answered<T>(answer: Promise<T>, port: string | undefined): Promise<T> {
  return within(answer, nameOf(port), patience.getStore() ?? defaultPatienceMs)
}

function nameOf(port: string | undefined): string {
  return port === undefined ? 'a port' : JSON.stringify(port)
}

/** Settles as `work` does, or fails once `patienceMs` are over. */
export async function within<T>(work: PromiseLike<T>, what: string, patienceMs: number): Promise<T> {
  const over = new AbortController()
  const late = sleep(patienceMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`${what} took more than ${patienceMs} ms`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}

/** Waits until something is so. */
export async function eventually(isSo: () => Result<boolean>, what: string, patienceMs: number): Promise<void> {
  const end = performance.now() + patienceMs
  while (!(await settled(isSo))) {
    if (performance.now() > end) throw new Error(`${what}: not so after ${patienceMs} ms`)
    await sleep(5)
  }
}

/** Lets everything that is ready run, several times. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}

/** Chunks, whatever they come in. */
export async function* chunksOf<Row>(chunks: ObservableInput<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  if (typeof chunks === 'object' && chunks !== null && (Symbol.asyncIterator in chunks || Symbol.iterator in chunks)) {
    yield* chunks as AsyncIterable<readonly Row[]>
    return
  }
  const all: (readonly Row[])[] = []
  await from(isObservable(chunks) ? chunks : from(chunks)).forEach((chunk) => {
    all.push(chunk)
  })
  yield* all
}

/** Everything that can be read off a value: texts, causes, stacks, hidden properties. */
export function everythingIn(values: readonly unknown[]): string {
  return values
    .map((value) => inspect(value, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null }))
    .join('\n')
}

/** An error and its causes. */
function causesOf(error: unknown): readonly unknown[] {
  const causes: unknown[] = []
  for (let at = error; at !== undefined && at !== null && !causes.includes(at); ) {
    causes.push(at)
    at = at instanceof Error ? at.cause : undefined
  }
  return causes
}

/** Fails unless an error, or one of its causes, is what was expected, or says it. @param expected an error, or a part of its message. */
export function expectCause(expected: unknown, error: unknown): void {
  const causes = causesOf(error)
  const found = causes.some(
    (cause) =>
      cause === expected ||
      (cause instanceof Error && typeof expected === 'string' && cause.message.includes(expected)),
  )
  assert.ok(found, `${String(expected)} is not among the causes: ${causes.map(String).join(' ← ')}`)
}

/** Fails when a secret can be read off what was told. */
export function expectNoSecrets(secrets: readonly string[] = [], told: readonly unknown[]): void {
  assert.ok(secrets.length > 0, 'make says no "secrets"; where there are none, leave this test out')
  const text = everythingIn(told)
  for (const secret of secrets)
    for (const [how, form] of formsOf(secret))
      assert.ok(!text.includes(form), `a secret is told ${how}in progress, in an event or in an error`)
}

/** A secret, and what it looks like on its way: in a URL, a JSON text, a header of Basic authentication. */
function formsOf(secret: string): readonly (readonly [how: string, form: string])[] {
  const bytes = Buffer.from(secret)
  // In base64 it looks in three ways, by its place; the letters at its ends are shared with what stands beside it.
  const base64 = [0, 1, 2].flatMap((before) => {
    const all = Buffer.concat([Buffer.alloc(before), bytes])
    const from = Math.ceil((before * 8) / 6)
    const to = Math.floor((all.length * 8) / 6)
    return (['base64', 'base64url'] as const).map((encoding) => all.toString(encoding).slice(from, to))
  })
  return [
    ['', secret],
    ['escaped ', JSON.stringify(secret).slice(1, -1)],
    ['as part of a URL ', encodeURIComponent(secret)],
    // What is shorter is found by chance.
    ...[...base64, bytes.toString('hex')]
      .filter(({ length }) => length >= 6)
      .map((form) => ['encoded ', form] as const),
  ]
}

/** What a run fails with. Fails itself when it does not. */
export async function failureOf(run: PromiseLike<unknown>, what: string, patienceMs: number): Promise<unknown> {
  const outcome = await within(
    run.then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
    'the query',
    patienceMs,
  )
  assert.ok(outcome !== undefined, what)
  return outcome.error
}
