import { DeltaTableError } from '../../errors.ts'
import { isRecord, type MetaData, type Protocol } from './actions.ts'

/** What a table of our own asks of its readers and writers: nothing that not all of them can. */
export const plainProtocol: Protocol = { minReaderVersion: 1, minWriterVersion: 2 }

/** Features of a table that ask nothing of somebody who only appends, or that appending honours. */
const harmless = new Set(['appendOnly', 'invariants'])

/** By table property, what it turns on. */
const properties: Readonly<Record<string, string>> = {
  'delta.enableChangeDataFeed': 'changeDataFeed',
  'delta.enableRowTracking': 'rowTracking',
  'delta.enableInCommitTimestamps': 'inCommitTimestamp',
  'delta.enableIcebergCompatV1': 'icebergCompatV1',
  'delta.enableIcebergCompatV2': 'icebergCompatV2',
}

/** By the metadata of a column, what it turns on. */
const columnMetadata: Readonly<Record<string, string>> = {
  'delta.invariants': 'invariants',
  'delta.generationExpression': 'generatedColumns',
  'delta.identity.start': 'identityColumns',
  'delta.columnMapping.id': 'columnMapping',
  'delta.columnMapping.physicalName': 'columnMapping',
}

/**
 * @param where the table, named in the error.
 * @throws DeltaTableError naming the feature that a reader must know and this one doesn't.
 */
export function refuseUnreadable(where: string, protocol: Protocol, metaData: MetaData): void {
  refuse(where, 'read', [
    ...(protocol.readerFeatures ?? []),
    ...columnMappingOf(metaData),
    ...(protocol.minReaderVersion > 1 && (protocol.readerFeatures ?? []).length === 0 && protocol.minReaderVersion !== 3
      ? [`reader version ${protocol.minReaderVersion}`]
      : []),
    ...(metaData.format.provider === 'parquet' ? [] : [`format ${metaData.format.provider}`]),
  ])
}

/** @throws DeltaTableError naming the feature that a writer must honour and this one can't. */
export function refuseUnwritable(where: string, protocol: Protocol, metaData: MetaData): void {
  refuseUnreadable(where, protocol, metaData)
  const { minWriterVersion, writerFeatures } = protocol
  const features = (writerFeatures ?? []).filter((name) => !harmless.has(name))
  const version =
    minWriterVersion > 2 && !(minWriterVersion === 7 && writerFeatures !== undefined && writerFeatures !== null)
  refuse(where, 'written', [
    ...features,
    ...enabledIn(metaData),
    ...columnsIn(metaData),
    ...(version ? [`writer version ${minWriterVersion}`] : []),
  ])
}

function refuse(where: string, what: 'read' | 'written', features: readonly string[]): void {
  if (features.length === 0) return
  const names = [...new Set(features)].join(', ')
  throw new DeltaTableError(`${where}: the table can't be ${what} here, because it uses what isn't supported: ${names}`)
}

function enabledIn({ configuration }: MetaData): string[] {
  return Object.entries(configuration ?? {}).flatMap(([key, value]) => {
    if (key.startsWith('delta.constraints.')) return ['checkConstraints']
    const feature = properties[key]
    return feature !== undefined && value?.toLowerCase() === 'true' ? [feature] : []
  })
}

function columnMappingOf({ configuration }: MetaData): string[] {
  return ['none', undefined].includes(configuration?.['delta.columnMapping.mode']) ? [] : ['columnMapping']
}

/** Looks at every object of the schema: columns may be nested in anything. */
function columnsIn({ schemaString }: MetaData): string[] {
  const found: string[] = []
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk)
    if (!isRecord(value)) return
    const { metadata } = value
    if (isRecord(metadata))
      found.push(...Object.entries(columnMetadata).flatMap(([key, feature]) => (key in metadata ? [feature] : [])))
    Object.values(value).forEach(walk)
  }
  walk(JSON.parse(schemaString))
  return found
}
