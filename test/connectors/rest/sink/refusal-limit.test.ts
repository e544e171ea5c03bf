import { describe, expect, it } from 'vitest'
import { type CountedAttempt, RefusalLimit } from '../../../../src/connectors/rest/sink/refusal-limit.ts'
import { RowError } from '../../../../src/errors.ts'

const limited = (max: number) => new RefusalLimit(max).attempt()
const refuse = (limit: CountedAttempt, times: number) => {
  for (let n = 0; n < times; n++) limit.refused('row 7 of partition 0 was refused: status 422')
}

describe('RefusalLimit', () => {
  it('is reached by one refused row too many, however few rows there were', () => {
    const limit = limited(3)
    refuse(limit, 3)
    expect(() => refuse(limit, 1)).toThrow(RowError)
    expect(() => refuse(limit, 1)).toThrow(
      /^httpSink: more than 3 of the last 1000 rows .*"maxDeadLetters".* row 7 of partition 0 was refused: status 422$/,
    )
  })

  it('forgets what lies more than a thousand rows back', () => {
    const limit = limited(3)
    refuse(limit, 3)
    limit.taken(997)
    expect(() => refuse(limit, 1)).not.toThrow() // the first one is row 1,001 from the end now
    expect(() => refuse(limit, 2)).not.toThrow()
    expect(() => refuse(limit, 1)).toThrow(RowError)
  })

  it('counts a share for good: one row of ten, 10,000 times', () => {
    const limit = limited(100)
    for (let n = 0; n < 10_000; n++) {
      limit.taken(9)
      refuse(limit, 1)
    }
    expect(() => refuse(limit, 2)).toThrow(RowError)
  })

  it('counts the rows of a partition once, however often it is tried', () => {
    const limit = new RefusalLimit(3)
    for (let attempt = 0; attempt < 10; attempt++) {
      const counted = limit.attempt()
      counted.taken(5)
      refuse(counted, 3)
      if (attempt < 9) counted.forget()
    }
    expect(() => refuse(limit.attempt(), 1)).toThrow(RowError)
  })

  it('forgets the rows that were taken, too: they dilute nothing', () => {
    const limit = new RefusalLimit(3)
    refuse(limit.attempt(), 3)
    const failed = limit.attempt()
    failed.taken(500)
    failed.forget()
    limit.attempt().taken(996)
    expect(() => refuse(limit.attempt(), 1)).toThrow(RowError)
  })

  it('may be none', () => {
    const limit = limited(Infinity)
    expect(() => refuse(limit, 10_000)).not.toThrow()
  })
})
