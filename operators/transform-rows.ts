import { Observable, type OperatorFunction } from 'rxjs'
import { OperatorError } from '../src/errors.ts'
import { fuseRows } from '../src/fuse-rows.ts'
import { isRowOperator } from '../src/row-operator.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'

/** An RxJS operator over chunks, of rows that only its neighbours know. */
export type RowsOperator = OperatorFunction<readonly object[], readonly object[]>

/**
 * Sends a partition's chunks through a chain of operators, and guards that the chain can't commit a part of the partition.
 *
 * Neighbours of ours that look at one row at a time (`mapRows`, `filterRows`, `flatMapRows`) run in one pass over a chunk: a row goes through all of them before the next one does.
 * The chain is built anew on every subscription. It may change, drop, add and delay chunks as it likes; but it fails when it subscribes to the read
 * a second time (`retry`, `repeat`), completes before the read did (`take`), completes although the read failed (`catchError`),
 * or gives something that is no chunk.
 * **Hazard**: an operator that drops chunks by its own choice (`filter`, `throttleTime`, `switchMap` over slow inners) is taken at its word.
 *
 * @param operators any number of them, in order.
 * @returns an Observable of the chain's chunks. Fails with the read's error, with the chain's, or with `OperatorError`.
 */
export function transformRows<In extends object, Out extends object>(
  operators: readonly RowsOperator[],
): OperatorFunction<readonly In[], readonly Out[]> {
  const chain = fuseRows(operators)
  // Our own can do none of that.
  if (chain.every(isRowOperator)) {
    return (source) =>
      chain.reduce((chunks, operator) => operator(chunks), source as Observable<readonly object[]>) as Observable<
        readonly Out[]
      >
  }
  return (source) =>
    new Observable((subscriber) => {
      let subscribed = false
      let read: 'running' | 'complete' | { readonly error: unknown } = 'running'
      const fail = (what: string): void =>
        subscriber.error(
          new OperatorError(
            `${what}; it would commit a part of the partition`,
            typeof read === 'object' ? { cause: read.error } : {},
          ),
        )

      const guarded = new Observable<readonly object[]>((inner) => {
        if (subscribed) return fail('an operator subscribed to the read a second time')
        subscribed = true
        subscribeWithin(inner, source, {
          next: (rows) => inner.next(rows),
          error: (error: unknown) => {
            read = { error }
            inner.error(error)
            subscriber.error(error) // for a chain that neither passed the error on nor completed
          },
          complete: () => {
            if (inner.closed) return // the chain has left, and the read may have more
            read = 'complete'
            inner.complete()
          },
        })
      })
      const transformed = chain.reduce((chunks, operator) => operator(chunks), guarded as Observable<readonly object[]>)
      subscribeWithin(subscriber, transformed, {
        next: (rows) => {
          if (Array.isArray(rows)) subscriber.next(rows as readonly Out[])
          else fail(`an operator gave ${rows === null ? 'null' : typeof rows} instead of a chunk (an array of rows)`)
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          if (read === 'complete') subscriber.complete()
          else if (read === 'running') fail('an operator completed before the read did')
          else fail('an operator swallowed an error of the read')
        },
      })
    })
}
