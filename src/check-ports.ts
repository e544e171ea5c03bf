import { isObservable } from 'rxjs'
import { OptionError } from './errors.ts'
import type { StreamWriter } from './sink.ts'
import type { AckedReader, ReplayableReader, SimpleStreamReader } from './source.ts'

interface Port {
  readonly expected: string
  readonly accepts: (value: unknown) => boolean
  readonly required?: true
}

const call: Port = { expected: 'a function', accepts: (value) => typeof value === 'function' }
const needed: Port = { ...call, required: true }

const readerPorts = {
  initialOffset: needed,
  latestOffset: needed,
  partitions: needed,
  read: needed,
  kind: {
    expected: '"replayable" or "acked"',
    accepts: (value: unknown) => value === 'replayable' || value === 'acked',
  },
  commit: call,
  hold: call,
  outstanding: {
    expected: 'an integer from 1',
    accepts: (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0,
  },
  release: call,
  settlements: call,
  repeatable: { expected: 'true or false', accepts: (value: unknown) => typeof value === 'boolean' },
  compare: call,
  distance: call,
  distances: call,
  partitionKey: call,
  reportLatestOffset: call,
  stop: call,
  available: { expected: 'an Observable', accepts: isObservable },
  defaultLimit: { expected: 'an object', accepts: (value: unknown) => typeof value === 'object' && value !== null },
} as const satisfies Record<
  keyof Omit<ReplayableReader<never, never, never> & AckedReader<never, never, never>, symbol>,
  Port
>

const simplePorts = {
  initialOffset: needed,
  read: needed,
  readBetween: call,
  commit: call,
  compare: call,
  stop: call,
} as const satisfies Record<keyof SimpleStreamReader<never, never>, Port>

const writerPorts = {
  guarantee: {
    expected: '"transactional", "append", { idempotent: "key" } or { idempotent: "position" }',
    accepts: (value: unknown) => value === 'transactional' || value === 'append' || isIdempotent(value),
    required: true,
  },
  sinkGuarantees: {
    expected: 'the guarantees of the sinks it is made of, by sink id',
    accepts: (value: unknown) => typeof value === 'object' && value !== null,
  },
  open: needed,
  commit: needed,
  start: call,
  begin: call,
  abort: call,
  stop: call,
} as const satisfies Record<keyof StreamWriter<never, never>, Port>

/**
 * What types can't see: a JavaScript caller, a cast, an optional part with a slip in its name, which would never be called.
 * @throws OptionError naming the part and what it must be.
 */
export function checkReader(source: string, reader: object): void {
  const owner = `source ${JSON.stringify(source)}`
  const { hold, outstanding, release, ...replayable } = readerPorts
  const queue = (reader as { readonly kind?: unknown } | null)?.kind === 'acked'
  checkPorts(
    owner,
    reader,
    queue ? { ...replayable, hold, outstanding, commit: needed, release: { ...release, required: true } } : replayable,
  )
}

/** The same for a reader whose one call answers everything. @throws OptionError */
export function checkSimpleReader(owner: string, reader: object): void {
  checkPorts(owner, reader, simplePorts)
}

/** The same for a sink. @throws OptionError */
export function checkWriter(sink: string, writer: object): void {
  checkPorts(`sink ${JSON.stringify(sink)}`, writer, writerPorts)
}

function checkPorts(owner: string, port: unknown, ports: Readonly<Record<string, Port>>): void {
  if (typeof port !== 'object' || port === null) {
    throw new OptionError(`${owner}: it must be made as an object of ports (${Object.keys(ports).join(', ')})`)
  }
  const parts = port as Readonly<Record<string, unknown>>
  const names = namesOf(port)
  for (const [name, { expected, accepts, required }] of Object.entries(ports)) {
    const part = parts[name]
    if (part !== undefined ? accepts(part) : required !== true) continue
    const slip = part === undefined ? names.find((given) => given !== name && isSlip(given, name)) : undefined
    const found = part === undefined ? 'is missing' : 'is something else'
    throw new OptionError(
      `${owner}: "${name}" ${found}; it must be ${expected}${slip === undefined ? '' : `. Is "${slip}" meant to be it?`}`,
    )
  }
  for (const given of names) {
    if (Object.hasOwn(ports, given)) continue
    const meant = Object.keys(ports).find((name) => parts[name] === undefined && isSlip(given, name))
    if (meant !== undefined) throw new OptionError(`${owner}: "${given}" is no part of it; did you mean "${meant}"?`)
  }
}

/** Its own and those of its classes. */
function namesOf(port: object): string[] {
  const names: string[] = []
  for (let at: object | null = port; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    names.push(...Object.getOwnPropertyNames(at))
  }
  return names
}

function isIdempotent(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'idempotent' in value &&
    (value.idempotent === 'key' || value.idempotent === 'position')
  )
}

/**
 * Another case; or, in a name that is long enough to be no other word, one letter missing, doubled or another one within it, or two that changed places.
 * What has something before or behind it (`commits`, `_stop`, `available$`) is a name of its own.
 */
function isSlip(given: string, name: string): boolean {
  const [a, b] = [given.toLowerCase(), name.toLowerCase()]
  if (a === b) return true
  if (Math.abs(a.length - b.length) > 1 || b.length < 6) return false
  let same = 0
  while (same < a.length && same < b.length && a[same] === b[same]) same++
  const [restA, restB] = [a.slice(same), b.slice(same)]
  if (a.length > b.length) return restA.slice(1) === restB && restA !== a && restB !== ''
  if (a.length < b.length) return restA === restB.slice(1)
  return (
    restA.slice(1) === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  )
}
