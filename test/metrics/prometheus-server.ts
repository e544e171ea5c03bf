import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { program } from '../../scripts/services/programs.mjs'

/** A Prometheus that scrapes. */
export interface PrometheusServer {
  /** The sum of what an expression answers with; `undefined` for no answer. */
  readonly value: (expr: string) => Promise<number | undefined>
  /** Waits until an expression answers with this; then answers with it, else with what it answered last. */
  readonly settles: (expr: string, wanted: number) => Promise<number | undefined>
  /** Alerts that fire, by name. */
  readonly firing: () => Promise<readonly string[]>
  readonly targets: () => Promise<readonly { readonly health: string; readonly lastError: string }[]>
  readonly close: () => Promise<void>
}

/** Scrapes each second, on loopback, with its data in a folder of its own. */
export async function startPrometheus(
  scrape: { readonly port: number; readonly token?: string },
  rules: string,
): Promise<PrometheusServer> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-prometheus-'))
  const port = await freePort()
  const authorization = scrape.token === undefined ? '' : `\n    authorization: { credentials: ${scrape.token} }`
  await writeFile(
    join(folder, 'prometheus.yaml'),
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${rules}']
scrape_configs:
  - job_name: sluice${authorization}
    static_configs: [{ targets: ['127.0.0.1:${scrape.port}'] }]
`,
  )
  const child = spawn(
    program('prometheus'),
    [
      `--config.file=${folder}/prometheus.yaml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: 'ignore' },
  )
  const close = async (): Promise<void> => {
    await ended(child)
    await rm(folder, { recursive: true, force: true })
  }
  const ask = async <T>(path: string): Promise<T> => {
    const answer = (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as { readonly data: T }
    return answer.data
  }
  const value = async (expr: string): Promise<number | undefined> => {
    const { result } = await ask<{ readonly result: readonly { readonly value: readonly [number, string] }[] }>(
      `query?query=${encodeURIComponent(expr)}`,
    )
    return result.length === 0 ? undefined : result.reduce((sum, { value: [, text] }) => sum + Number(text), 0)
  }
  try {
    await ready(port, child)
  } catch (error) {
    await close()
    throw error
  }
  return {
    value,
    settles: async (expr, wanted) => {
      let last = await value(expr)
      for (let i = 0; i < 60 && last !== wanted; i++) {
        await wait(250)
        last = await value(expr)
      }
      return last
    },
    firing: async () => {
      const { alerts } = await ask<{
        readonly alerts: readonly { readonly state: string; readonly labels: { readonly alertname: string } }[]
      }>('alerts')
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname)
    },
    targets: async () =>
      (
        await ask<{ readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[] }>(
          'targets',
        )
      ).activeTargets,
    close,
  }
}

async function ready(port: number, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 120; i++) {
    if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}`)
    const answer = await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined)
    if (answer?.ok === true) return
    await wait(250)
  }
  throw new Error('prometheus does not answer')
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}
