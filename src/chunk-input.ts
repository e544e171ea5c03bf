import { defer, filter, from, isObservable, type ObservableInput, tap } from 'rxjs'

/** Decides, chunk by chunk, which go on; made anew for each reading. */
export interface ChunkGate {
  readonly keep: (chunk: readonly unknown[]) => boolean
  /** Called when the input has ended; may throw. */
  readonly end?: () => void
}

/** Some chunks of an input, which stays what it was: what can be pulled is pulled, what is synchronous stays so. */
export function filterChunks(
  chunks: ObservableInput<readonly unknown[]>,
  gate: () => ChunkGate,
): ObservableInput<readonly unknown[]> {
  if (!isObservable(chunks)) {
    if (Symbol.asyncIterator in chunks) return filterAsync(chunks, gate())
    if (Symbol.iterator in chunks) return filterSync(chunks, gate())
  }
  return defer(() => {
    const { keep, end } = gate()
    return from(chunks).pipe(filter(keep), tap({ complete: () => end?.() }))
  })
}

function* filterSync(chunks: Iterable<readonly unknown[]>, { keep, end }: ChunkGate): Generator<readonly unknown[]> {
  for (const chunk of chunks) if (keep(chunk)) yield chunk
  end?.()
}

async function* filterAsync(
  chunks: AsyncIterable<readonly unknown[]>,
  { keep, end }: ChunkGate,
): AsyncGenerator<readonly unknown[]> {
  for await (const chunk of chunks) if (keep(chunk)) yield chunk
  end?.()
}
