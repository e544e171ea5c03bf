import type { Writable } from 'node:stream'

/** What of a stream the line needs: `process.stdout`, or a file, or a test. */
export type Terminal = Pick<Writable, 'write'> & { readonly isTTY?: boolean }

/**
 * A line at the foot of the terminal that is rewritten in place, with other text above it.
 * Where the output is no terminal nothing is rewritten: each text is a line of its own.
 */
export function liveLine(out: Terminal = process.stdout) {
  const inPlace = out.isTTY === true
  let current = ''
  return {
    /** Replaces the line. */
    show: (text: string): void => {
      current = text
      out.write(inPlace ? `\r\x1b[K${text}` : `${text}\n`)
    },
    /** Writes whole lines above it. */
    above: (lines: string): void => {
      out.write(inPlace && current !== '' ? `\r\x1b[K${lines}${current}` : lines)
    },
    /** Writes whole lines in its place: there is no line any more. */
    end: (lines: string): void => {
      out.write(inPlace && current !== '' ? `\r\x1b[K${lines}` : lines)
      current = ''
    },
  }
}
