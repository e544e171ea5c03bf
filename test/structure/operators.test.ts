import { expect, it } from 'vitest'
import { filesIn, read } from './modules.ts'

const operators = filesIn('operators')
  .filter((file) => file !== 'operators/index.ts')
  .map((file) => file.slice('operators/'.length, -'.ts'.length))

const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

it('every operator has one test file of its name, and every test an operator', () => {
  const tests = filesIn('test/operators', '.test.ts').map((file) =>
    file.slice('test/operators/'.length, -'.test.ts'.length),
  )
  expect(tests).toEqual(operators)
})

it('every operator is a function with the name of its file, exported from the index', () => {
  const index = read('operators/index.ts')
  const wrong = operators.filter((name) => {
    const declared = new RegExp(`^export function ${camelCase(name)}\\b`, 'm').test(read(`operators/${name}.ts`))
    const exported = new RegExp(`[{ ,]${camelCase(name)}\\b[^}]*\\} from '\\./${name}\\.ts'`).test(index)
    return !declared || !exported
  })
  expect(wrong).toEqual([])
})

it('operators lie in kebab-case files, flat', () => {
  expect(operators.filter((name) => !/^[a-z]+(-[a-z]+)*$/.test(name))).toEqual([])
})
