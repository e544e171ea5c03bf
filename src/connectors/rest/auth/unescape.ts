/** A text as it reads when escapes are taken out of it, and where each of its characters came from. */
export interface Reading {
  readonly text: string
  /** Of the characters from index `from` up to `to` of this reading: where they stand in the text as it was given. */
  readonly spanOf: (from: number, to: number) => readonly [from: number, to: number]
}

interface Escapes {
  /** A cheap sign of them. */
  readonly sign: string
  readonly pattern: RegExp
  readonly meaning: (groups: readonly (string | undefined)[]) => string
}

const control: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', 0: '\0' }

/** Names of HTML for ASCII; accented letters are a letter and the name of their accent. */
const entities: Readonly<Record<string, string>> = {
  ...{ Tab: '\t', NewLine: '\n', excl: '!', quot: '"', QUOT: '"', num: '#', dollar: '$', percnt: '%', amp: '&' },
  ...{ AMP: '&', apos: "'", lpar: '(', rpar: ')', ast: '*', plus: '+', comma: ',', period: '.', sol: '/', colon: ':' },
  ...{ semi: ';', lt: '<', LT: '<', equals: '=', gt: '>', GT: '>', quest: '?', commat: '@', lsqb: '[', lbrack: '[' },
  ...{ bsol: '\\', rsqb: ']', rbrack: ']', Hat: '^', lowbar: '_', grave: '`', lcub: '{', lbrace: '{', verbar: '|' },
  ...{ vert: '|', rcub: '}', rbrace: '}', nbsp: ' ', szlig: 'ß', hyphen: '-' },
}
const accents: Readonly<Record<string, string>> = {
  ...{ grave: '\u0300', acute: '\u0301', circ: '\u0302', tilde: '\u0303', uml: '\u0308', ring: '\u030a' },
  ...{ cedil: '\u0327' },
}

const kinds: readonly Escapes[] = [
  {
    sign: '\\',
    pattern: /\\(?:u\{([\da-fA-F]{1,6})\}|u([\da-fA-F]{4})|x([\da-fA-F]{2})|(["'`\\/bfnrtv0]))/g,
    meaning: ([braced, four, two, letter = '']) => {
      const digits = braced ?? four ?? two
      return digits === undefined ? (control[letter] ?? letter) : characterOf(Number.parseInt(digits, 16))
    },
  },
  {
    sign: '%',
    pattern: /((?:%[\da-fA-F]{2})+)/g,
    meaning: ([bytes = '']) => Buffer.from(bytes.replaceAll('%', ''), 'hex').toString(),
  },
  {
    sign: '&',
    pattern: /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([A-Za-z]{2,8}));/g,
    meaning: ([decimal, hex, name = '']) => {
      if (decimal !== undefined) return characterOf(Number(decimal))
      return hex === undefined ? named(name) : characterOf(Number.parseInt(hex, 16))
    },
  },
]

function characterOf(codePoint: number): string {
  return codePoint > 0x10ffff ? '\ufffd' : String.fromCodePoint(codePoint)
}

function named(name: string): string {
  const accent = accents[name.slice(1)]
  return entities[name] ?? (accent === undefined ? '\ufffd' : `${name[0]}${accent}`.normalize('NFC'))
}

/** Something may quote what quotes a quotation; beyond this nobody reads. */
const deepest = 3
const mostReadings = 24

/**
 * A text as it is, and as it reads without the escapes of JSON and JavaScript, of URLs, of HTML, in any order and three times over: an answer may quote a
 * header in JSON, and that in HTML. Each kind is taken out by itself, because what looks like an escape of another kind may be meant.
 */
export function readingsOf(text: string): readonly Reading[] {
  const readings: Reading[] = [{ text, spanOf: (from, to) => [from, to] }]
  const known = new Set([text])
  let latest: readonly Reading[] = readings
  for (let depth = 0; depth < deepest; depth++) {
    const next = latest.flatMap((reading) => kinds.flatMap((kind) => without(kind, reading) ?? []))
    latest = next.filter(({ text: read }) => !known.has(read) && known.add(read) && known.size <= mostReadings)
    readings.push(...latest)
  }
  return readings
}

function without({ sign, pattern, meaning }: Escapes, reading: Reading): Reading | undefined {
  const { text } = reading
  if (!text.includes(sign)) return undefined
  /** Where escapes ended: in the result, and how much further that was in what was read. Ascending. */
  const ends: { readonly at: number; readonly length: number; readonly written: number; readonly ahead: number }[] = []
  let result = ''
  let read = 0
  for (const match of text.matchAll(pattern)) {
    const [whole, ...groups] = match
    const value = meaning(groups)
    result += text.slice(read, match.index) + value
    read = match.index + whole.length
    ends.push({ at: result.length, length: value.length, written: whole.length, ahead: read - result.length })
  }
  if (ends.length === 0) return undefined
  result += text.slice(read)

  /** Where the character at an index began, and ended, in what was read: an escape is one whole. */
  const place = (index: number): readonly [from: number, to: number] => {
    let [low, high] = [0, ends.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((ends[middle]?.at ?? 0) <= index) low = middle + 1
      else high = middle
    }
    const next = ends[low]
    if (next !== undefined && index >= next.at - next.length) {
      const end = next.at + next.ahead
      return [end - next.written, end]
    }
    const from = index + (ends[low - 1]?.ahead ?? 0)
    return [from, from + 1]
  }
  return {
    text: result,
    spanOf: (from, to) => reading.spanOf(place(from)[0], place(to - 1)[1]),
  }
}
