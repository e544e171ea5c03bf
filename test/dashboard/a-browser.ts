import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { program } from '../../scripts/services/programs.mjs'

/** The system's Chromium, without a window and without a word to anybody. */
export interface Browser {
  /** A fresh page; what it complains of is in `complaints`. */
  readonly open: (url: string, size?: { readonly width: number; readonly height: number }) => Promise<OpenPage>
  readonly close: () => Promise<void>
}

export interface OpenPage {
  readonly page: Page
  /** Errors and warnings of the console, exceptions, requests that failed or went elsewhere. */
  readonly complaints: readonly string[]
}

export async function startBrowser(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'sluice-chromium-'))
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath: program('chromium'),
    headless: true,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  return {
    open: async (url, size = { width: 1440, height: 900 }) => {
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('request', (request) => {
        const to = request.url()
        if (!to.startsWith(url) && !to.startsWith('data:')) complaints.push(`asked ${to}`)
      })
      await page.setViewportSize(size)
      await page.goto(url)
      return { page, complaints }
    },
    close: async () => {
      await context.close()
      await rm(profile, { recursive: true, force: true })
    },
  }
}
