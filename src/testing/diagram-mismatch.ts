import { isDeepStrictEqual } from 'node:util'
import { framesOf, lettersIn, type Message, marksOf } from './diagram.ts'
import { isDrawable, layOut, lineOf, type Mark } from './diagram-layout.ts'
import { errorEntries, errorTextOf, legendLines, legendOf } from './diagram-legend.ts'
import { Letters } from './diagram-letters.ts'
import { diagramSections, type Section, table } from './diagram-table.ts'
import { differences } from './diagram-values.ts'

/** How an expectation was missed. */
export interface Mismatch {
  /** Such as `frame 5: expected b, received nothing`. */
  readonly summary: string
  /** The diagrams on one time axis, and what explains them. */
  readonly body: string
  /** The diagrams by themselves, for a runner's own diff. */
  readonly expected: string
  readonly received: string
  /** What the received Observable failed with, where that is the difference. */
  readonly cause?: unknown
}

/** Frames of a subscription, as TestScheduler logs and parses them. */
export interface SubscriptionFrames {
  readonly subscribedFrame: number
  /** `Infinity` while subscribed. */
  readonly unsubscribedFrame: number
}

type Values = Iterable<readonly [string, unknown]>

/** Differing properties that are listed at most. */
const differenceLimit = 5

/**
 * @param own letters and values of the expectation.
 * @param others letters and values of the test's other diagrams.
 * @returns nothing where the messages are equal, values deeply compared.
 */
export function mismatchOfMessages(
  expected: readonly Message[],
  received: readonly Message[],
  own: Values = [],
  others: Values = [],
): Mismatch | undefined {
  const at = firstDifference(expected, received, isDeepStrictEqual)
  if (at === undefined) return undefined
  const letters = new Letters([...own, ...lettersIn(expected), ...lettersIn(received), ...others])
  const expectedMarks = marksOf(expected, letters)
  const expectedLegend = legendOf(letters)
  const receivedMarks = marksOf(received, letters)
  const legend = legendOf(letters)
  const frame = Math.min(...[expected, received].map((messages) => messages[at]?.frame ?? Number.POSITIVE_INFINITY))
  const columns = layOut([expectedMarks, receivedMarks])
  const differing = [...expectedMarks, ...receivedMarks].filter((mark) => mark.frame === frame).map(({ text }) => text)
  const failure = received[at]?.notification
  return {
    summary: summaryOf(frame, expectedMarks, receivedMarks),
    body: table([
      ...diagramSections(
        columns,
        [
          ['expected', 0],
          ['received', 1],
        ],
        frame,
      ),
      ['values', legendLines(legend, expectedLegend, differing, errorEntries(expected, received))],
      ['differs', differingProperties(expected, received, expectedMarks)],
      noteOf([
        ['expected', expectedMarks],
        ['received', receivedMarks],
      ]),
    ]),
    expected: standalone(lineOf(columns, 0), expectedMarks, legend, errorTextOf(expected)),
    received: standalone(lineOf(columns, 1), receivedMarks, legend, errorTextOf(received)),
    ...(failure?.kind === 'E' ? { cause: failure.error } : {}),
  }
}

/** Compares the first with the first, the second with the second, and so on. */
export function mismatchOfSubscriptions(
  expected: readonly SubscriptionFrames[],
  received: readonly SubscriptionFrames[],
): Mismatch | undefined {
  const count = Math.max(expected.length, received.length)
  const marks = (logs: readonly SubscriptionFrames[]) =>
    Array.from({ length: count }, (_, i) => subscriptionMarks(logs[i]))
  const [expectedMarks, receivedMarks] = [marks(expected), marks(received)]
  const columns = layOut([...expectedMarks, ...receivedMarks])
  const pairs = expectedMarks.map((pair, i) => {
    const other = receivedMarks[i] ?? []
    const at = firstDifference(pair, other, isDeepStrictEqual)
    const frame =
      at === undefined ? undefined : Math.min(...[pair, other].map((row) => row[at]?.frame ?? Number.POSITIVE_INFINITY))
    return { frame, expected: pair, received: other, number: count === 1 ? '' : ` ${i + 1}` }
  })
  const first = pairs.find(({ frame }) => frame !== undefined)
  if (first?.frame === undefined) return undefined

  const lines = (from: number) => pairs.map((_, i) => lineOf(columns, from + i)).join('\n')
  return {
    summary: `${summaryOf(first.frame, first.expected, first.received)}${count === 1 ? '' : ` (subscription${first.number} of ${count})`}`,
    body: table(
      pairs.flatMap((pair, i) => [
        ...diagramSections(
          columns,
          [
            [`expected${pair.number}`, i],
            [`received${pair.number}`, count + i],
          ],
          pair.frame,
        ),
        noteOf([
          [`expected${pair.number}`, pair.expected],
          [`received${pair.number}`, pair.received],
        ]),
      ]),
    ),
    expected: lines(0),
    received: lines(count),
  }
}

