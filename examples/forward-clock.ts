import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const aheadMs = 86_400_000

/**
 * A clock that runs `speed` times as fast as time and never goes back, not even when the process is killed and started again:
 * the file always holds a time later than any that was shown, and a new clock begins there (or at the present, if that is later).
 * Each start so skips up to a day. Milliseconds since 1970.
 */
export function forwardClock(file: string, speed: number): () => number {
  const began = Date.now()
  let until = readTime(file)
  const origin = Math.max(began, until)
  return () => {
    const now = origin + (Date.now() - began) * speed
    if (now >= until) {
      until = now + aheadMs
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(`${file}.next`, JSON.stringify({ until }))
      renameSync(`${file}.next`, file)
    }
    return now
  }
}

function readTime(file: string): number {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { until: number }).until
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}
