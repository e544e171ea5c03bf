import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { shownTypes } from '../../scripts/shown-types.mjs'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-types-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What stays of these files, by name; `index.d.ts` is the entry point. */
function shown(files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return Object.fromEntries([...shownTypes([join(folder, 'index.d.ts')])].map(([path, text]) => [basename(path), text]))
}

it('keeps what an entry point exports, what that needs, and the comments of both', () => {
  const files = {
    'index.d.ts': "export { a } from './a.ts';\n",
    'a.d.ts': `import type { B, C } from './b.js';
import { type Observable, of } from 'rxjs';
/** Shown. */
export declare function a(b: B): Observable<Local>;
export declare function a(b: number): void;
/** Not shown. */
export declare function hidden(c: C): void;
/** Needed. */
interface Local {
}
declare const other: number;
export {};
`,
    'b.d.ts': 'export type B = 1;\nexport type C = 2;\n',
    'c.d.ts': 'export type C = 3;\n',
  }
  expect(shown(files)).toEqual({
    'index.d.ts': files['index.d.ts'],
    'a.d.ts': `import type { B } from './b.js';
import { type Observable } from 'rxjs';
/** Shown. */
export declare function a(b: B): Observable<Local>;
export declare function a(b: number): void;
/** Needed. */
interface Local {
}
export {};
`,
    'b.d.ts': 'export type B = 1;\n',
  })
})

it('follows names that are passed on, renamed or written as an import', () => {
  const files = {
    'index.d.ts':
      "export { type Two, type One as First } from './a.ts';\nexport declare class X extends Base { }\nimport { Base } from './b.ts';\n",
    'a.d.ts':
      "import type { One } from './b.ts';\nexport type { One };\nexport type Two = import('./c.ts').Three;\nexport type Four = import('./c.ts').Five;\n",
    'b.d.ts': 'export type One = One[];\nexport declare abstract class Base {\n}\n',
    'c.d.ts': 'export interface Three {\n}\nexport interface Five {\n}\n',
  }
  expect(shown(files)).toEqual({
    ...files,
    'a.d.ts': "import type { One } from './b.ts';\nexport type { One };\nexport type Two = import('./c.ts').Three;\n",
    'c.d.ts': 'export interface Three {\n}\n',
  })
})

it('fails where it would have to guess', () => {
  expect(() => shown({ 'index.d.ts': "export * from './a.ts';\n" })).toThrow('ExportAllDeclaration')
  expect(() => shown({ 'index.d.ts': "import * as a from './a.ts';\nexport type B = a.B;\n" })).toThrow('names')
  expect(() => shown({ 'index.d.ts': "export { b } from './a.ts';\n", 'a.d.ts': 'export {};\n' })).toThrow(
    'exports no b',
  )
  expect(() => shown({ 'index.d.ts': 'declare global { }\n' })).toThrow('not foreseen')
})
