import { AssertionError } from 'node:assert'
import { concat, map, type Observable, of, throwError, timer } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../src/errors.ts'
import { type MarblesContext, marbles } from '../../src/testing/marbles.ts'

function thrownBy(run: () => void): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

function failureOf(test: (context: MarblesContext) => void): AssertionError {
  const error = thrownBy(marbles((context: MarblesContext) => test(context)))
  if (error instanceof AssertionError) return error
  throw error
}

const lines = (...texts: readonly string[]) => `${texts.join('\n')}\n`

describe('a test that passes', () => {
  it(
    'runs in virtual time, with every helper of TestScheduler.run',
    marbles(({ animate, cold, expectObservable, expectSubscriptions, flush, hot, scheduler, time }) => {
      const source = cold('--a-(bc|)', { a: 1, b: 2, c: 3 })
      const expected = '   --a-(bc) 5m (d|)'
      const subs = '       ^---!'
      expectObservable(concat(source, timer(300_004))).toBe(expected, { a: 1, b: 2, c: 3, d: 0 })
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectObservable(hot('--x--^--y-|')).toBe('---y-|')
      expectObservable(of(1)).toEqual(of(1))
      flush()
      expect(scheduler.now()).toBe(300_008)
      expect(time('---|')).toBe(3)
      expect(animate).toBeTypeOf('function')
    }),
  )

  it('gets a fresh scheduler each run, and what the runner passes', () => {
    const seen: unknown[] = []
    const run = marbles(({ scheduler }, label: string, count: number) => {
      seen.push(scheduler, label, count)
    })
    run('first', 1)
    run('second', 2)
    expect(seen).toEqual([expect.any(TestScheduler), 'first', 1, expect.any(TestScheduler), 'second', 2])
    expect(seen[0]).not.toBe(seen[3])
  })

  it('has no parameters of its own, as some runners take them for callbacks', () => {
    expect(marbles(() => {})).toHaveLength(0)
  })
})

