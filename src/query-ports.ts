import { catchError, concat, defer, EMPTY, ignoreElements, type Observable, of, throwError } from 'rxjs'
import { commandPort } from '../operators/call-port.ts'
import { notLogged } from '../operators/flush-meanwhile.ts'
import { checkReader, checkWriter } from './check-ports.ts'
import type { QueryEventBody } from './events.ts'
import type { QueryLog } from './query-log.ts'
import type { QuerySpec } from './query-spec.ts'
import { fromCommand, type Result } from './result.ts'
import type { RunContext } from './run-context.ts'
import type { Schema } from './schema.ts'
import type { StreamWriter } from './sink.ts'
import type { StreamReader } from './source.ts'

/** When the sink can't be made, the source that was is stopped. */
export function openPorts<Offset extends object, Partition, Row extends object, Out extends object, Message>(
  { source, sink }: QuerySpec<Offset, Partition, Row, Out, Message>,
  emit: (event: QueryEventBody) => void,
): Observable<{ readonly reader: StreamReader<Offset, Partition, Row>; readonly writer: StreamWriter<Out, Message> }> {
  return defer(() => {
    const reader = source.reader()
    checkReader(source.name, reader)
    return defer(() => {
      const writer = sink.writer()
      checkWriter(sink.name, writer)
      return of({ reader, writer })
    }).pipe(
      catchError((error: unknown) =>
        concat(
          stopPort('source', () => reader.stop?.(), emit),
          throwError(() => error),
        ),
      ),
    )
  })
}

export function startWriter<Out extends object, Message>(
  spec: { readonly sink: { readonly id: string }; readonly schema: Schema | undefined; readonly name: string },
  writer: StreamWriter<Out, Message>,
  log: QueryLog,
  context: RunContext,
): Observable<never> {
  const { queryId, session } = log
  const start = { queryId, sinkId: spec.sink.id, epoch: session.epoch, schema: spec.schema, onlySink: true }
  return commandPort(context, 'start of the sink', () => writer.start?.(start)).pipe(ignoreElements())
}

/** A tear-down that fails is told of, and changes nothing. */
export function stopPort(
  port: string,
  stop: () => Result<unknown>,
  emit: (event: QueryEventBody) => void,
): Observable<never> {
  return fromCommand(stop).pipe(
    catchError((error: unknown) => {
      emit({ type: 'warning', message: `stop of the ${port} failed`, error })
      return EMPTY
    }),
    ignoreElements(),
  )
}

/** At the end of a run that a failure or somebody else has ended. A log that fails is broken, which whoever goes on finds out. */
export function flushQuietly(log: QueryLog, emit: (event: QueryEventBody) => void): Observable<never> {
  return defer(() => (log.broken ? EMPTY : log.flush())).pipe(
    catchError((error: unknown) => {
      emit({ type: 'warning', message: notLogged, error })
      return EMPTY
    }),
  )
}
