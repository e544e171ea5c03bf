import { isDeepStrictEqual } from 'node:util'
import { errorOf, isMessages, type Message, marksOf } from './diagram.ts'
import { layOut, lineOf } from './diagram-layout.ts'
import type { Letters } from './diagram-letters.ts'
import { lineWidth } from './diagram-table.ts'
import { print } from './diagram-values.ts'

/** Entries that are listed at most. */
const entryLimit = 30

/**
 * What the letters stand for, `a = {"id":1}` each, without those that stand for themselves.
 * An inner Observable is printed as a diagram; its letters join the legend.
 */
export function legendOf(letters: Letters): ReadonlyMap<string, string> {
  const entries = new Map<string, string>()
  // Printing an inner Observable adds letters to the legend while it is iterated.
  for (const [letter, value] of letters.legend) {
    if (value !== letter)
      entries.set(letter, `${letter} = ${isMessages(value) ? innerOf(value, letters) : print(value)}`)
  }
  return entries
}

export function errorEntries(expected: readonly Message[], received: readonly Message[]): readonly string[] {
  const [ofExpected, ofReceived] = [errorTextOf(expected), errorTextOf(received)]
  if (ofReceived === undefined) return ofExpected === undefined ? [] : [ofExpected]
  if (ofExpected === undefined) return [`${ofReceived} (received only)`]
  if (isDeepStrictEqual(errorOf(expected), errorOf(received))) return [ofExpected]
  return [`${ofExpected} (expected)`, `${ofReceived} (received)`]
}

export function errorTextOf(messages: readonly Message[]): string | undefined {
  const failed = messages.some(({ notification }) => notification.kind === 'E')
  return failed ? `# = ${print(errorOf(messages))}` : undefined
}

/**
 * The legend on one line where it is short enough, else one entry a line.
 * @param differing letters at the first difference; of a legend that is too long they come first.
 */
export function legendLines(
  legend: ReadonlyMap<string, string>,
  ofExpected: ReadonlyMap<string, string>,
  differing: readonly string[],
  errors: readonly string[],
): readonly string[] {
  const entries = [...legend].map(([letter, text]) => (ofExpected.has(letter) ? text : `${text} (received only)`))
  const all = [...entries, ...errors]
  const line = all.join('   ')
  if (line.length <= lineWidth) return line === '' ? [] : [line]
  if (entries.length <= entryLimit) return all
  const urgent = [...legend.keys()].flatMap((letter, i) => (differing.includes(letter) ? entries.slice(i, i + 1) : []))
  const listed = [...new Set([...urgent, ...entries])].slice(0, entryLimit)
  return [...listed, `… and ${entries.length - entryLimit} more`, ...errors]
}

function innerOf(messages: readonly Message[], letters: Letters): string {
  const error = errorTextOf(messages)
  return `Observable ${lineOf(layOut([marksOf(messages, letters)]), 0)}${error === undefined ? '' : ` (${error})`}`
}
