import type { Module } from './modules.ts'

/**
 * The floors, from the ground up. A module imports from its own floor and from those below it, types included.
 * A name that ends in a slash is a folder; the longest name that fits decides.
 */
export const floors: readonly (readonly string[])[] = [
  // the ground: words and helpers that know nothing of streams
  [
    'src/builtins.ts',
    'src/errors.ts',
    'src/result.ts',
    'src/answer.ts',
    'src/subscribe-within.ts',
    'src/options.ts',
    'src/connection-tls.ts',
    'src/row.ts',
    'src/json-text.ts',
    'src/duration.ts',
    'src/instant.ts',
    'src/timer.ts',
    'src/tracker.ts',
    'src/breath.ts',
    'src/chunk-input.ts',
    'src/merge-bounded.ts',
    'src/settle-all.ts',
    'src/demand.ts',
    'src/partition-scope.ts',
    'src/deterministic.ts',
    'src/row-operator.ts',
    'src/dead-letter.ts',
    'src/malformed-row.ts',
    'src/activity.ts',
    'src/retry.ts',
    'src/redact.ts',
    'src/label-text.ts',
    'src/sink-gap.ts',
    'src/safe-feed.ts',
    'src/circuit.ts',
    'src/moving-window.ts',
    'src/turnstile.ts',
  ],
  // the vocabulary
  [
    'src/schema.ts',
    'src/schema/',
    'src/fuse-rows.ts',
    'src/connectors/records/',
    'src/connectors/parquet/',
    'src/offset.ts',
    'src/partition.ts',
    'src/trigger.ts',
  ],
  // the ports; the checkpoint's port is one of them
  ['src/batch.ts', 'src/source.ts', 'src/sink.ts', 'src/checkpoint/checkpoint.ts', 'src/connectors/manifest/'],
  // what implements and wraps ports, and what is told about a run
  [
    'src/checkpoint/',
    'src/connectors/',
    'src/offsets/',
    'src/batch-source.ts',
    'src/simple-reader.ts',
    'src/journaled.ts',
    'src/identity-window.ts',
    'src/idempotency.ts',
    'src/dead-letters.ts',
    'src/bind-ports.ts',
    'src/check-ports.ts',
    'src/child-sink.ts',
    'src/tee.ts',
    'src/union.ts',
    'src/union-journal.ts',
    'src/data-source.ts',
    'src/guarantee.ts',
    'src/events.ts',
    'src/progress.ts',
    'src/run-context.ts',
    'src/batch-run.ts',
    'src/watchdog.ts',
    'src/query-log.ts',
    'src/settlement-counts.ts',
    'src/tell-settlements.ts',
  ],
  ['operators/', 'src/metrics/'],
  ['src/goal.ts', 'src/pipeline.ts'],
  [
    'src/query.ts',
    'src/query-spec.ts',
    'src/query-ports.ts',
    'src/query-guarantee.ts',
    'src/progress-feed.ts',
    'src/query-options.ts',
    'src/query-run.ts',
    'src/streaming-query.ts',
  ],
  ['src/stream.ts', 'src/source-registry.ts', 'src/testing/', 'src/dashboard/'],
  ['src/index.ts', 'operators/index.ts', 'src/testing/index.ts', 'src/connectors/rabbitmq/index.ts'],
]

/** Counted from the ground; `undefined` for a file that nobody has placed. An `index.ts` of a folder stands on the folder's floor. */
export function floorOf(file: string): number | undefined {
  let longest = 0
  let floor: number | undefined
  for (const [index, names] of floors.entries()) {
    for (const name of names) {
      const fits = name.endsWith('/') ? file.startsWith(name) : file === name
      if (!fits || name.length <= longest) continue
      longest = name.length
      floor = index
    }
  }
  return floor
}

/** Imports that lead up, as `from -> to`. */
export function upwardImports(modules: readonly Module[]): string[] {
  return modules.flatMap(({ file, imports }) =>
    imports
      .filter((to) => to.file !== undefined && (floorOf(file) ?? Infinity) < (floorOf(to.file) ?? -1))
      .map((to) => `${file} -> ${to.file}${to.typeOnly ? ' (types)' : ''}`),
  )
}

/** A circle for each import that closes one, as `a -> b -> a`. */
export function circles(modules: readonly Module[]): string[] {
  const importsOf = new Map(modules.map(({ file, imports }) => [file, imports.flatMap((to) => to.file ?? [])]))
  const found: string[] = []
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) {
      found.push([...path.slice(at), file].join(' -> '))
      return
    }
    if (done.has(file)) return
    for (const to of importsOf.get(file) ?? []) walk(to, [...path, file])
    done.add(file)
  }
  for (const { file } of modules) walk(file, [])
  return found
}
