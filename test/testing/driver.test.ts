import { map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { OffsetRegressionError, OptionError, PortError } from '../../src/errors.ts'
import { sequenceOffset } from '../../src/offsets/sequence.ts'
import { drive } from '../../src/testing/driver.ts'
import { timeline } from '../../src/testing/driver-timeline.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { availableNow, processingTime } from '../../src/trigger.ts'

describe('drive', () => {
  it(
    'takes ten rows a batch and never past the end',
    marbles(({ cold, expectObservable }) => {
      const head = timeline('             a---------b', { a: 25, b: 27 })
      const trigger = cold('              a--b--c--d--e|')
      const { ranges$ } = drive({ reader: sequenceOffset({ head }), trigger, limit: { maxRows: 10 } })
      expectObservable(ranges$).toBe('    a--b--c-----e|', { a: '[0, 10)', b: '[10, 20)', c: '[20, 25)', e: '[25, 27)' })
    }),
  )
  it(
    'fails readably',
    marbles(({ cold, expectObservable }) => {
      const head = timeline('             a---------b', { a: 25, b: 27 })
      const trigger = cold('              a--b--c--d--e|')
      const { batches$ } = drive({ reader: sequenceOffset({ head }), trigger, limit: { maxRows: 10 } })
      expectObservable(batches$).toBe('    a--b--c-----e|', {  })
    }),
  )
})
