// Tables and folders beside bare writers and loops by hand, one after the other, each in a process of its own: tables-delta, tables-postgres, tables-files.
// node test/bench/tables.ts [--quick]
// `npm run bench -- tables` runs the same, and keeps the figures.
import { runProgram } from './harness/processes.ts'
import { suite } from './harness/suite.ts'

const isQuick = process.argv.includes('--quick')
for (const { file, args = [], quickArgs = args, missing } of suite.filter((one) => one.file.startsWith('tables-'))) {
  const reason = missing?.()
  console.log(reason === undefined ? `\n# ${file}` : `\n# ${file} is skipped: ${reason}`)
  if (reason === undefined) await runProgram(file, isQuick ? quickArgs : args)
}
