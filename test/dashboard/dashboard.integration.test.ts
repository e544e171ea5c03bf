import { mkdir, stat } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { memoryCheckpoint, memoryStream, noop, readStream, tee } from 'sluice'
import { serveDashboard } from 'sluice/dashboard'
import type { QuerySnapshot } from 'sluice/metrics'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { labelText } from '../../src/label-text.ts'
import { fakeRun } from '../metrics/a-monitor.ts'
import { attemptIn, testContext } from '../operators/a-run.ts'
import { type Browser, startBrowser } from './a-browser.ts'
import { stationQuery, stations } from './a-stream.ts'
import { focused, poorContrasts, spilled, unnamed } from './in-page.mjs'

let browser: Browser
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser.close())

const picture = 'src/metrics/dashboard.jpg'
const names = ['Bergen', 'Tromsø', 'Reykjavík', 'Kiruna', 'Lerwick', 'Nuuk', 'Oulu', 'Murmansk']
const sizes = [
  { width: 1440, height: 900 },
  { width: 360, height: 740 },
]

/** A page with a query that is under way. */
async function shown(options: { readonly stallAfter?: number; readonly token?: string } = {}) {
  const { stallAfter = 700, ...server } = options
  const page = await serveDashboard({ port: 0, ...server })
  const streaming = stations(names)
  const run = stationQuery(streaming.source, stallAfter).start()
  page.watch(run)
  onTestFinished(async () => {
    streaming.end()
    await run.stop()
    await page.close()
  })
  return { page, streaming, run }
}

const textOf = (page: Page, selector: string) => page.textContent(selector)
const tile = (page: Page, name: string) => textOf(page, `#tile-${name} .value`)

/** Waits until an element says it. */
const says = (page: Page, selector: string, words: RegExp) =>
  page.locator(selector).filter({ hasText: words }).waitFor({ state: 'attached', timeout: 10_000 })
const themeOf = (page: Page) => page.locator('html').getAttribute('data-theme')