describe('a failed expectObservable', () => {
  it('shows a value that differs, and in which property', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      const source = cold('--a--b--|', { a: { id: 1 }, b: { id: 3, tags: ['x'] } })
      expectObservable<object>(source).toBe('--a--b--|', { a: { id: 1 }, b: { id: 2, tags: ['x'] } })
    })
    expect(error.message).toBe(
      lines(
        'expectObservable differs at frame 5: expected b, received c',
        '',
        '  expected  --a--b--|',
        '  received  --a--c--|',
        '                 ↑',
        '  values    a = {"id":1}   b = {"id":2,"tags":["x"]}   c = {"id":3,"tags":["x"]} (received only)',
        '  differs   b.id: expected 2, received 3',
      ),
    )
  })

  it('shows a frame that differs', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      expectObservable(cold('--a---b-|')).toBe('--a--b--|')
    })
    expect(error.message).toBe(
      lines(
        'expectObservable differs at frame 5: expected b, received nothing',
        '',
        '  expected  --a--b--|',
        '  received  --a---b-|',
        '                 ↑',
      ),
    )
  })

  it('shows a missing completion', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      expectObservable(cold('--a--')).toBe('--a--|')
    })
    expect(error.message).toBe(
      lines(
        'expectObservable differs at frame 5: expected completion, received nothing',
        '',
        '  expected  --a--|',
        '  received  --a---',
        '                 ↑',
      ),
    )
  })

  it('shows an unexpected error, and keeps it as the cause', () => {
    const boom = new TypeError('boom')
    const error = failureOf(({ cold, expectObservable }) => {
      expectObservable(
        concat(
          cold('-a|'),
          throwError(() => boom),
        ),
      ).toBe('-a---|')
    })
    expect(error.message).toBe(
      lines(
        'expectObservable differs at frame 2: expected nothing, received error',
        '',
        '  expected  -a---|',
        '  received  -a#',
        '              ↑',
        '  values    # = TypeError: boom (received only)',
      ),
    )
    expect(error.cause).toBe(boom)
  })

  it('shows another error than the expected one', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      expectObservable(cold('-#', undefined, new Error('late'))).toBe('-#', undefined, new Error('early'))
    })
    expect(error.message).toBe(
      lines(
        'expectObservable differs at frame 1: expected error, received another error',
        '',
        '  expected  -#',
        '  received  -#',
        '             ↑',
        '  values    # = Error: early (expected)   # = Error: late (received)',
        '  differs   #.message: expected "early", received "late"',
      ),
    )
  })

  it('shows an extra emission, and the order within a group', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      expectObservable(cold('-(abcd|)')).toBe('-(abd|)')
    })
    expect(error.message).toBe(
      lines(
        'expectObservable differs at frame 1: expected a, b, d, and completion, received a, b, c, d, and completion',
        '',
        '  expected  -(abd|)',
        '  received  -(abcd|)',
        '                ↑',
      ),
    )
  })

  it('writes long silences as durations, split where the other diagram has something', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      expectObservable(cold('10m (a|)')).toBe('5m a 299999ms (a|)')
    })
    expect(error.message).toBe(
      lines(
        'expectObservable differs at frame 300000: expected a, received nothing',
        '',
        '  expected  5m a 299999ms (a|)',
        '  received  5m - 299999ms (a|)',
        '               ↑',
      ),
    )
  })

  it('keeps frames aligned below a group that leaves the next message no room', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      const close = concat(of('a', 'b'), cold('-c|'))
      expectObservable(close).toBe('(ab)c|')
    })
    expect(error.message).toBe(
      lines(
        'expectObservable differs at frame 1: expected nothing, received c',
        '',
        '  expected  (ab)  c|',
        '  received  (ab)c|',
        '                ↑',
        '  note      run mode has no diagram for received: a at 0, b at 0, c at 1, | at 2',
      ),
    )
  })

  it('shows fractions of a frame', () => {
    const error = failureOf(({ expectObservable }) => {
      expectObservable(timer(1.5)).toBe('-(a|)', { a: 0 })
    })
    expect(error.message).toBe(
      lines(
        'expectObservable differs at frame 1: expected a and completion, received nothing',
        '',
        '  expected  -(a|)',
        '  received  --   (a|)',
        '             ↑',
        '  values    a = 0',
        '  note      run mode has no diagram for received: a at 1.5, | at 1.5',
      ),
    )
  })

  it('draws inner Observables, their letters in the same legend', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      const inner = cold('-a-b|', { a: 1, b: 2 })
      expectObservable<Observable<unknown>>(of(inner)).toBe('(x|)', { x: cold('-a-b#', { a: 1, b: 2 }) })
    })
    expect(error.message).toContain('  expected  (x|)\n  received  (c|)\n')
    expect(error.message).toContain(
      'x = Observable -a-b# (# = "error")   a = 1   b = 2   c = Observable -a-b| (received only)\n',
    )
  })

  it('compares and prints an inner Observable of an inner Observable', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      expectObservable(of(of(of(1)))).toBe('(x|)', { x: cold('(y|)', { y: 1 }) })
    })
    expect(error.message).toContain('= Observable (')
    expect(error.message).toContain('= Observable (received only)')
  })

  it('uses the letters of the expectation, then those of the test, then fresh ones', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      const source = cold('pqrs|', { p: { n: 1 }, q: { n: 2 }, r: { n: 3 }, s: 'p' })
      expectObservable<unknown>(source).toBe('qx|', { q: { n: 1 }, x: { n: 2 } })
    })
    expect(error.message).toContain('  expected  qx|\n  received  qxrp|\n')
    expect(error.message).toContain('  values    q = {"n":1}   x = {"n":2}   r = {"n":3} (received only)\n')
  })

  it('names a letter that the values leave out', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      expectObservable(cold('--b|')).toBe('--b|', { a: 1 })
    })
    expect(error.message).toContain('b = undefined')
  })

  it('tells a letter that is a value from one that stands for a value', () => {
    const error = failureOf(({ expectObservable }) => {
      expectObservable<unknown>(of('a', 1)).toBe('(ab|)', { a: 1, b: 'a' })
    })
    expect(error.message).toContain('  expected  (ab|)\n  received  (ba|)\n')
    expect(error.message).toContain('a = 1   b = "a"')
  })

  it('shows the line with the difference of a diagram that is too wide', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      expectObservable(cold(`${'ab'.repeat(200)}|`)).toBe(`${'ab'.repeat(70)}aa${'ab'.repeat(129)}|`)
    })
    expect(error.message).toBe(
      lines(
        'expectObservable differs at frame 141: expected a, received b',
        '',
        '            … equal before frame 100',
        `  expected  ${'ab'.repeat(20)}aa${'ab'.repeat(29)}`,
        `  received  ${'ab'.repeat(50)}`,
        `            ${' '.repeat(41)}↑`,
        `  expected  ${'ab'.repeat(50)}`,
        `  received  ${'ab'.repeat(50)}`,
        '            … goes on from frame 300 to 400',
      ),
    )
  })

  it('stays readable with very many values, and lists the differing ones first', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      const numbers = Array.from({ length: 2000 }, (_, i) => i)
      const source = cold<number>(`${'a'.repeat(50)}|`, { a: 0 }).pipe(map((_, i) => i + 1000 * Number(i === 45)))
      expectObservable(source).toEqual(cold<number>(`${'a'.repeat(50)}|`, { a: 0 }).pipe(map((_, i) => i)))
      expectObservable(of(...numbers)).toBe('|')
    })
    expect(error.message).toContain('  values    V = 45\n            Ā = 1045 (received only)\n            a = 0\n')
    expect(error.message).toContain('            … and 21 more\n')
    expect(error.message).toContain('received a, b, c, d, e, f, and 1995 more\n')
    expect(error.message.split('\n').length).toBeLessThan(100)
  })

  it('works with toEqual', () => {
    const error = failureOf(({ cold, expectObservable }) => {
      expectObservable(cold('a|')).toEqual(cold('b|'))
    })
    expect(error.message).toContain('  expected  b|\n  received  a|\n')
  })

  it('does not take equal prints for equal values', () => {
    const error = failureOf(({ expectObservable }) => {
      expectObservable<unknown>(of({ run: () => 1 })).toBe('(a|)', { a: { run: () => 1 } })
    })
    expect(error.message).toContain('a.run: expected [Function run], received another one that prints the same')
  })
})

