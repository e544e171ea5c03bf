import { expect, it } from 'vitest'
import { PageOrder } from '../../../../src/connectors/rest/source/page-order.ts'

it('knows the end of a page of any length, and forgets its beginning', () => {
  const order = new PageOrder<{ readonly at: number }>({ valueOf: ({ at }) => at, keyOf: () => 'a' })
  for (let at = 0; at < 50_000; at++) order.note(at, { at })
  expect(order.repeats(0, 'a')).toBe(false)
  expect(order.repeats(49_000, 'a')).toBe(true)
  order.nextPage()
  expect(order.repeats(49_999, 'a')).toBe(true)
})
