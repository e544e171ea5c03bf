import fc from 'fast-check'
import { of, Subject } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../src/errors.ts'
import { diagramOf, type Message } from '../../src/testing/diagram.ts'
import { isDrawable, layOut, lineOf, type Mark } from '../../src/testing/diagram-layout.ts'
import { differences, print } from '../../src/testing/diagram-values.ts'

/** One character is one frame only while a scheduler runs. */
function parse(marbles: string, values?: unknown, error?: unknown): readonly Message[] {
  return new TestScheduler(() => {}).run(() => TestScheduler.parseMarbles(marbles, values, error, false, true))
}

const next = (frame: number, value: unknown): Message => ({
  frame,
  notification: { kind: 'N', value, error: undefined } as Message['notification'],
})
const marblesOf = (marbles: string, values?: Record<string, unknown>) =>
  diagramOf(parse(marbles, values), values).marbles

const silence = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 25 }) },
  { weight: 1, arbitrary: fc.constantFrom(999, 1000, 5000, 60_000, 599_999, 86_400_000) },
)
const value = fc.oneof(
  fc.constantFrom('a', 'b', 'm', 's', '1', '5', '-', '|', '#', '^', '!', ' ', '(', '\n', 'é', '🎉', 'long', ''),
  fc.constantFrom(undefined, null, Number.NaN, -0, 0, 7n, new Date(0), new Uint8Array([1, 2])),
  fc.record({ id: fc.nat(3) }),
)
const ending = fc.constantFrom('none', 'complete', 'error')

/** Messages that run mode has a diagram for: a group of n takes up n + 2 frames, anything else one. */
const drawable = fc
  .tuple(
    fc.array(fc.tuple(silence, fc.array(value, { minLength: 1, maxLength: 4 })), { maxLength: 8 }),
    silence,
    ending,
    fc.boolean(),
  )
  .map(([slots, last, end, joined]): readonly Message[] => {
    let free = 0
    const messages: Message[] = []
    const terminal = (): readonly Message['notification'][] => {
      if (end === 'none') return []
      return [end === 'complete' ? completion : failure]
    }
    slots.forEach(([gap, values], i) => {
      const frame = free + gap
      const group = values.map((item) => next(frame, item))
      if (joined && i === slots.length - 1) group.push(...terminal().map((notification) => ({ frame, notification })))
      messages.push(...group)
      free = frame + (group.length === 1 ? 1 : group.length + 2)
    })
    if (!joined || slots.length === 0)
      messages.push(...terminal().map((notification) => ({ frame: free + last, notification })))
    return messages
  })
const completion = { kind: 'C', value: undefined, error: undefined } as Message['notification']
const failed = new Error('failed')
const failure = { kind: 'E', value: undefined, error: failed } as Message['notification']

