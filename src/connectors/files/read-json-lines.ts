import { isUtf8 } from 'node:buffer'
import { describeError } from '../../errors.ts'
import { parseJson } from '../records/parse-json.ts'
import { type LineBlock, withoutMark } from './lines.ts'
import type { RowMaker } from './row-maker.ts'

/** The rows of blocks of lines, a chunk a block. Empty lines are skipped. A line that isn't UTF-8 or not JSON is a {@link MalformedRow}. */
export async function* jsonLinesRows(
  blocks: AsyncIterable<LineBlock>,
  maker: RowMaker,
  path: string,
): AsyncGenerator<readonly object[]> {
  for await (const block of blocks) {
    const { bytes, offset } = withoutMark(block)
    const rows: object[] = []
    const isText = isUtf8(bytes)
    let at = offset
    for (const line of isText ? linesOf(bytes.toString()) : bytesOfLines(bytes)) {
      const text = typeof line === 'string' ? line : line.toString()
      const begins = at
      if (maker.needsPlaces || !isText) at += (typeof line === 'string' ? Buffer.byteLength(line) : line.length) + 1
      if (/^\s*$/.test(text)) continue
      rows.push(rowOf(text, isText || isUtf8(line as Buffer), begins))
    }
    if (rows.length > 0) yield rows
  }

  function rowOf(text: string, isText: boolean, at: number): object {
    const place = maker.needsPlaces || !isText ? `${path}, line at byte ${at}` : path
    if (!isText) return maker.malformed(withoutEnd(text), `${place}: bytes that are not UTF-8`, at)
    let item: unknown
    try {
      item = parseJson(text)
    } catch (error) {
      return maker.malformed(withoutEnd(text), `${place}: not JSON: ${describeError(error)}`, at)
    }
    return maker.make(item, () => withoutEnd(text), at)
  }
}

function linesOf(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

function* bytesOfLines(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from)
    yield bytes.subarray(from, end < 0 ? bytes.length : end)
    from = end < 0 ? bytes.length : end + 1
  }
}

function withoutEnd(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
