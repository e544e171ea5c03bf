/**
 * The pipeline composed by hand, with RxJS operators of one's own in the middle: `npx node examples/04-by-hand.ts`.
 *
 * This is what `readStream(…).writeStream(…)` makes, without restarts and progress. It reads a hundred rows and ends;
 * killed and started again it first finishes the batch that was under way. The operators stand in `transformRows`: without that guard one that
 * completes early or swallows an error would commit a part of a partition.
 */
import {
  bufferCount,
  concat,
  concatMap,
  defer,
  delay,
  from,
  ignoreElements,
  map,
  mergeMap,
  of,
  pipe,
  takeWhile,
  tap,
  timer,
} from 'rxjs'
import * as sluice from 'sluice'
import * as stage from 'sluice/operators'
import { type CommentRow, commentsApi } from './comments-api.ts'
import { getJson } from './http.ts'

const { SLUICE_EXAMPLE_DATA: data = 'data', SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints' } = process.env
const api = await commentsApi(`${checkpoints}/by-hand-clock.json`)
const name = `by-hand-${api.kind}`
const total = 100

const reader: sluice.ReplayableReader<sluice.SequenceOffset, sluice.Range<number>, CommentRow> = {
  ...sluice.sequenceOffset({ head: () => total, cut: { size: 10 } }),
  async *read({ from, to }, { signal }) {
    for (let at = from; at < to; at += 2) {
      const { value } = await getJson<readonly object[]>(`${api.url}?_start=${at}&_limit=2`, { signal })
      yield value.map(api.toRow)
    }
  },
}
const writer = sluice.jsonLines({ path: `${data}/${name}` }).streamWriter()
const tracker = new sluice.Tracker()

/** The application's own operators, made anew for each attempt at a partition. */
const threeAtATime = (place: string): stage.RowsOperator =>
  pipe(
    bufferCount<readonly object[]>(3),
    map((chunks) => chunks.flat()),
    tap((rows) => console.log(`${place}: ${rows.length} rows`)),
    delay(20),
  )

const batches$ = stage.usingResource({
  open: () => sluice.QueryLog.open(sluice.fileCheckpoint(`${checkpoints}/${name}`), ['comments']),
  use: (log) => {
    const { queryId, session } = log
    const context = sluice.runContext({ name, epoch: session.epoch, tracker })
    const { sinkId, epoch } = context
    const position = () => log.position as sluice.SequenceOffset

    const start$ = stage.commandPort(context, 'start', () =>
      writer.start?.({ queryId, sinkId, epoch, schema: undefined }),
    )
    const ticks$ = timer(0, 50).pipe(takeWhile(() => position().offset < total))
    const nextBatch$ = defer(() => of(position())).pipe(
      stage.latestOffset(reader, { ...sluice.readAllAvailable, maxRows: 20 }, context),
      stage.planPartitions(reader, context),
      stage.logPlan(log, reader, context),
    )
    const runBatch = concatMap((batch: sluice.BatchRun<sluice.SequenceOffset, sluice.Range<number>>) =>
      from(batch.committed ? [] : batch.tasks).pipe(
        mergeMap(
          (task) =>
            stage.attemptPartition(task, (attempt) =>
              stage
                .readPartition(reader, attempt)
                .pipe(
                  stage.transformRows([threeAtATime(`batch ${batch.batchId}, partition ${task.partitionId}`)]),
                  stage.writeTo(writer, attempt),
                ),
            ),
          context.concurrency,
        ),
        stage.commitTo(writer, log, reader, batch),
      ),
    )
    return concat(
      start$.pipe(ignoreElements()),
      stage.recoverBatch(reader, log, context).pipe(stage.beginBatch(writer), runBatch),
      ticks$.pipe(stage.conflateMap(() => nextBatch$.pipe(runBatch))),
    )
  },
  close: (log) => concat(tracker.idle, log.close()),
  tracker: new sluice.Tracker(),
  onCloseError: (error) => console.error(error),
})

console.log(`${api.explanation}\nThe rows go to ${data}/${name}.`)
batches$.subscribe({
  next: ({ batchId, end }) => console.log(`batch ${batchId} is committed: up to row ${end.offset}`),
  error: (error: unknown) => {
    console.error(error)
    process.exitCode = 1
    void api.close()
  },
  complete: () => void api.close(),
})
