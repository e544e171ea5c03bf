import { RowError } from '../../errors.ts'
import type { Field } from '../../schema/data-type.ts'
import { columnTexts, quotedElement } from './column-text.ts'
import type { RowBuffer } from './feed.ts'

/** Rows as elements of arrays, one array a column, together with what their keys are. */
export interface KeyedRows {
  /** By column, then by row. */
  readonly cells: readonly string[][]
  /** Equal for rows of the same key. */
  readonly keys: string[]
  /** Rows that delete what has their key; `undefined` where no row can. */
  readonly deletes: boolean[] | undefined
}

/** What rows are made of: the columns that are written, those that are the key, and the flag that is no column of the table. */
export interface KeyedColumns {
  readonly owner: string
  readonly fields: readonly Field[]
  readonly key: readonly string[]
  readonly deleteFlag: string | undefined
}

type Encode = (into: KeyedRows, rows: readonly object[]) => number

/** Makes the writer of rows into columns. It answers with the characters that it has added. */
export function keyedTexts({ owner, fields, key, deleteFlag }: KeyedColumns): Encode {
  const columns = columnTexts(owner, fields).map(({ name, text, bare }) => ({
    name,
    isKey: key.includes(name),
    text: bare ? text : (value: unknown) => quotedElement(text(value)),
  }))
  return ({ cells, keys, deletes }, rows) => {
    let size = 0
    for (const row of rows as readonly Readonly<Record<string, unknown>>[]) {
      let rowKey = ''
      for (const [index, column] of columns.entries()) {
        const value = row[column.name]
        const isNull = value === null || value === undefined
        const cell = isNull ? 'NULL' : column.text(value)
        if (column.isKey) {
          if (isNull)
            throw new RowError(`${owner}: column ${JSON.stringify(column.name)} is part of the key, and is null`)
          rowKey += `${cell}\0`
        }
        cells[index]?.push(cell)
        size += cell.length
      }
      keys.push(rowKey)
      if (deletes !== undefined && deleteFlag !== undefined) deletes.push(row[deleteFlag] === true)
    }
    return size
  }
}

export function noRows(columns: number, flagged: boolean): KeyedRows {
  return { cells: Array.from({ length: columns }, () => []), keys: [], deletes: flagged ? [] : undefined }
}

/** Holds rows until their statement is sent. */
export class KeyedBuffer implements RowBuffer {
  readonly #encode: Encode
  readonly #empty: () => KeyedRows
  #held: KeyedRows
  size = 0

  constructor(encode: Encode, empty: () => KeyedRows) {
    this.#encode = encode
    this.#empty = empty
    this.#held = empty()
  }

  get rows(): number {
    return this.#held.keys.length
  }

  add(rows: readonly object[]): void {
    this.size += this.#encode(this.#held, rows)
  }

  /** What it holds, which it then holds no more. */
  take(): KeyedRows {
    const held = this.#held
    this.#held = this.#empty()
    this.size = 0
    return held
  }
}

/** Of several rows with one key the last one stays. */
export function lastOfEach({ cells, keys, deletes }: KeyedRows): KeyedRows {
  const last = new Map(keys.map((key, index) => [key, index]))
  if (last.size === keys.length) return { cells, keys, deletes }
  return pick({ cells, keys, deletes }, (index) => last.get(keys[index] as string) === index)
}

export function pick({ cells, keys, deletes }: KeyedRows, stays: (index: number) => boolean): KeyedRows {
  const kept = <T>(items: readonly T[]): T[] => items.filter((_, index) => stays(index))
  return { cells: cells.map(kept), keys: kept(keys), deletes: deletes && kept(deletes) }
}
