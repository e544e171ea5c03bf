/** One character of a diagram: a letter, `|`, `#`, `^` or `!` at a frame of virtual time. */
export interface Mark {
  readonly frame: number
  readonly text: string
}

/** A stretch of the time axis that several diagrams share: one frame, or a silence. Its texts, one a diagram, are equally wide. */
export interface Column {
  readonly frame: number
  readonly texts: readonly string[]
}

/** Silences up to this many frames are drawn as dashes, longer ones written as a duration. */
const drawnSilence = 20

/**
 * Lays diagrams out on one time axis. Padding is spaces, which run mode skips, so every diagram still parses on its own
 * (see {@link isDrawable} for the exceptions). A diagram goes on to the common end unless it completed, failed or unsubscribed.
 */
export function layOut(rows: readonly (readonly Mark[])[]): readonly Column[] {
  const slots = rows.map(slotsOf)
  const whole = rows.flat().every(({ frame }) => Number.isInteger(frame))
  const narrow = new Set(slots.flatMap((row) => (whole ? crowdedGroups(row) : [...row.keys()])))
  const cells = slots.map((row) => cellsOf(row, narrow))
  const ends = rows.map(endOf)
  const column = (frame: number, textOf: (row: number) => string): Column => {
    const texts = rows.map((_, row) => textOf(row))
    const width = Math.max(...texts.map((text) => text.length))
    return { frame, texts: texts.map((text) => text.padEnd(width)) }
  }
  const oneFrame = (frame: number) =>
    column(frame, (row) => cells[row]?.get(frame) ?? (frame > (ends[row] ?? 0) || !Number.isInteger(frame) ? ' ' : '-'))

  const columns: Column[] = []
  const occupied = [...new Set(cells.flatMap((row) => [...row.keys()]))].sort((a, b) => a - b)
  let next = Math.min(0, Math.floor(occupied[0] ?? 0))
  for (const frame of occupied) {
    const silence = Math.ceil(frame) - next
    if (silence > drawnSilence) {
      const start = next
      const duration = `${columns.length === 0 ? '' : ' '}${durationOf(silence)} `
      columns.push(column(start, (row) => (start > (ends[row] ?? 0) ? '' : duration)))
    } else {
      for (let silent = next; silent < frame; silent += 1) columns.push(oneFrame(silent))
    }
    columns.push(oneFrame(frame))
    next = Math.floor(frame) + 1
  }
  return columns
}

/** The text of one diagram. */
export function lineOf(columns: readonly Column[], row: number): string {
  return columns
    .map(({ texts }) => texts[row] ?? '')
    .join('')
    .trimEnd()
}

/** How many characters stand before a frame. */
export function offsetOf(columns: readonly Column[], frame: number): number {
  return columns.reduce((offset, column) => offset + (column.frame < frame ? widthOf(column) : 0), 0)
}

export function widthOf(column: Column): number {
  return column.texts[0]?.length ?? 0
}

/**
 * Whether run mode has a diagram for these marks. It has none for fractions of a frame, for what comes before frame 0,
 * and for what follows a group of n within n + 1 frames, as the group's own characters take up that time.
 */
export function isDrawable(marks: readonly Mark[]): boolean {
  return marks.every(({ frame }) => Number.isInteger(frame) && frame >= 0) && crowdedGroups(slotsOf(marks)).length === 0
}

type Slots = ReadonlyMap<number, readonly string[]>

function slotsOf(marks: readonly Mark[]): Slots {
  const slots = new Map<number, string[]>()
  for (const { frame, text } of marks) {
    const slot = slots.get(frame)
    if (slot === undefined) slots.set(frame, [text])
    else slot.push(text)
  }
  return slots
}

/** Frames of the groups that the next mark doesn't leave enough room. */
function crowdedGroups(slots: Slots): readonly number[] {
  const frames = [...slots.keys()].sort((a, b) => a - b)
  return frames.filter((frame, i) => {
    const size = slots.get(frame)?.length ?? 0
    return size > 1 && (frames[i + 1] ?? Number.POSITIVE_INFINITY) < frame + size + 2
  })
}

/**
 * What stands at each frame. A group takes up as many frames as it has characters, so it is spread over them,
 * unless a diagram on the same axis has no room for that: then it is narrowed to one.
 */
function cellsOf(slots: Slots, narrow: ReadonlySet<number>): ReadonlyMap<number, string> {
  const cells = new Map<number, string>()
  for (const [frame, texts] of slots) {
    const group = texts.length > 1 ? ['(', ...texts, ')'] : texts
    const narrowed = narrow.has(frame)
    group.forEach((text, i) => {
      if (!narrowed) cells.set(frame + i, text)
      else if (i > 0 && !slots.has(frame + i)) cells.set(frame + i, '')
    })
    if (narrowed) cells.set(frame, group.join(''))
  }
  return cells
}

function endOf(marks: readonly Mark[]): number {
  const last = marks.at(-1)
  return last !== undefined && '|#!'.includes(last.text) ? last.frame : Number.POSITIVE_INFINITY
}

function durationOf(frames: number): string {
  if (frames % 60_000 === 0) return `${frames / 60_000}m`
  return frames % 1000 === 0 ? `${frames / 1000}s` : `${frames}ms`
}
