import type { ColumnValue } from './column-value.ts'

/** Rows a chunk, at most: a chunk that is full is handed on. */
const chunkRows = 1_000
/** Characters a chunk, and a row beyond: chunks of long rows would take as much memory as there are rows in one. */
const chunkLength = 2 ** 20

/**
 * Cuts what a COPY … TO STDOUT writes into rows. Feed it pieces as they come; a line may end in a later one.
 */
export class CopyRows {
  readonly #columns: readonly ColumnValue[]
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #rest = ''
  #rows: object[] = []
  #length = 0

  constructor(columns: readonly ColumnValue[]) {
    this.#columns = columns
  }

  /** The chunks that have become full. */
  *push(piece: Uint8Array): Generator<readonly object[]> {
    const lines = (this.#rest + this.#decoder.decode(piece, { stream: true })).split('\n')
    this.#rest = lines.pop() as string
    for (const line of lines) {
      this.#rows.push(this.#row(line))
      this.#length += line.length
      if (this.#rows.length >= chunkRows || this.#length >= chunkLength) yield this.#take()
    }
  }

  /** What is left at the end. */
  *end(): Generator<readonly object[]> {
    if (this.#rows.length > 0) yield this.#take()
  }

  #take(): readonly object[] {
    const rows = this.#rows
    this.#rows = []
    this.#length = 0
    return rows
  }

  #row(line: string): object {
    const row: Record<string, unknown> = {}
    const cells = line.split('\t')
    const columns = this.#columns
    for (let index = 0; index < columns.length; index++) {
      const { name, value } = columns[index] as ColumnValue
      const cell = cells[index] as string
      row[name] = cell === '\\N' ? null : value(cell.includes('\\') ? unescaped(cell) : cell)
    }
    return row
  }
}

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

function unescaped(cell: string): string {
  return cell.replace(/\\(.)/gs, (_, character: string) => escapes[character] ?? character)
}
