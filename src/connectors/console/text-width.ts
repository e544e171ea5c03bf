const graphemes = new Intl.Segmenter()
// The ranges that Spark counts as full width, and what came after the basic plane: ideographs and emoji.
const wide =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}|\uFE0F/u
const invisible = /^[\p{Mn}\p{Me}\p{Cf}]+$/u

/** What a reader sees as characters: a flag, a family or an accented letter is one. */
function characters(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment)
}

/** Columns of a terminal: CJK and emoji take two. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  return characters(text).reduce(
    (sum, character) => sum + (invisible.test(character) ? 0 : wide.test(character) ? 2 : 1),
    0,
  )
}

/** At most `limit` characters (0: all), the last three of them dots where something was cut off and there is room for dots. */
export function shorten(text: string, limit: number): string {
  if (limit === 0 || text.length <= limit) return text
  const first: string[] = []
  for (const { segment } of graphemes.segment(text)) {
    if (first.length === limit) return limit < 4 ? first.join('') : `${first.slice(0, limit - 3).join('')}...`
    first.push(segment)
  }
  return text
}