describe('a failed expectSubscriptions', () => {
  it('shows the subscription', () => {
    const error = failureOf(({ cold, expectSubscriptions }) => {
      const source = cold('---|')
      source.subscribe()
      expectSubscriptions(source.subscriptions).toBe('^-!')
    })
    expect(error.message).toBe(
      lines(
        'expectSubscriptions differs at frame 2: expected unsubscription, received nothing',
        '',
        '  expected  ^-!',
        '  received  ^--!',
        '              ↑',
      ),
    )
    expect(error).toMatchObject({ expected: '^-!', actual: '^--!' })
  })

  it('shows several in pairs, and one that is missing', () => {
    const error = failureOf(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('---|')
      expectObservable(source).toBe('---|')
      expectSubscriptions(source.subscriptions).toBe(['^--!', '---(^!)'])
    })
    expect(error.message).toBe(
      lines(
        'expectation 2 of 2 (expectSubscriptions) differs at frame 3: expected subscription and unsubscription, received nothing (subscription 2 of 2)',
        '',
        '  expected 1  ^--!',
        '  received 1  ^--!',
        '  expected 2  ---(^!)',
        '  received 2  -------',
        '                 ↑',
      ),
    )
  })
})

describe('the error', () => {
  it('says which expectations failed, and shows all of them', () => {
    const error = failureOf(({ expectObservable }) => {
      expectObservable(of('a')).toBe('(b|)')
      expectObservable(of('a')).toBe('(a|)')
      expectObservable(of('a')).toBe('(c|)')
    })
    expect(error.message).toBe(
      lines(
        'expectation 1 of 3 (expectObservable) differs at frame 0: expected b and completion, received a and completion',
        '',
        '  expected  (b|)',
        '  received  (a|)',
        '             ↑',
        '',
        'expectation 3 of 3 (expectObservable) differs at frame 0: expected c and completion, received a and completion',
        '',
        '  expected  (c|)',
        '  received  (a|)',
        '             ↑',
      ),
    )
    expect(error).toMatchObject({ expected: '(b|)\n\n(c|)', actual: '(a|)\n\n(a|)' })
  })

  it('counts on after an explicit flush, and misses nothing stated before it', () => {
    const error = failureOf(({ expectObservable, flush }) => {
      const later = expectObservable(of('a'))
      expectObservable(of('b')).toBe('(b|)')
      flush()
      later.toBe('(c|)')
    })
    expect(error.message).toMatch(/^expectation 1 of 2 .*: expected c and completion, received a and completion\n/)
  })

  it('has diagrams with their legends as expected and actual', () => {
    const error = failureOf(({ expectObservable }) => {
      expectObservable(of(1)).toBe('(a#)', { a: 2 }, new RangeError('far'))
    })
    expect(error).toMatchObject({ expected: '(a#)\na = 2\n# = RangeError: far', actual: '(b|)\nb = 1' })
  })

  it('starts its stack where the expectation was stated', () => {
    const error = failureOf(function theTest({ expectObservable }) {
      expectObservable(of('a')).toBe('(b|)')
    })
    const [frame] = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? []
    expect(frame).toContain('theTest')
  })

  it('is the own error of an expectation that throws inside the test, or while time runs', () => {
    const own = new Error('own')
    const throwOwn = () => {
      throw own
    }
    expect(
      thrownBy(
        marbles(({ expectObservable }) => {
          expectObservable(of('a')).toBe('(b|)')
          throwOwn()
        }),
      ),
    ).toBe(own)
    expect(
      thrownBy(
        marbles(({ scheduler }) => {
          scheduler.schedule(throwOwn, 5)
        }),
      ),
    ).toBe(own)
  })
})

describe('misuse', () => {
  it('refuses an asynchronous test', () => {
    // @ts-expect-error The type refuses it too.
    const error = thrownBy(marbles(async () => {}))
    expect(error).toBeInstanceOf(OptionError)
    expect(error).toHaveProperty('message', expect.stringMatching(/^a marble test must be synchronous/))
  })

  it('refuses an expectation that states nothing', () => {
    const error = thrownBy(
      marbles(({ expectObservable }) => {
        expectObservable(of('a')).toBe('(a|)')
        expectObservable(of('a'))
      }),
    )
    expect(error).toBeInstanceOf(OptionError)
    expect(error).toHaveProperty(
      'message',
      'expectation 2 of 2 (expectObservable) has no toBe or toEqual, so it would pass whatever it receives',
    )
  })
})
