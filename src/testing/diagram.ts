import type { ObservableNotification } from 'rxjs'
import { OptionError } from '../errors.ts'
import { isDrawable, layOut, lineOf, type Mark } from './diagram-layout.ts'
import { isLetter, Letters } from './diagram-letters.ts'

/** A notification at a frame (a millisecond of virtual time), as TestScheduler records and parses them. */
export interface Message {
  readonly frame: number
  readonly notification: ObservableNotification<unknown>
}

/** What `cold`, `hot` and `toBe` take. */
export interface Diagram {
  readonly marbles: string
  /** Letter → value, of all letters in `marbles`. */
  readonly values: Readonly<Record<string, unknown>>
  /** The error of `#`; `undefined` where there is none. */
  readonly error: unknown
}

/**
 * Turns messages back into the shortest marble diagram that run mode reads as these messages.
 * Values that are one-character strings stand for themselves, the others get a letter.
 * @param values letters to use for values that deep-equal one of them; other values get fresh ones.
 * @throws OptionError when run mode has no diagram for these messages: a fractional or negative frame, or a group that the next message follows too closely.
 */
export function diagramOf(messages: readonly Message[], values: Readonly<Record<string, unknown>> = {}): Diagram {
  const letters = new Letters([...Object.entries(values), ...lettersIn(messages)])
  const marks = marksOf(messages, letters)
  if (!isDrawable(marks)) throw new OptionError(`run mode has no marble diagram for these messages: ${framesOf(marks)}`)
  return { marbles: lineOf(layOut([marks]), 0), values: Object.fromEntries(letters.legend), error: errorOf(messages) }
}

/** Every emitted one-character string for itself, those of inner Observables too. */
export function lettersIn(messages: readonly Message[]): readonly (readonly [string, unknown])[] {
  return messages.flatMap(({ notification }) => {
    const value = notification.kind === 'N' ? notification.value : undefined
    if (isMessages(value)) return lettersIn(value)
    return isLetter(value) ? [[value, value] as const] : []
  })
}

export function marksOf(messages: readonly Message[], letters: Letters): readonly Mark[] {
  return messages.map(({ frame, notification }) => ({ frame, text: textOf(notification, letters) }))
}

function textOf(notification: ObservableNotification<unknown>, letters: Letters): string {
  if (notification.kind === 'N') return letters.of(notification.value)
  return notification.kind === 'E' ? '#' : '|'
}

/** The marks with their frames in words, for what no diagram can show. */
export function framesOf(marks: readonly Mark[]): string {
  const listed = marks.slice(0, 20).map(({ frame, text }) => `${text} at ${frame}`)
  return marks.length > listed.length ? `${listed.join(', ')}, …` : listed.join(', ')
}

export function errorOf(messages: readonly Message[]): unknown {
  for (const { notification } of messages) if (notification.kind === 'E') return notification.error
  return undefined
}

/** Whether a value is what TestScheduler makes of an emitted Observable: the messages of its own. */
export function isMessages(value: unknown): value is readonly Message[] {
  return Array.isArray(value) && value.length > 0 && value.every(isMessage)
}

function isMessage(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null || !('frame' in value) || !('notification' in value)) return false
  const { frame, notification } = value
  if (typeof frame !== 'number' || typeof notification !== 'object' || notification === null) return false
  return 'kind' in notification && ['N', 'E', 'C'].includes(String(notification.kind))
}
