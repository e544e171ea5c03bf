import type { QueryProgress, QueryRun, StreamingQuery } from 'sluice'

export type RunEnd = 'completed' | 'drained' | 'stopped'

/**
 * Runs queries, one after the other, until Ctrl-C: the first one lets the batch in flight finish (`drain`), a second one aborts it (`stop`).
 * Either way everything is unlocked before `run` resolves, and the next start goes on where this one stopped. After Ctrl-C no query begins.
 * @param onInterrupt told at the first Ctrl-C.
 */
export function untilInterrupted(onInterrupt: () => void = () => {}) {
  let running: QueryRun | undefined
  let interrupts = 0
  process.on('SIGINT', () => {
    interrupts++
    if (interrupts === 1) {
      onInterrupt()
      running?.drain().catch(() => {}) // `run` rejects with the failure
    } else void running?.stop()
  })
  return {
    /** Rejects when the query fails. */
    run: async (query: StreamingQuery, onProgress: (progress: QueryProgress) => void): Promise<RunEnd> => {
      if (interrupts === 0) {
        running = query.start()
        running.progress$.subscribe(onProgress)
        await running.terminated
      }
      return interrupts === 0 ? 'completed' : interrupts === 1 ? 'drained' : 'stopped'
    },
  }
}
