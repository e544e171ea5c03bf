import { rowText } from '../../dead-letter.ts'
import { corruptRecordColumn, MalformedRow } from '../../malformed-row.ts'
import { rowChecker, type Schema } from '../../schema.ts'
import { itemRow } from '../records/item-row.ts'
import type { FileMetadata } from './metadata.ts'

/** Makes rows of the records of one file. */
export interface RowMaker {
  /** Whether it must be told where each record begins. */
  readonly needsPlaces: boolean
  /** @param raw the record as it was written. @param at where it begins, in bytes; `undefined` where the format has no such place. */
  readonly make: (item: unknown, raw: () => string, at: number | undefined) => object
  /** For a record whose values are those of a row already. */
  readonly typed: (row: object) => object
  /** For a record that can't be read as an item. */
  readonly malformed: (raw: string, reason: string, at: number | undefined) => MalformedRow
}

/** What rows are made by: compiled once, used for every file. */
export interface RowPlan {
  /** Whether rows that don't fit must keep their record: the schema has a column for it. */
  readonly keepsRaw: boolean
  readonly forFile: (metadata: Omit<FileMetadata, 'offset'>) => RowMaker
}

/**
 * @param schema of the rows without the metadata.
 * @param withMetadata whether rows get a column `_metadata`.
 */
export function rowPlan(schema: Schema, withMetadata: boolean): RowPlan {
  const convert = itemRow(schema, { epoch: {}, zone: undefined })
  const keepsRaw = schema.fields.some(({ name }) => name === corruptRecordColumn)
  const misfit = keepsRaw ? rowChecker(schema) : () => undefined
  return {
    keepsRaw,
    forFile: (file) => {
      const placed = (row: object, at: number | undefined): object => {
        if (!withMetadata) return row
        const offset = at === undefined ? null : BigInt(at)
        return Object.assign(row, { _metadata: { ...file, offset } satisfies FileMetadata })
      }
      return {
        needsPlaces: withMetadata,
        make: (item, raw, at) => {
          const row = convert(item)
          const reason = misfit(row)
          if (reason !== undefined) return new MalformedRow(raw(), reason, placed(isObject(row) ? row : {}, at))
          return isObject(row) ? placed(row, at) : (row as object)
        },
        typed: (row) => {
          const reason = misfit(row)
          const made = placed(row, undefined)
          return reason === undefined ? made : new MalformedRow(rowText(row), reason, made)
        },
        malformed: (raw, reason, at) => new MalformedRow(raw, reason, placed({}, at)),
      }
    },
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
