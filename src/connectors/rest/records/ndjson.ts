import { type NumberOptions, parseJson } from '../../records/parse-json.ts'
import { type Parser, refuseLongHeld } from './parser.ts'

/** One JSON value a line (`\n` or `\r\n`); empty lines are skipped, and the last line needs no end. */
export function ndjsonParser(numbers: NumberOptions = {}): Parser {
  return async function* (text) {
    let count = 0
    const parseLine = (line: string): unknown[] => {
      count++
      return /^\s*$/.test(line) ? [] : [parseNumbered(line, count, numbers)]
    }
    let rest = ''
    for await (const piece of text) {
      const end = piece.lastIndexOf('\n')
      if (end >= 0) yield `${rest}${piece.slice(0, end)}`.split('\n').flatMap(parseLine)
      rest = end >= 0 ? piece.slice(end + 1) : rest + piece
      refuseLongHeld(rest.length)
    }
    yield parseLine(rest)
    return { envelope: undefined, records: undefined }
  }
}

function parseNumbered(line: string, number: number, numbers: NumberOptions): unknown {
  try {
    return parseJson(line, numbers)
  } catch (error) {
    throw new SyntaxError(`line ${number}: ${error instanceof Error ? error.message : error}`)
  }
}
