/** The beginning of a body, and how to get at the rest. */
export interface BodyBytes {
  readonly start: readonly Uint8Array[]
  /** Whether `start` is all of it. */
  readonly whole: boolean
  /** All of it, once. Ending this early gives up the rest. */
  readonly all: () => AsyncGenerator<Uint8Array>
}

/** Reads a body until it ends or is longer than `limit` bytes. */
export async function readStart(body: AsyncIterable<Uint8Array>, limit: number): Promise<BodyBytes> {
  const bytes = body[Symbol.asyncIterator]()
  const start: Uint8Array[] = []
  let whole = false
  for (let length = 0; length <= limit && !whole; ) {
    const next = await bytes.next()
    if (next.done === true) whole = true
    else {
      start.push(next.value)
      length += next.value.byteLength
    }
  }
  return {
    start,
    whole,
    async *all() {
      try {
        yield* start
        for (let next = await bytes.next(); next.done !== true; next = await bytes.next()) yield next.value
      } finally {
        await bytes.return?.()
      }
    },
  }
}
