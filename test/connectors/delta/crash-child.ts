import { readFileSync } from 'node:fs'
import { fileCheckpoint } from '../../../src/checkpoint/file.ts'
import { deltaTable } from '../../../src/connectors/delta/delta-table.ts'
import { defineDataSource } from '../../../src/data-source.ts'
import { schema } from '../../../src/schema.ts'
import { readStream } from '../../../src/stream.ts'
import { availableNow } from '../../../src/trigger.ts'

/** A process with a query of numbers up to a head, into a Delta table that is parted by their rest; prints a line for each batch. */
const { table, checkpoint, head, name, maxRows, partitions } = JSON.parse(process.argv[2] ?? '{}') as Record<
  string,
  string
>

const numbers = defineDataSource({
  name: 'numbers',
  schema: schema('id bigint not null, who string not null, rest int not null, text string'),
  streamReader: () => ({
    initialOffset: () => ({ offset: 0 }),
    latestOffset: (start, limit) => ({
      offset: Math.max(
        start.offset,
        Math.min(start.offset + limit.maxRows, Number(readFileSync(head as string, 'utf8'))),
      ),
    }),
    reportLatestOffset: () => ({ offset: Number(readFileSync(head as string, 'utf8')) }),
    compare: (a, b) => a.offset - b.offset,
    partitions: (start, end) => {
      const middle = Math.floor((start.offset + end.offset) / 2)
      return [
        { from: start.offset, to: middle },
        { from: middle, to: end.offset },
      ].filter(({ from, to }) => from < to)
    },
    async *read({ from, to }) {
      for (let id = from; id < to; id++)
        yield [{ id: BigInt(id), who: name as string, rest: id % Number(partitions), text: `text of ${id}`.repeat(20) }]
    },
  }),
})

readStream(numbers())
  .writeStream(deltaTable({ path: table as string, partitionBy: ['rest'] }), {
    name: name as string,
    checkpoint: fileCheckpoint(checkpoint as string),
    trigger: availableNow(),
    limit: { maxRows: Number(maxRows) },
  })
  .subscribe(({ batchId }) => process.stdout.write(`${batchId}\n`))
