import { PortError } from '../../../errors.ts'
import { type NumberOptions, parseJson } from '../../records/parse-json.ts'
import { JsonItems } from './json-items.ts'
import { type Parser, refuseLongHeld } from './parser.ts'
import { type Records, type Taken, takeRecords } from './records.ts'

/** The items of a body that is there. */
export function wholeJson(text: string, records: Records | undefined, numbers: NumberOptions = {}): Taken {
  return takeRecords(parseJson(text, numbers), records)
}

/**
 * The items of the array at a path, in bounded memory.
 * @param path `undefined` for a body that is an array: with the whole body not at hand, where else the items are can't be found, only told.
 */
export function arrivingJsonParser(path: readonly string[] | undefined, numbers: NumberOptions = {}): Parser {
  return async function* (text) {
    const records = path ?? []
    const json = new JsonItems(records, numbers)
    let begun = path !== undefined
    for await (const piece of text) {
      if (!begun && !/^\s*\[/.test(piece)) {
        throw new PortError(
          'expected "records", the path of the rows, for a body that is longer than "bufferBytes" and isn’t an array itself; found none',
        )
      }
      begun = true
      yield json.write(piece)
      refuseLongHeld(json.held)
    }
    return { envelope: json.end(), records }
  }
}
