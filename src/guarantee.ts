import type { WriterGuarantee } from './sink.ts'

/** From weakest to strongest. `effectively-once`: written more than once at worst, seen once. */
export const guaranteeLevels = ['at-least-once', 'effectively-once', 'exactly-once'] as const

/** One of {@link guaranteeLevels}. */
export type GuaranteeLevel = (typeof guaranteeLevels)[number]

/** What a query delivers at worst. */
export interface Guarantee {
  readonly level: GuaranteeLevel
  /** Why it is this and no more, in words. */
  readonly reason: string
  /** Of a `tee`: what each of its sinks gets, by its name. The whole's `level` is the weakest of theirs. */
  readonly sinks?: Readonly<Record<string, Pick<Guarantee, 'level' | 'reason'>>>
}

/** What the guarantee is computed from. */
export interface GuaranteeInput {
  /** `journaled`: an acked source behind a journal; `identity` says whether redelivered rows are recognised. */
  readonly reader: 'replayable' | 'acked' | 'journaled'
  readonly identity?: boolean
  readonly writer: WriterGuarantee
  /** Whether every operator is known to turn the same chunks into the same rows. */
  readonly deterministic: boolean
  /** Whether the source brings the same rows again. @default true */
  readonly repeatable?: boolean
  /** Whether the checkpoint outlives the process. */
  readonly durable: boolean
}

/** Computed, not claimed: the weakest link decides, and says so. */
export function computeGuarantee(input: GuaranteeInput): Guarantee {
  const { writer } = input
  if (!input.durable) {
    return atLeastOnce(
      'the checkpoint does not outlive the process: a new run reads everything again under a new query id',
    )
  }
  if (input.reader === 'acked') {
    if (typeof writer === 'object' && writer.idempotent === 'key' && input.deterministic) {
      return effectivelyOnce(
        'a crash before the acknowledgement delivers messages again in another batch; the sink overwrites rows by their key',
      )
    }
    return atLeastOnce(
      'a crash before the acknowledgement delivers messages again in another batch, which the sink cannot recognise; journaled(…) with an identity mends that',
    )
  }
  if (input.reader === 'journaled' && input.identity !== true) {
    if (typeof writer === 'object' && writer.idempotent === 'key' && input.deterministic) {
      return effectivelyOnce(
        `a crash between journal and acknowledgement journals messages twice; the sink overwrites rows by their key${disk(input)}`,
      )
    }
    return atLeastOnce(
      `a crash between journal and acknowledgement journals messages twice; an identity mends that${disk(input)}`,
    )
  }
  if (writer === 'transactional') {
    return {
      level: 'exactly-once',
      reason: `batches are replayed with the same range, and the sink takes each batch once${disk(input)}`,
    }
  }
  if (writer === 'append') {
    return atLeastOnce(
      `the sink appends: a batch that is replayed after a crash or a retry is written again${disk(input)}`,
    )
  }
  if (!input.deterministic) {
    return atLeastOnce(
      'an operator is not known to be deterministic, so that a replay may bring other rows; deterministic(operator) declares one that is',
    )
  }
  if (writer.idempotent === 'position' && input.repeatable === false) {
    return atLeastOnce(
      'the source may bring other rows when a batch is read again, so that requests can not be recognised by their place in it; journaled(…) keeps the rows, and a sink with a natural key does not mind',
    )
  }
  return effectivelyOnce(
    writer.idempotent === 'key'
      ? `a replayed batch overwrites its rows by their key${disk(input)}`
      : `a replayed batch repeats its requests under the same idempotency keys, which the receiver drops${disk(input)}`,
  )
}

export function atLeast(guarantee: GuaranteeLevel, wanted: GuaranteeLevel): boolean {
  return guaranteeLevels.indexOf(guarantee) >= guaranteeLevels.indexOf(wanted)
}

/** What a queue's messages rest on once they are acknowledged. */
function disk({ reader }: GuaranteeInput): string {
  return reader === 'journaled'
    ? "; after the acknowledgement the rows' durability is that of the checkpoint's disk, not the broker's"
    : ''
}

function atLeastOnce(reason: string): Guarantee {
  return { level: 'at-least-once', reason }
}

function effectivelyOnce(reason: string): Guarantee {
  return { level: 'effectively-once', reason }
}

/**
 * What both promise. A transaction doesn't mind a replay with other rows, but messages that a queue delivers again in another batch;
 * with a natural key it is the other way round. Position keys mind both.
 */
export function weakerGuarantee(a: WriterGuarantee, b: WriterGuarantee): WriterGuarantee {
  if (a === 'append' || b === 'append') return 'append'
  return kindOf(a) === kindOf(b) ? a : { idempotent: 'position' }
}

function kindOf(guarantee: WriterGuarantee): string {
  return typeof guarantee === 'string' ? guarantee : guarantee.idempotent
}
