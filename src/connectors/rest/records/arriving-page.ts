import { addAbortSignal } from 'node:stream'
import { PortError } from '../../../errors.ts'
import type { HttpResponse } from '../http/types.ts'
import type { Page, PageEnd } from '../pagination/types.ts'
import type { Beside } from './parser.ts'
import { pageEnd, slices } from './whole-page.ts'

/** A page that is received at the pace at which its chunks are read. */
export function arrivingPage(
  response: HttpResponse,
  items: AsyncGenerator<readonly unknown[], Beside>,
  signal: AbortSignal | undefined,
): Page {
  const { body } = response
  if (signal !== undefined) addAbortSignal(signal, body)
  let end: PageEnd | undefined

  async function* chunks(): AsyncGenerator<readonly unknown[]> {
    let count = 0
    let first: unknown
    let last: unknown
    try {
      for (;;) {
        const next = await items.next()
        if (next.done === true) {
          end = pageEnd(response, { count, first, last, ...next.value })
          return
        }
        if (next.value.length === 0) continue
        if (count === 0) first = next.value[0]
        count += next.value.length
        last = next.value.at(-1)
        yield* slices(next.value)
      }
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      await items.return({ envelope: undefined, records: undefined })
    }
  }

  return {
    chunks: chunks(),
    whole: false,
    end: () => {
      if (end === undefined)
        throw new PortError('expected the end of a page after its chunks were read, found it asked for before')
      return end
    },
    discard: () => body.destroy(),
  }
}
