import { expect, it } from 'vitest'
import { answerTo } from '../../../../src/connectors/rest/source/question.ts'
import type { Extract } from '../../../../src/connectors/rest/source/slicing.ts'
import { PortError } from '../../../../src/errors.ts'

it('a question whose answer has nothing shows its URL without what looks like a secret', async () => {
  const url = 'http://api.example/stats?access_token=wombat17&page=1'
  const extract = {
    owner: 'rest',
    request: { url },
    fields: {},
    answer: async () => ({ url, headers: {}, body: {}, status: 200, count: 0 }),
  } as unknown as Extract<{ readonly id: number }>
  const asked = answerTo(extract, { url, value: 'max_id' }, new AbortController().signal)
  await expect(asked).rejects.toThrow(PortError)
  await expect(asked).rejects.toThrow(
    'rest: expected a value at max_id in the answer of http://api.example/stats?access_token=***&page=1, found none',
  )
})