function firstDifference<T>(
  expected: readonly T[],
  received: readonly T[],
  same: (a: T, b: T) => boolean,
): number | undefined {
  const length = Math.max(expected.length, received.length)
  for (let i = 0; i < length; i += 1) {
    const [a, b] = [expected[i], received[i]]
    if (a === undefined || b === undefined || !same(a, b)) return i
  }
  return undefined
}

function summaryOf(frame: number, expected: readonly Mark[], received: readonly Mark[]): string {
  const [wanted, got] = [inWords(frame, expected), inWords(frame, received)]
  return `frame ${frame}: expected ${wanted}, received ${wanted === got ? `another ${got}` : got}`
}

const words: Readonly<Record<string, string>> = {
  '|': 'completion',
  '#': 'error',
  '^': 'subscription',
  '!': 'unsubscription',
}

/** Notifications of one frame that are named at most, and one more. */
const wordLimit = 6

const list = new Intl.ListFormat('en')

function inWords(frame: number, marks: readonly Mark[]): string {
  const texts = marks.filter((mark) => mark.frame === frame).map(({ text }) => words[text] ?? text)
  if (texts.length === 0) return 'nothing'
  const rest = texts.length - wordLimit
  return list.format(rest > 1 ? [...texts.slice(0, wordLimit), `${rest} more`] : texts)
}

/** Where values that came at the right frame differ inside. */
function differingProperties(
  expected: readonly Message[],
  received: readonly Message[],
  marks: readonly Mark[],
): readonly string[] {
  const lines = expected.flatMap((message, i) => {
    const other = received[i]
    if (other?.frame !== message.frame || other.notification.kind !== message.notification.kind) return []
    return differences(contentOf(message), contentOf(other))
      .filter(({ path }) => path !== '')
      .map((found) => `${marks[i]?.text}${found.path}: expected ${found.expected}, received ${found.received}`)
  })
  const unique = [...new Set(lines)]
  const rest = unique.length - differenceLimit
  return rest > 0 ? [...unique.slice(0, differenceLimit), `… and ${rest} more`] : unique
}

function contentOf({ notification }: Message): unknown {
  if (notification.kind === 'C') return undefined
  return notification.kind === 'N' ? notification.value : notification.error
}

function noteOf(rows: readonly (readonly [label: string, marks: readonly Mark[]])[]): Section {
  const undrawable = rows.filter(([, marks]) => !isDrawable(marks))
  return ['note', undrawable.map(([label, marks]) => `run mode has no diagram for ${label}: ${framesOf(marks)}`)]
}

function standalone(
  line: string,
  marks: readonly Mark[],
  legend: ReadonlyMap<string, string>,
  error: string | undefined,
): string {
  const used = new Set(marks.map(({ text }) => text))
  const entries = [...legend].filter(([letter]) => used.has(letter)).map(([, text]) => text)
  return [line, ...entries, ...(error === undefined ? [] : [error])].join('\n')
}

function subscriptionMarks(log: SubscriptionFrames | undefined): readonly Mark[] {
  if (log === undefined) return []
  const subscribed = { frame: log.subscribedFrame, text: '^' }
  return log.unsubscribedFrame === Number.POSITIVE_INFINITY
    ? [subscribed]
    : [subscribed, { frame: log.unsubscribedFrame, text: '!' }]
}
