import { readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { jsonLinesWriter } from '../../../src/connectors/json-lines/sink.ts'
import { nodeFiles } from '../../../src/connectors/manifest/files.ts'
import { batchOf, settle, startOf, writeBatch } from '../drive.ts'
import { watched } from '../manifest/memory-files.ts'

/** A process that writes batches until all are done, prints a dot before each step on files, and goes on where `log` stands. */
const [path = '', log = '', epoch = '', batches = '', rows = ''] = process.argv.slice(2)

const files = watched(nodeFiles, { before: () => writeSync(1, '.') })
const writer = jsonLinesWriter(path, files)
await settle(() => writer.start?.(startOf({ epoch: Number(epoch) })))
for (let batchId = Number(readFileSync(log, 'utf8')); batchId < Number(batches); batchId++) {
  const chunk = (partition: number) =>
    Array.from({ length: Number(rows) }, (_, row) => ({ id: `${batchId}/${partition}/${row}` }))
  await writeBatch(writer, batchOf(batchId), [[chunk(0)], [chunk(1)]])
  writeFileSync(`${log}.next`, String(batchId + 1))
  renameSync(`${log}.next`, log)
}
