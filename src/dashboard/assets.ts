import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Route } from '../metrics/http-server.ts'

const page = new URL('./page/', import.meta.url)

const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
} as const

/** Nothing is loaded from elsewhere, and no text becomes code. Charts set styles by script, which this allows. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const files = [
  'style.css',
  'main.js',
  'connection.js',
  'query-view.js',
  'charts.js',
  'partition-table.js',
  'format.js',
  'theme.js',
] as const

/** The page and what it loads. They hold no data and are served without the token. */
export function assetRoutes(): Readonly<Record<string, Route>> {
  const routes: Record<string, Route> = { '/': asset('index.html', readPage('index.html')) }
  for (const name of files) routes[`/page/${name}`] = asset(name, readPage(name))
  for (const name of ['uPlot.iife.min.js', 'uPlot.min.css']) routes[`/page/${name}`] = asset(name, readChart(name))
  return routes
}

function asset(name: string, body: Uint8Array): Route {
  const contentType = types[name.slice(name.lastIndexOf('.') + 1) as keyof typeof types]
  const answer = { contentType, body, headers: { 'content-security-policy': policy, 'referrer-policy': 'no-referrer' } }
  return { open: true, answer: () => answer }
}

function readPage(name: string): Uint8Array {
  return readFileSync(new URL(name, page))
}

/** The charts' library lies beside the page in the package; in the sources it is where it was installed. */
function readChart(name: string): Uint8Array {
  const packed = fileURLToPath(new URL(name, page))
  return readFileSync(existsSync(packed) ? packed : createRequire(import.meta.url).resolve(`uplot/dist/${name}`))
}