describe('diagramOf', () => {
  it('is read by run mode as the messages it was made from', () => {
    fc.assert(
      fc.property(
        drawable,
        fc.dictionary(fc.constantFrom('a', 'm', 's', '1', '7', 'x', '-', 'ab'), value),
        (messages, values) => {
          const diagram = diagramOf(messages, values)
          expect(parse(diagram.marbles, diagram.values, diagram.error)).toStrictEqual(messages)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it.each(['', 'a', '--a--b--|', '(ab|)', '-(ab)c--(d#)', '5s a 10m b 21ms |', `${'-'.repeat(20)}a`, '1-2', '-#'])(
    'gives back %j',
    (marbles) => {
      expect(marblesOf(marbles)).toBe(marbles)
    },
  )

  it('draws no dash after the last message', () => {
    expect(marblesOf('-a----')).toBe('-a')
  })

  it('gives equal values one letter, and the letter that is given for them', () => {
    const values = { x: { id: 1 }, y: [1] }
    expect(diagramOf([next(0, { id: 1 }), next(1, [1]), next(2, { id: 2 }), next(3, { id: 1 })], values)).toEqual({
      marbles: 'xyax',
      values: { x: { id: 1 }, y: [1], a: { id: 2 } },
      error: undefined,
    })
  })

  it('never takes a letter that a value already is', () => {
    expect(diagramOf([next(0, 1), next(1, 'a'), next(2, 'b')]).marbles).toBe('cab')
  })

  it('finds letters beyond the alphabet', () => {
    const messages = Array.from({ length: 300 }, (_, i) => next(i, i))
    const { marbles, values } = diagramOf(messages)
    expect(new Set(marbles).size).toBe(300)
    expect(parse(marbles, values)).toStrictEqual(messages)
  })

  it('does not let a digit and a unit run together into a duration', () => {
    const { marbles, values } = diagramOf([next(0, '5'), next(1, 's'), next(102, 'x')])
    expect(parse(marbles, values)).toStrictEqual([next(0, '5'), next(1, 's'), next(102, 'x')])
  })

  it('takes no fresh letter that would make a duration of a digit', () => {
    const digit = { frame: 212, notification: next(0, '5').notification }
    const messages = [...Array.from({ length: 12 }, (_, i) => next(i, i)), digit, next(213, 12), next(300, 'x')]
    const { marbles, values } = diagramOf(messages)
    expect(parse(marbles, values)).toStrictEqual(messages)
  })

  it.each([
    ['a fraction of a frame', [next(0.5, 'a')]],
    ['a frame before 0', [next(-1, 'a')]],
    ['a message within the width of a group', [next(0, 'a'), next(0, 'b'), next(3, 'c')]],
  ])('refuses %s', (_, messages) => {
    expect(() => diagramOf(messages)).toThrow(OptionError)
  })
})

describe('layOut', () => {
  const marks = fc
    .array(fc.tuple(fc.nat(60), fc.constantFrom('a', 'b', '🎉')), { maxLength: 8 })
    .map((pairs): readonly Mark[] => pairs.map(([frame, text]) => ({ frame, text })).sort((a, b) => a.frame - b.frame))
  const marksIn = (line: string) =>
    parse(line).map(({ frame, notification }) => ({
      frame,
      text: notification.kind === 'N' ? notification.value : '|',
    }))

  it('leaves each of several diagrams readable by itself, whatever the others are', () => {
    fc.assert(
      fc.property(fc.array(marks, { minLength: 1, maxLength: 3 }), (rows) => {
        const columns = layOut(rows)
        rows.forEach((row, i) => {
          if (isDrawable(row)) expect(marksIn(lineOf(columns, i))).toEqual(row)
        })
      }),
      { numRuns: 500 },
    )
  })

  it('gives a frame the same place in all diagrams', () => {
    fc.assert(
      fc.property(marks, marks, (a, b) => {
        for (const { texts } of layOut([a, b])) expect(texts[0]).toHaveLength(texts[1]?.length ?? -1)
      }),
      { numRuns: 200 },
    )
  })

  it('goes on to the common end, unless the diagram has ended', () => {
    const last = { frame: 4, text: 'z' }
    const columns = layOut([[last], [{ frame: 1, text: '|' }], [{ frame: 1, text: 'a' }], []])
    expect([0, 1, 2, 3].map((row) => lineOf(columns, row))).toEqual(['----z', '-|', '-a---', '-----'])
  })

  it('does not print a long silence', () => {
    const columns = layOut([[{ frame: 600_000, text: 'a' }], [{ frame: 0, text: '|' }]])
    expect([0, 1].map((row) => lineOf(columns, row))).toEqual(['- 599999ms a', '|'])
  })
})

describe('print', () => {
  class Station {
    readonly id = 1
  }
  const circular: { self?: unknown } = {}
  circular.self = circular

  it.each<[unknown, string]>([
    ['a "b"', '"a \\"b\\""'],
    [-0, '-0'],
    [Number.NaN, 'NaN'],
    [12n, '12n'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(Number.NaN), 'Invalid Date'],
    [new Uint8Array([0, 255]), 'Uint8Array(2) <00 ff>'],
    [Buffer.from('a'), 'Buffer(1) <61>'],
    [new OptionError('bad'), 'OptionError: bad'],
    [function named() {}, '[Function named]'],
    [[() => {}][0], '[Function anonymous]'],
    [{ id: 1, at: undefined, n: 2n }, '{"id":1,"at":undefined,"n":2n}'],
    [[1, [2]], '[1,[2]]'],
    [new Station(), 'Station {"id":1}'],
    [Object.create(null), 'null-prototype {}'],
    [new Map([['a', 1]]), 'Map(1) {"a" → 1}'],
    [new Set([1, 2]), 'Set(2) {1,2}'],
    [of(1), 'Observable'],
    [new Subject(), 'Observable'],
    [circular, '{"self":(circular)}'],
  ])('prints %o', (printed, expected) => {
    expect(print(printed)).toBe(expected)
  })

  it('cuts what is long', () => {
    expect(print('x'.repeat(1000))).toBe(`"${'x'.repeat(78)}…`)
    expect(print(Array.from({ length: 1e5 }, () => 1))).toHaveLength(80)
  })
})

describe('differences', () => {
  it('finds the innermost places', () => {
    expect(
      differences({ rows: [{ id: 1 }, { id: 2, 'a b': 1 }] }, { rows: [{ id: 1 }, { id: 3 }], more: undefined }),
    ).toEqual([
      { path: '.rows[1].id', expected: '2', received: '3' },
      { path: '.rows[1]["a b"]', expected: '1', received: 'nothing' },
      { path: '.more', expected: 'nothing', received: 'undefined' },
    ])
  })

  it('does not look into dates, bytes and objects of other classes', () => {
    expect(differences({ at: new Date(0) }, { at: new Date(1) })).toHaveLength(1)
    expect(differences(new Uint8Array([1]), [1])).toEqual([
      { path: '', expected: 'Uint8Array(1) <01>', received: '[1]' },
    ])
  })

  it('shows long texts from where they differ', () => {
    const same = 'x'.repeat(200)
    expect(differences(`${same}a`, `${same}b`)).toEqual([
      { path: '', expected: '…xxxxxxxxxxa"', received: '…xxxxxxxxxxb"' },
    ])
  })

  it('ends on structures that contain themselves', () => {
    const make = (id: number) => {
      const node: { id: number; self?: unknown } = { id }
      node.self = node
      return node
    }
    expect(differences(make(1), make(2)).at(0)).toEqual({ path: '.id', expected: '1', received: '2' })
  })

  it('finds what errors hide', () => {
    expect(differences(new Error('a', { cause: 1 }), new Error('a', { cause: 2 }))).toEqual([
      { path: '.cause', expected: '1', received: '2' },
    ])
  })
})
