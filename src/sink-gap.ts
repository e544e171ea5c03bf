/**
 * Says that a sink knows no batch of a query that has done some: it is another one than before, or was made anew, or restored. That may be meant; where it
 * isn't, nobody would notice what is missing.
 * @param what the sink: the sentence begins with it.
 * @param batchId the batch that the query goes on with.
 */
export function warnOfNewSink(what: string, batchId: number): void {
  process.emitWarning(
    `${what} knows no batch of this query, which goes on with batch ${batchId}: rows of the batches before (abandoned ones have none) are not in it`,
    'SluiceWarning',
  )
}

/** The same for a sink that is ahead of the query, whose checkpoint was restored from an older copy. */
export function warnOfOldCheckpoint(what: string, last: number, batchId: number): void {
  process.emitWarning(
    `${what} holds batch ${last} of this query, which goes on with batch ${batchId}: its checkpoint is older. Batches up to ${last} are skipped, also the rows that they didn't have then`,
    'SluiceWarning',
  )
}
