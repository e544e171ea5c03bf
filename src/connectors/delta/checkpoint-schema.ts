import { schema } from '../../schema.ts'

const protocol =
  'protocol struct<minReaderVersion: int, minWriterVersion: int, readerFeatures: array<string>, writerFeatures: array<string>>'
const metaData =
  'metaData struct<id: string, name: string, description: string, format: struct<provider: string, options: map<string, string>>, schemaString: string, partitionColumns: array<string>, configuration: map<string, string>, createdTime: bigint>'
const txn = 'txn struct<appId: string, version: bigint, lastUpdated: bigint>'
const add =
  'add struct<path: string, partitionValues: map<string, string>, size: bigint, modificationTime: bigint, dataChange: boolean, stats: string, tags: map<string, string>>'
const remove =
  'remove struct<path: string, deletionTimestamp: bigint, dataChange: boolean, extendedFileMetadata: boolean, partitionValues: map<string, string>, size: bigint>'

/** The columns of a checkpoint; in each row one is not null. */
export const checkpointFields = schema(`${txn}, ${add}, ${remove}, ${metaData}, ${protocol}`).fields

/** Those that tell what the table is, without its files. */
export const stateFields = schema(`${txn}, ${metaData}, ${protocol}`).fields

/** Those that tell which files it has. */
export const fileFields = schema(
  `${add.replace(/>$/, ', deletionVector: struct<storageType: string>>')}, ${remove}`,
).fields
