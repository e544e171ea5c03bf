import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { missingForSpark, sparkPython } from '../../scripts/spark-env.mjs'
import type { Place } from './place.ts'

/** What a query of Spark's does other than the plain one. */
export interface SparkQueryOptions {
  readonly maxRows?: number
  /** Counts instead of passing rows on. */
  readonly stateful?: boolean
  /** Never finishes a batch whose rows it has written. */
  readonly hang?: boolean
  readonly conf?: Readonly<Record<string, string>>
}

export interface SparkAnswer {
  readonly queryId?: string
  /** The batch that will not finish. */
  readonly hangs?: number
  readonly ready?: string
  readonly java?: string
}

/** A JVM with its Python processes. It takes about a quarter of a minute to start. */
export interface Spark {
  readonly version: string
  /** Runs the query over everything below the head. @throws with Spark's own words. */
  readonly run: (place: Place, options?: SparkQueryOptions) => Promise<SparkAnswer>
  /** SIGKILL, to all of its processes at once. */
  readonly kill: () => Promise<void>
  readonly stop: () => Promise<void>
}

const program = fileURLToPath(new URL('./spark_query.py', import.meta.url))

/** @param folder for whatever Spark writes beside the queries' own files. */
export async function startSpark(folder: string): Promise<Spark> {
  const missing = missingForSpark()
  if (missing !== undefined) throw new Error(missing)
  const child = spawn(sparkPython, [program], {
    cwd: folder,
    env: environment(folder),
    detached: true, // a process group of its own
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-20_000)
  })
  child.stdin.on('error', () => {}) // it is gone, and `close` tells
  // Its streams are shared by the JVM and the Python workers: they close when the last one is gone.
  const ended = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<SparkAnswer> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`Spark ended:\n${log}`)
    const { error, ...rest } = JSON.parse(value) as SparkAnswer & { readonly error?: string }
    if (error !== undefined) throw new Error(`Spark failed: ${error}\n${log}`)
    return rest
  }
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, 'SIGKILL')
    await ended
  }
  try {
    const { ready = '', java = '' } = await answer()
    return {
      version: `Spark ${ready} on Java ${java}`,
      run: (place, { maxRows = 10, stateful = false, hang = false, conf = {} } = {}) => {
        const { checkpoint, spark: out, acks } = place
        const heads = place.second === undefined ? [place.head] : [place.head, place.second]
        const sources = heads.map((head) => ({ head, acks, maxRows: String(maxRows) }))
        child.stdin.write(`${JSON.stringify({ checkpoint, out, sources, stateful, hang, conf })}\n`)
        return answer()
      },
      kill,
      stop: async () => {
        child.stdin.end()
        await ended
      },
    }
  } catch (error) {
    await kill()
    throw error
  }
}

function environment(folder: string): NodeJS.ProcessEnv {
  const foreign = /^(SPARK_|PYSPARK_|PYTHON|HADOOP_|_JAVA_OPTIONS$|JAVA_TOOL_OPTIONS$|JDK_JAVA_OPTIONS$)/
  const inherited = Object.entries(process.env).filter(([name]) => !foreign.test(name))
  const settings = {
    'spark.ui.enabled': 'false',
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.driver.host': '127.0.0.1',
    'spark.local.dir': folder,
    'spark.sql.warehouse.dir': join(folder, 'warehouse'),
    'spark.sql.shuffle.partitions': '1',
    // Quick to start rather than quick in the long run.
    'spark.driver.extraJavaOptions': `-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.io.tmpdir=${folder}`,
  }
  const submit = Object.entries(settings).flatMap(([name, value]) => ['--conf', `"${name}=${value}"`])
  return {
    ...Object.fromEntries(inherited),
    SPARK_LOCAL_IP: '127.0.0.1',
    PYSPARK_PYTHON: sparkPython,
    PYSPARK_SUBMIT_ARGS: [...submit, 'pyspark-shell'].join(' '),
    TMPDIR: folder,
  }
}
