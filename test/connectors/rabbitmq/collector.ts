import type { StreamWriter } from 'sluice'

/** What it looks at. */
export interface Collected {
  readonly body: unknown
  readonly queue: string
}

export interface CollectorOptions {
  /** Of a commit. */
  readonly delayMs?: number
  /** Whether a batch with these bodies fails before it is committed. */
  readonly fails?: (bodies: readonly unknown[]) => boolean
  readonly onWrite?: () => Promise<unknown>
  /** All of a partition is read and written. */
  readonly onFinish?: () => Promise<unknown>
  readonly onCommit?: () => Promise<unknown>
}

/** A sink that keeps what was committed, repeats included. */
export function collector({ delayMs = 0, fails = () => false, onWrite, onFinish, onCommit }: CollectorOptions = {}) {
  const committed: (readonly Collected[])[] = []
  const written = new Set<number>()
  let waiting: { count: number; resolve: () => void } | undefined
  const rows = (): readonly Collected[] => committed.flat()

  const sink = (): StreamWriter<Collected, readonly Collected[]> => ({
    guarantee: 'append',
    open: ({ partitionId }) => {
      const mine: Collected[] = []
      return {
        write: async (chunk) => {
          written.add(partitionId)
          mine.push(...chunk)
          await onWrite?.()
        },
        finish: async () => {
          await onFinish?.()
          if (fails(mine.map(({ body }) => body))) throw new Error('the sink failed')
          return mine
        },
      }
    },
    commit: async (messages) => {
      await onCommit?.()
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
      committed.push(messages.flat())
      if (waiting !== undefined && rows().length >= waiting.count) waiting.resolve()
    },
  })
  return {
    sink,
    rows,
    bodies: () => rows().map(({ body }) => body),
    batches: () => committed,
    /** Those that got rows. */
    partitions: () => written,
    /** Settles once so many rows are there. */
    arrivals: (count: number) =>
      new Promise<void>((resolve) => {
        waiting = { count, resolve }
      }),
  }
}
