/** What every character of is one column wide, and one to a reader. */
const ascii = /^[\x20-\x7e]*$/
// The ranges that Spark counts as full width, and what came after the basic plane: ideographs and emoji.
const wide =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}|\uFE0F/u
const invisible = /^[\p{Mn}\p{Me}\p{Cf}]+$/u

let segmenter: Intl.Segmenter | undefined

/** Made when a text needs it: that takes 10 ms, most consoles show plain letters, and most queries no console. */
function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter()
  return segmenter.segment(text)
}

/** What a reader sees as characters: a flag, a family or an accented letter is one. */
function characters(text: string): string[] {
  return Array.from(graphemes(text), ({ segment }) => segment)
}

/** Columns of a terminal: CJK and emoji take two. */
export function textWidth(text: string): number {
  if (ascii.test(text)) return text.length
  return characters(text).reduce(
    (sum, character) => sum + (invisible.test(character) ? 0 : wide.test(character) ? 2 : 1),
    0,
  )
}

/** At most `limit` characters (0: all), the last three of them dots where something was cut off and there is room for dots. */
export function shorten(text: string, limit: number): string {
  if (limit === 0 || text.length <= limit) return text
  if (ascii.test(text)) return cut((count) => text.slice(0, count), limit)
  const first: string[] = []
  for (const { segment } of graphemes(text)) {
    if (first.length === limit) return cut((count) => first.slice(0, count).join(''), limit)
    first.push(segment)
  }
  return text
}

function cut(first: (count: number) => string, limit: number): string {
  return limit < 4 ? first(limit) : `${first(limit - 3)}...`
}
