import { setInterval as every } from 'node:timers/promises'
import { numbersQuery, type Place, type Writer } from './place.ts'

// A process of its own that stops within a batch, for the parent to kill: node sluice-process.ts <place as JSON> <planned|written>
// `planned`: nothing of the batch is in the sink. `written`: all of it is, and the log doesn't say so yet.
// It prints one line, when it has stopped or failed.

const [json = '', moment] = process.argv.slice(2)
const place: Place = JSON.parse(json)

async function stop(batchId: number): Promise<never> {
  console.log(`stopped in batch ${batchId}`)
  for await (const _ of every(60_000));
  throw new Error('the timer ended')
}

function stopping(writer: Writer): Writer {
  if (moment === 'planned') return { ...writer, open: ({ batchId }) => stop(batchId) }
  return {
    ...writer,
    commit: async (messages, batch) => {
      await writer.commit(messages, batch)
      await stop(batch.batchId)
    },
  }
}

numbersQuery(place, { change: stopping }).subscribe({ error: (error) => console.log(String(error)) })
