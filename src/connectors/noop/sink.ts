import type { StreamWriter } from '../../sink.ts'

/**
 * Takes every row and drops it: for measuring a source and its operators, and as the branch of a `tee` that is switched off.
 *
 * Counted as `transactional`, because it has no effect that a replay could repeat: what a query promises then depends on its other parts alone.
 */
export function noop(): { readonly name: 'noop'; readonly streamWriter: () => StreamWriter<object, undefined> } {
  const partition = { write: () => undefined, finish: () => undefined }
  return {
    name: 'noop',
    streamWriter: () => ({ guarantee: 'transactional', open: () => partition, commit: () => undefined }),
  }
}
