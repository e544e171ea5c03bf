import { clientOf } from '../http/client.ts'
import { clientSettings } from '../http/options.ts'
import type { RestOptions } from './options.ts'
import type { JsonItem } from './resource.ts'
import {
  type RestBatch,
  type RestStream,
  restSource,
  type WithoutPositions,
  type WithPositions,
} from './rest-source.ts'

/**
 * The rows of an HTTP API.
 *
 * ```ts
 * const orders = rest({
 *   url: 'https://api.example.com/orders',
 *   schema: schema('id bigint not null, updated_at timestamp not null, total decimal(10,2)'),
 *   records: 'data.items',
 *   pagination: cursorPagination({ param: 'page_token', next: 'data.next' }),
 *   cursor: { field: 'updated_at', key: 'id', param: 'updated_since', lag: '10 seconds' },
 *   auth: bearer({ env: 'ORDERS_TOKEN' }),
 * })
 * readStream(orders)
 * ```
 *
 * `cursor` or `partitions` say what is new, and how a batch is cut:
 *
 * | | in a stream a batch is | partitions |
 * |---|---|---|
 * | `cursor` | the rows that are new or changed, up to `maxRows` | one |
 * | `byIds` | a range of ids | ranges of ids |
 * | `byTime` | a window of time | windows |
 * | `byItems` with `cursor`, or with one of these within | what is new of each item | items |
 * | `byParent` with a cursor of the parents | the children of parents that are new or changed | some parents each |
 * | `byItems`, `byParent`, or none | (batches only) | items, parents, pages where the first tells how many there are |
 *
 * What is committed is not asked for again. **Hazard**: a replay asks the API again, so it has the rows that are there *then*, in the same order; one that changed in between
 * comes with its new value in a later batch. Where a replay has to bring the very same rows (a sink that recognises repeats by position), use `journaled(orders.streamReader())`,
 * or say `repeatable: true` of an API whose rows are only ever added.
 *
 * Limits count rows (ids, parents); of bytes and files nothing is known.
 * @throws OptionError
 */
export function rest<Row extends object, Item = JsonItem>(
  options: RestOptions<Row, Item> & WithoutPositions<NoInfer<Row>>,
): RestBatch<Row>
export function rest<Row extends object, Item = JsonItem>(
  options: RestOptions<Row, Item> & WithPositions<NoInfer<Row>>,
): RestStream<Row>
export function rest<Row extends object, Item = JsonItem>(
  options: RestOptions<Row, Item> & (WithPositions<Row> | WithoutPositions<Row>),
): RestBatch<Row> & Partial<RestStream<Row>> {
  const source: RestBatch<Row> & Partial<RestStream<Row>> = restSource(options, () => clientOf(source.name, options))
  clientSettings(source.name, options) // its mistakes are seen here, not when a query starts
  return source
}
