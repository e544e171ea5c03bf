import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { missingServers } from './servers.ts'

const program = fileURLToPath(new URL('./main.ts', import.meta.url))

describe.skipIf(missingServers() !== undefined || process.platform !== 'linux')('chaos that is ended early', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s, twice, cleans up, and does not pass for a success',
    async (signal) => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-ending-'))
      chmodSync(folder, 0o711) // PostgreSQL runs as another user where this is root
      const child = spawn(process.execPath, [program, '--minutes', '2', '--seed', '1', '--only', 'numbers → Delta'], {
        env: { ...process.env, TMPDIR: folder, NODE_NO_WARNINGS: '1' },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const lines: string[] = []
      createInterface({ input: child.stdout }).on('line', (line) => {
        lines.push(line)
        if (!/wave 1 of 1/.test(line)) return
        setTimeout(() => child.kill(signal), 2_000)
        setTimeout(() => child.kill(signal), 2_100)
      })
      const [exit] = await once(child, 'close')
      expect(lines.join('\n')).not.toContain('lost')
      expect(exit).toBe(1)
      expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(folder)
      expect(readdirSync(folder).filter((name) => name.startsWith('sluice-chaos-'))).toEqual([])
      rmSync(folder, { recursive: true, force: true })
    },
    60_000,
  )
})
