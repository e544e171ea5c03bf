import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { memorySink } from '../src/connectors/memory/sink.ts'
import { defineDataSource } from '../src/data-source.ts'
import { OptionError } from '../src/errors.ts'
import { schema } from '../src/schema.ts'
import { sourceRegistry } from '../src/source-registry.ts'
import { availableNow } from '../src/trigger.ts'

const row = schema('text string not null')
const reader = (text: string, times: number) => ({
  initialOffset: () => ({ at: 0 }),
  latestOffset: () => ({ at: 1 }),
  partitions: () => [text],
  read: (partition: string) => [Array.from({ length: times }, () => ({ text: partition }))],
})
const words = defineDataSource({
  name: 'words',
  schema: row,
  streamReader: (word: string, times: number) => reader(word, times),
})
const dots = defineDataSource({ name: 'dots', schema: row, streamReader: () => reader('.', 1) })

describe('sourceRegistry', () => {
  it('knows its names in the order given', () => {
    expect(sourceRegistry(words, dots).names).toEqual(['words', 'dots'])
    expect(sourceRegistry().names).toEqual([])
  })

  it('reads the source of a name with all its options', () => {
    const sink = memorySink<{ text: string }>()
    sourceRegistry(words, dots)
      .readStream('words', 'hey', 2)
      .writeStream(sink, { name: 'q', checkpoint: memoryCheckpoint(), trigger: availableNow() })
      .subscribe()
    expect(sink.rows).toEqual([{ text: 'hey' }, { text: 'hey' }])
  })

  it('refuses a name that is not there, and says which are', () => {
    const readStream = sourceRegistry(words, dots).readStream as (name: string) => unknown
    for (const name of ['word', 'toString', '__proto__']) {
      expect(() => readStream(name)).toThrow(OptionError)
      expect(() => readStream(name)).toThrow(`no source is named "${name}"; there are words, dots`)
    }
  })

  it('refuses two sources of one name', () => {
    const again = defineDataSource({ name: 'words', schema: row, streamReader: () => reader('', 0) })
    expect(() => sourceRegistry(words, again)).toThrow(OptionError)
    expect(() => sourceRegistry(words, again)).toThrow('two sources are named "words"')
  })

  it('keeps nothing between registries', () => {
    sourceRegistry(words)
    expect(() => sourceRegistry(words)).not.toThrow()
    expect(sourceRegistry(dots).names).toEqual(['dots'])
  })
})
