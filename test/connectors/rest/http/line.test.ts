import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Line } from '../../../../src/connectors/rest/http/line.ts'

it('lets in as many as there are places, first come, first served, and forgets who went away', () => {
  const step = fc.constantFrom('comes', 'leaves', 'goes away')
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (places, steps) => {
      const line = new Line(places)
      const entered: number[] = []
      const leaveLine = new Map<number, () => void>()
      const expected = { entered: [] as number[], waiting: [] as number[], inside: 0 }
      const admit = (): void => {
        while (expected.inside < places && expected.waiting.length > 0) {
          expected.entered.push(expected.waiting.shift() as number)
          expected.inside++
        }
      }
      let came = 0
      for (const what of steps) {
        if (what === 'comes') {
          const who = came++
          expected.waiting.push(who)
          leaveLine.set(
            who,
            line.wait(() => entered.push(who)),
          )
        } else if (what === 'leaves' && expected.inside > 0) {
          expected.inside--
          line.leave()
        } else if (what === 'goes away') leaveLine.get(expected.waiting.pop() ?? -1)?.()
        admit()
        expect(entered).toEqual(expected.entered)
        expect(line.isIdle).toBe(expected.inside === 0)
      }
    }),
  )
})

it('takes a hundred thousand who enter and leave at once without nesting', () => {
  const line = new Line(1)
  let entered = 0
  line.wait(() => {}) // has the place
  for (let who = 0; who < 100_000; who++) {
    line.wait(() => {
      entered++
      line.leave()
    })
  }
  line.leave()
  expect(entered).toBe(100_000)
})

it('goes on behind one whose entering throws', () => {
  const line = new Line(2)
  let entered = false
  expect(() =>
    line.wait(() => {
      throw new Error('not today')
    }),
  ).toThrow('not today')
  line.wait(() => {
    entered = true
  })
  expect(entered).toBe(true)
})