describe('the page', () => {
  it('shows what the query promises, and what each of its sinks gets', async () => {
    const server = await serveDashboard({ port: 0 })
    const source = memoryStream<{ n: number }>()
    const appending = () => ({
      guarantee: 'append' as const,
      open: () => ({ write: () => 0, finish: () => 0 }),
      commit: () => 0,
    })
    const run = readStream(source)
      .writeStream(tee({ table: noop(), live: appending }), { name: 'both', checkpoint: memoryCheckpoint() })
      .start()
    server.watch(run)
    onTestFinished(async () => {
      await run.stop()
      await server.close()
    })
    const { page } = await browser.open(server.url)
    await says(page, '#guarantee', /^at-least-once, table: \S+, live: at-least-once$/)
    expect(await page.getAttribute('#guarantee', 'title')).toMatch(/\ntable: .+\nlive: /)
  })

  it('shows the numbers of the progress, and asks nobody else for anything', async () => {
    const { page: server, streaming, run } = await shown({ stallAfter: 0 })
    const { page, complaints } = await browser.open(server.url)
    await page.waitForSelector('tr[data-partition="Nuuk"]')
    await wait(1_500)
    streaming.end()
    await run.processAllAvailable()
    await run.drain()
    const progress = run.lastProgress
    const committed = (server.monitor.queries()[0] as QuerySnapshot).partitions.reduce(
      (sum, { rowsCommitted }) => sum + rowsCommitted,
      0,
    )
    await says(page, '#health-text', /^ended$/)
    const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
    expect(await tile(page, 'committed')).toBe(whole.format(committed))
    expect(await textOf(page, '#tile-duration .note')).toBe(
      `batch ${progress?.batchId}, ${whole.format(progress?.numInputRows ?? -1)} rows`,
    )
    const shownRate = Number((await tile(page, 'processing'))?.replaceAll(',', ''))
    expect(Math.abs(shownRate - (progress?.processedRowsPerSecond ?? 0))).toBeLessThanOrEqual(0.5)
    expect(await tile(page, 'uncommitted')).toBe('0')
    for (const { partition, rowsRead, rowsCommitted, lagRows } of server.monitor.queries()[0]?.partitions ?? []) {
      const row = `tr[data-partition="${partition}"]`
      expect(await textOf(page, `${row} [data-column="read"]`)).toBe(whole.format(rowsRead))
      expect(await textOf(page, `${row} [data-column="committed"]`)).toBe(whole.format(rowsCommitted))
      expect(await textOf(page, `${row} [data-column="lag"]`)).toBe(whole.format(lagRows ?? -1))
    }
    expect(await page.locator('.chart canvas').count()).toBe(4)
    expect(complaints).toEqual([])
    await page.close()
  })

  it('shows a partition that stalls within its threshold, on top, and the others as they are', async () => {
    const { page: server, streaming } = await shown()
    const { page, complaints } = await browser.open(server.url)
    await page.waitForSelector('tr[data-partition="Kiruna"]')
    await wait(800)
    streaming.hang('Kiruna')
    const since = Date.now()
    await page.waitForSelector('tr[data-partition="Kiruna"][data-state="stalled"]')
    // A chunk may have come just before; a batch may just have begun. After that: the threshold, and the page's second.
    expect(Date.now() - since).toBeLessThan(700 + 700 + 1_000)
    expect(await page.locator('#partitions tbody tr').first().getAttribute('data-partition')).toBe('Kiruna')
    expect(await page.locator('tr[data-state="stalled"]').count()).toBe(1)
    expect(await textOf(page, '#partition-count')).toContain('1 stalled')
    expect(await textOf(page, '#problems li')).toContain('partition Kiruna: nothing came for')
    expect(complaints).toEqual([])
    await page.close()
  })

  it('fits a desk and a phone, in light and in dark, and can be read', async () => {
    const { page: server, streaming } = await shown({ stallAfter: 900 })
    await wait(11_000)
    streaming.hang('Kiruna')
    await wait(1_800)
    for (const size of sizes) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page, complaints } = await browser.open(server.url, size)
        await page.emulateMedia({ colorScheme })
        await page.waitForSelector('tr[data-state="stalled"]')
        await page.locator('.chart canvas').nth(3).waitFor()
        await wait(300)
        const spill = await page.evaluate(spilled)
        expect([size.width, colorScheme, spill]).toEqual([size.width, colorScheme, { wide: 0, cut: [], out: 0 }])
        expect(await page.evaluate(poorContrasts)).toEqual([])
        await mkdir('.cache', { recursive: true })
        const path = `.cache/dashboard-${size.width}-${colorScheme}.png`
        await page.screenshot({ path, fullPage: true })
        expect(complaints).toEqual([])
        await page.close()
      }
    }
    // The guide's picture is one of these; it is replaced where that is wanted, as each is a little different.
    const { page } = await browser.open(server.url, { width: 1100, height: 1130 })
    await page.emulateMedia({ colorScheme: 'light' })
    await page.locator('.chart canvas').nth(3).waitFor()
    await wait(1_500)
    const path = process.env.SLUICE_PICTURES === 'replace' ? picture : '.cache/dashboard-guide.jpg'
    await page.screenshot({ path, type: 'jpeg', quality: 75 })
    await page.close()
    for (const each of [path, picture]) {
      const { size } = await stat(each)
      expect(size).toBeGreaterThan(20_000)
      expect(size).toBeLessThan(150_000)
    }
  })

  it('can be used by keyboard, and says what it shows', async () => {
    const { page: server } = await shown({ stallAfter: 0 })
    const { page, complaints } = await browser.open(server.url)
    await page.waitForSelector('tr[data-partition="Oulu"]')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(focused)).toBe('Skip to the query')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(focused)).toMatch(/^Switch to (?:dark|light) colours$/)
    const before = await themeOf(page)
    await page.keyboard.press('Enter')
    expect(await themeOf(page)).not.toBe(before)
    await page.keyboard.press('Tab')
    for (const order of ['ascending', 'descending']) {
      await page.keyboard.press('Tab')
      await page.locator('#partitions thead th').first().locator('button').focus()
      await page.keyboard.press('Space')
      expect(await page.locator('#partitions thead th').first().getAttribute('aria-sort')).toBe(order)
      const partitions = await page.locator('#partitions tbody th').allTextContents()
      const sorted = [...partitions].sort()
      expect(partitions).toEqual(order === 'ascending' ? sorted : sorted.reverse())
    }
    expect(await page.evaluate(unnamed)).toEqual([])
    await says(page, '#rate-says', /rows a second are read/)
    expect(complaints).toEqual([])
    await page.close()
  })

  it('finds back to a server that was started again, and keeps what it has seen', async () => {
    const first = await serveDashboard({ port: 0 })
    const streaming = stations(names.slice(0, 2))
    const run = stationQuery(streaming.source, 0).start()
    onTestFinished(async () => {
      streaming.end()
      await run.stop()
    })
    first.watch(run)
    const { page } = await browser.open(first.url)
    await page.waitForSelector('tr[data-partition="Bergen"]')
    await first.close()
    await says(page, '#connection-text', /^connection lost/)
    expect(await tile(page, 'committed')).not.toBe('')
    const second = await serveDashboard({ port: first.port, monitor: first.monitor })
    onTestFinished(() => second.close())
    await says(page, '#connection-text', /^live$/)
    const updated = () => page.locator('html').getAttribute('data-updated').then(Number)
    const before = await updated()
    await wait(1_500)
    expect(await updated()).toBeGreaterThan(before)
    await page.close()
  })

  it('asks for the token, and shows nothing before', async () => {
    const { page: server } = await shown({ token: 'open sesame' })
    const { page } = await browser.open(server.url)
    await page.waitForSelector('#token-form:not([hidden])')
    expect(await page.isVisible('#query')).toBe(false)
    await page.fill('#token', 'wrong')
    await page.keyboard.press('Enter')
    await says(page, '#token-error', /^That was not the token\.$/)
    await page.fill('#token', 'open sesame')
    await page.keyboard.press('Enter')
    await page.waitForSelector('tr[data-partition="Bergen"]')
    expect(await page.isVisible('#token-form')).toBe(false)
    await page.close()
  })

  it('shows what there is: nothing, several queries, names that look like markup', async () => {
    const server = await serveDashboard({ port: 0 })
    onTestFinished(() => server.close())
    const { page, complaints } = await browser.open(server.url)
    await says(page, '#connection-text', /^live$/)
    expect(await page.isVisible('#empty')).toBe(true)
    const evil = '<img src=x onerror=alert(1)>'
    const streaming = [stations([evil, 'b']), stations(['c'])] as const
    const runs = [stationQuery(streaming[0].source, 0).start(), stationQuery(streaming[1].source, 0).start()] as const
    onTestFinished(async () => {
      for (const { end } of streaming) end()
      for (const run of runs) await run.stop()
    })
    server.watch({ ...runs[0], name: evil, events$: runs[0].events$, progress$: runs[0].progress$ })
    server.watch({ ...runs[1], name: 'other', events$: runs[1].events$, progress$: runs[1].progress$ })
    await page.locator('#partitions tbody th').filter({ hasText: evil }).waitFor()
    expect(await textOf(page, '#name')).toBe(evil)
    await page.click('nav button:nth-child(2)')
    expect(await textOf(page, '#name')).toBe('other')
    expect(await page.getAttribute('nav button:nth-child(2)', 'aria-current')).toBe('true')
    expect(complaints).toEqual([])
    await page.close()
  })

  it('fits names and errors that somebody else has chosen, and runs none of them', async () => {
    const server = await serveDashboard({ port: 0 })
    onTestFinished(() => server.close())
    const evil = `"'><img src=x onerror=alert(1)><script>alert(2)</script>`
    const long = `${evil}${'W'.repeat(2_000)}`
    for (const name of [long, evil]) {
      const run = fakeRun(name)
      server.watch(run)
      for (const [partitionId, partition] of [long, evil, '__proto__', 'a\nb'].map(labelText).entries()) {
        const { liveFigures } = attemptIn(testContext())
        const place = { batchId: 0, partitionId, partition, attempt: 0 }
        run.tell(Date.now(), { type: 'partition-started', ...place, figures: () => liveFigures })
        run.tell(Date.now(), { type: 'stall', ...place, idleMs: 1_000 })
      }
      run.tell(Date.now(), { type: 'warning', message: long })
      run.tell(Date.now(), { type: 'failed', error: new Error(`javascript:alert(3) ${long}`) })
    }
    for (const size of sizes) {
      const { page, complaints } = await browser.open(server.url, size)
      const dialogs: string[] = []
      page.on('dialog', (dialog) => {
        dialogs.push(dialog.message())
        void dialog.dismiss()
      })
      await page.locator('#partitions tbody tr').nth(3).waitFor()
      await says(page, '#problems', /alert\(3\)/)
      for (const query of [1, 2]) {
        await page.click(`nav button:nth-child(${query})`)
        expect([size.width, query, await page.evaluate(spilled)]).toEqual([
          size.width,
          query,
          { wide: 0, cut: [], out: 0 },
        ])
      }
      await page.screenshot({ path: `.cache/dashboard-${size.width}-hostile.png`, fullPage: true })
      expect([dialogs, complaints, await page.locator('img, main script').count()]).toEqual([[], [], 0])
      await page.close()
    }
  })

  it('opens at an address that it never made', async () => {
    const { page: server } = await shown({ stallAfter: 0 })
    for (const hash of ['#%', '#nobody', '#__proto__']) {
      const { page, complaints } = await browser.open(`${server.url}/${hash}`)
      await page.waitForSelector('tr[data-partition="Oulu"]')
      expect(complaints.filter((complaint) => !complaint.startsWith('asked'))).toEqual([])
      await page.evaluate('location.hash = "#%E0%A4%A"')
      await says(page, '#name', /^weather-stations$/)
      await page.close()
    }
  })

  it('takes no token for one that no header can hold, and asks again', async () => {
    const { page: server } = await shown({ token: 'open sesame' })
    const { page } = await browser.open(server.url)
    await page.waitForSelector('#token-form:not([hidden])')
    await page.fill('#token', 'öffne → dich')
    await page.keyboard.press('Enter')
    await says(page, '#token-error', /^That was not the token\.$/)
    await page.fill('#token', 'open sesame')
    await page.keyboard.press('Enter')
    await page.waitForSelector('tr[data-partition="Bergen"]')
    await page.close()
  })

  it('goes on with a server whose clock is set back', async () => {
    const { page: server } = await shown({ stallAfter: 0 })
    const reader = (await fetch(`${server.url}/events`)).body?.getReader()
    let text = ''
    while (!text.includes('\n\ndata: ') || !text.endsWith('\n\n'))
      text += new TextDecoder().decode((await reader?.read())?.value)
    await reader?.cancel()
    const state = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '')
    const at = (now: number, read: number) => ({
      ...state,
      now,
      queries: [
        { ...state.queries[0], history: { points: [{ at: now - 500, read, committed: 0, lag: 1 }], batches: [] } },
      ],
    })
    const { page } = await browser.open('about:blank')
    const hourMs = 3_600_000
    const body = [at(state.now, 77), at(state.now - hourMs, 33)]
      .map((each) => `data: ${JSON.stringify(each)}\n\n`)
      .join('')
    await page.route('**/events', (route) => route.fulfill({ contentType: 'text/event-stream', body }))
    await page.goto(server.url)
    await says(page, '#rate-says', /^33 rows a second are read/)
    await page.close()
  })
})
