import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Rows of each file. */
const fileRows = 50
const items = ['tea', 'bread', 'soap, 2 bars', 'a "large" apple', 'Grüße'] as const

/**
 * The tills of a shop: now and then one leaves a CSV file with its sales in a folder. A file appears whole, since it is written under a hidden name first.
 * Started again they go on with the next file, and sales are numbered from 1 over all files.
 */
export async function tills(folder: string, everyMs: number, signal: AbortSignal): Promise<void> {
  mkdirSync(folder, { recursive: true })
  while (!signal.aborted) {
    const number = readdirSync(folder).filter((name) => /^\d/.test(name)).length
    const lines = Array.from({ length: fileRows }, (_, index) => {
      const id = number * fileRows + index + 1
      const item = (items[id % items.length] as string).replaceAll('"', '""')
      return `${id},${1 + (number % 3)},"${item}",${(id % 1000) / 4},${new Date().toISOString()}\n`
    })
    const name = `${String(number).padStart(6, '0')}.csv`
    writeFileSync(`${folder}/.${name}`, `id,till,item,amount,sold_at\n${lines.join('')}`)
    renameSync(`${folder}/.${name}`, `${folder}/${name}`)
    await sleep(everyMs, undefined, { signal }).catch(() => undefined) // only an abort ends it early
  }
}
