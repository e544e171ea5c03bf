import { DeltaTableError } from '../../errors.ts'

/** What a reader and a writer of the table must be able to do. */
export interface Protocol {
  readonly minReaderVersion: number
  readonly minWriterVersion: number
  readonly readerFeatures?: readonly string[] | null
  readonly writerFeatures?: readonly string[] | null
}

/** What the table is: its schema, how it is partitioned, its properties. */
export interface MetaData {
  readonly id: string
  readonly schemaString: string
  readonly partitionColumns: readonly string[]
  readonly configuration: Readonly<Record<string, string>>
  readonly format: { readonly provider: string; readonly options?: Readonly<Record<string, string>> | null }
  readonly name?: string | null
  readonly description?: string | null
  readonly createdTime?: number | null
}

/** The last version that an application committed. */
export interface Txn {
  readonly appId: string
  readonly version: number
  /** Milliseconds since 1970. */
  readonly lastUpdated?: number | null
}

/** A file that belongs to the table. */
export interface Add {
  /** Relative to the table, percent-encoded as in a URI, or a URI. */
  readonly path: string
  readonly partitionValues: Readonly<Record<string, string | null>>
  /** Bytes. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modificationTime: number
  readonly dataChange: boolean
  /** JSON. */
  readonly stats?: string | null
  readonly tags?: Readonly<Record<string, string | null>> | null
  readonly deletionVector?: unknown
}

/** A file that belonged to the table. */
export interface Remove {
  readonly path: string
  readonly deletionTimestamp?: number | null
  readonly dataChange: boolean
  readonly extendedFileMetadata?: boolean | null
  readonly partitionValues?: Readonly<Record<string, string | null>> | null
  readonly size?: number | null
  readonly deletionVector?: unknown
}

/** One line of a log entry, by the name of what it does. Others than these concern neither an append nor a plain read. */
export interface Action {
  readonly protocol?: Protocol
  readonly metaData?: MetaData
  readonly txn?: Txn
  readonly add?: Add
  readonly remove?: Remove
  readonly commitInfo?: Readonly<Record<string, unknown>>
}

/** @param where the file, named in the error. @throws DeltaTableError for whatever is no log entry. */
export function parseEntry(text: string, where: string): Action[] {
  const lines = text.split('\n').map((line) => line.trim())
  const actions: Action[] = []
  for (const [index, line] of lines.entries()) {
    if (line === '') continue
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (cause) {
      throw new DeltaTableError(`${where}: line ${index + 1} is not JSON; the entry may be cut short`, { cause })
    }
    actions.push(checkAction(value, `${where}: line ${index + 1}`))
  }
  if (actions.length === 0) throw new DeltaTableError(`${where}: expected a log entry, found an empty file`)
  return actions
}

/** @throws DeltaTableError naming what is missing. */
export function checkAction(value: unknown, where: string): Action {
  if (!isRecord(value)) throw new DeltaTableError(`${where}: expected an action, found ${kindOf(value)}`)
  const action: Record<string, unknown> = {}
  for (const [name, check] of Object.entries(checks)) {
    const body = value[name]
    if (body === undefined || body === null) continue
    const mistake = isRecord(body) ? check(body) : 'an object'
    if (mistake !== undefined) throw new DeltaTableError(`${where}: expected ${mistake} in the action "${name}"`)
    action[name] = body
  }
  if (isRecord(value.commitInfo)) action.commitInfo = value.commitInfo
  return action
}

type Body = Readonly<Record<string, unknown>>

/** Each says what is expected and not there. */
const checks: Readonly<Record<string, (body: Body) => string | undefined>> = {
  protocol: (body) =>
    firstOf(
      [isVersion(body.minReaderVersion), 'a number "minReaderVersion"'],
      [isVersion(body.minWriterVersion), 'a number "minWriterVersion"'],
      [isNames(body.readerFeatures ?? []), 'names in "readerFeatures"'],
      [isNames(body.writerFeatures ?? []), 'names in "writerFeatures"'],
    ),
  metaData: (body) =>
    firstOf(
      [typeof body.id === 'string', 'a text "id"'],
      [typeof body.schemaString === 'string', 'a text "schemaString"'],
      [isNames(body.partitionColumns), 'names in "partitionColumns"'],
      [isTexts(body.configuration ?? {}), 'texts in "configuration"'],
      [isRecord(body.format) && typeof body.format.provider === 'string', 'a "format" with a "provider"'],
    ),
  txn: (body) =>
    firstOf(
      [typeof body.appId === 'string', 'a text "appId"'],
      [Number.isSafeInteger(body.version), 'a whole number "version"'],
    ),
  add: (body) =>
    firstOf(
      [typeof body.path === 'string', 'a text "path"'],
      [isTexts(body.partitionValues), 'texts in "partitionValues"'],
      [isVersion(body.size), 'a number "size"'],
    ),
  remove: (body) => firstOf([typeof body.path === 'string', 'a text "path"']),
}

function firstOf(...rules: readonly (readonly [fits: boolean, expected: string])[]): string | undefined {
  return rules.find(([fits]) => !fits)?.[1]
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isVersion(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
}

function isTexts(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((text) => typeof text === 'string' || text === null)
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
}
