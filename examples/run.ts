import type { QueryProgress, QueryRun, StreamingQuery } from 'sluice'

export type RunEnd = 'completed' | 'drained' | 'stopped'

/**
 * Runs queries, one after the other or side by side, until Ctrl-C: the first one lets the batch in flight finish (`drain`), a second one aborts it (`stop`).
 * Either way everything is unlocked before `run` resolves, and the next start goes on where this one stopped. After Ctrl-C no query begins.
 * @param onInterrupt told at the first Ctrl-C.
 */
export function untilInterrupted(onInterrupt: () => void = () => {}) {
  const running = new Set<QueryRun>()
  let interrupts = 0
  process.on('SIGINT', () => {
    interrupts++
    if (interrupts === 1) {
      onInterrupt()
      for (const run of running) run.drain().catch(() => {}) // `run` rejects with the failure
    } else for (const run of running) void run.stop()
  })
  return {
    /** Rejects when the query fails. @param onStart gets the run before anything happens in it. */
    run: async (
      query: StreamingQuery,
      onProgress: (progress: QueryProgress) => void,
      onStart: (run: QueryRun) => void = () => {},
    ): Promise<RunEnd> => {
      if (interrupts === 0) {
        const started = query.start()
        running.add(started)
        onStart(started)
        started.progress$.subscribe(onProgress)
        await started.terminated.finally(() => running.delete(started))
      }
      return interrupts === 0 ? 'completed' : interrupts === 1 ? 'drained' : 'stopped'
    },
  }
}
