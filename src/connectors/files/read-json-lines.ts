import { isUtf8 } from 'node:buffer'
import { describeError } from '../../errors.ts'
import { hasLongDigits, parseJson } from '../records/parse-json.ts'
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
    const whole = isText ? bytes.toString() : undefined
    // JSON.parse is all that most lines need, and it is the same for all of a block.
    const parse = whole !== undefined && !hasLongDigits(whole) ? JSON.parse : parseJson
    const add = (text: string, bytesOfLine: number | undefined, isUtf8Line: boolean): void => {
      const begins = at
      if (bytesOfLine !== undefined) at += bytesOfLine + 1
      if (text.length < 2 && text.trim() === '') return
      const made = rowOf(text, isUtf8Line, begins, parse)
      if (made !== undefined) rows.push(made)
    }
    if (whole === undefined) {
      for (const line of bytesOfLines(bytes)) add(line.toString(), line.length, isUtf8(line))
    } else {
      // One text after the other, and no list of them.
      for (let from = 0; from < whole.length; ) {
        const end = whole.indexOf('\n', from)
        const text = whole.slice(from, end < 0 ? whole.length : end)
        add(text, maker.needsPlaces ? Buffer.byteLength(text) : undefined, true)
        from += text.length + 1
      }
    }
    if (rows.length > 0) yield rows
  }

  /** `undefined` for a line of nothing but spaces. */
  function rowOf(text: string, isText: boolean, at: number, parse: (text: string) => unknown): object | undefined {
    const place = () => (maker.needsPlaces || !isText ? `${path}, line at byte ${at}` : path)
    if (!isText) return maker.malformed(withoutEnd(text), `${place()}: bytes that are not UTF-8`, at)
    let item: unknown
    try {
      item = parse(text)
    } catch {
      if (text.trim() === '') return undefined
      return maker.malformed(withoutEnd(text), `${place()}: not JSON: ${whyNot(text)}`, at)
    }
    return maker.make(item, () => withoutEnd(text), at)
  }
}

/** Without a piece of the text. */
function whyNot(text: string): string {
  try {
    parseJson(text)
  } catch (error) {
    return describeError(error)
  }
  return 'it is now'
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
