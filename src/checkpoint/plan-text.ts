import { nodeZlib } from '../builtins.ts'
import { CheckpointCorruptError, describeError, PortError } from '../errors.ts'
import { canonicalOffset } from '../offset.ts'

/** A plan as a log keeps it. */
export interface LoggedPlan {
  readonly batchId: number
  readonly start: object
  readonly end: object
  readonly partitions: readonly unknown[]
  /** How many journal records belong to the batch. */
  readonly journal: number
}

/** A plan beside a log that Spark reads: `offsets` is the whole text of the entry it belongs to. */
export interface QuotingPlan extends LoggedPlan {
  readonly offsets?: string
}

/**
 * Three lines: the version, the plan as JSON, the CRC-32 of that line.
 * @param body the plan's JSON, where it is known.
 */
export function encodePlan(plan: QuotingPlan, body = JSON.stringify(plan)): string {
  return `v1\n${body}\n${checksum(body)}`
}

/**
 * @param where named in the error: a file, a table row.
 * @throws CheckpointCorruptError when the text is cut short, changed, newer, or not a plan.
 */
export function decodePlan(text: string, where: string, batchId: number): QuotingPlan {
  const [version, body, sum, ...rest] = text.split('\n')
  if (version !== undefined && /^v\d+$/.test(version) && version !== 'v1') {
    throw new CheckpointCorruptError(`${where}: expected version v1, found ${version}, which a newer release wrote`)
  }
  if (version !== 'v1' || body === undefined || sum !== checksum(body) || rest.length > 0) {
    throw new CheckpointCorruptError(
      `${where}: expected a whole plan (version, JSON and CRC-32), found ${text.length} other characters`,
    )
  }
  const plan = jsonOf(body)
  if (!isPlan(plan) || plan.batchId !== batchId)
    throw new CheckpointCorruptError(`${where}: expected the plan of batch ${batchId}, found ${body.slice(0, 60)}`)
  try {
    canonicalOffset(plan.start, `${where}: start`)
    canonicalOffset(plan.end, `${where}: end`)
  } catch (cause) {
    throw new CheckpointCorruptError(`${where}: expected two offsets, found: ${describeError(cause)}`, { cause })
  }
  return plan
}

/** `undefined`, which is no plan, for what isn't JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Refuses what JSON would silently turn into something else, so that a replayed batch has exactly the partitions of the first time.
 * A property that is `undefined` is as good as none.
 * @throws PortError naming the place.
 */
export function assertJson(value: unknown, path: string): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return
  if (typeof value === 'number' && Number.isFinite(value)) return
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) assertJson(item, `${path}[${index}]`)
    return
  }
  if (typeof value === 'object' && isPlain(value)) {
    for (const [name, item] of Object.entries(value)) if (item !== undefined) assertJson(item, `${path}.${name}`)
    return
  }
  const found =
    typeof value === 'object'
      ? `a ${value.constructor?.name ?? 'object'}`
      : typeof value === 'number'
        ? String(value)
        : typeof value
  throw new PortError(`${path} must be JSON, so that the batch can be replayed from the log, and it is ${found}`)
}

function isPlain(value: object): boolean {
  // Instances of a user's class are: what they hold survives. Dates, maps, sets, bytes and errors are not.
  return Object.prototype.toString.call(value) === '[object Object]' && !('toJSON' in value) && !hasAccessors(value)
}

/** What a getter answers is not in the text. */
function hasAccessors(value: object): boolean {
  for (let part: unknown = value; part !== Object.prototype && typeof part === 'object' && part !== null; ) {
    for (const name of Object.getOwnPropertyNames(part)) {
      if (name !== '__proto__' && Object.getOwnPropertyDescriptor(part, name)?.get !== undefined) return true
    }
    part = Object.getPrototypeOf(part)
  }
  return false
}

function isPlan(value: unknown): value is QuotingPlan {
  return (
    typeof value === 'object' &&
    value !== null &&
    'partitions' in value &&
    Array.isArray(value.partitions) &&
    'journal' in value &&
    Number.isSafeInteger(value.journal) &&
    'batchId' in value &&
    'start' in value &&
    'end' in value
  )
}

function checksum(body: string): string {
  return `crc32 ${nodeZlib().crc32(body).toString(16).padStart(8, '0')}`
}
