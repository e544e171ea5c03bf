import { OptionError } from '../../errors.ts'

/** The package that writes. @throws OptionError where it isn't installed */
export function hyparquetWriterPackage(): Promise<typeof import('hyparquet-writer')> {
  return installed('hyparquet-writer', 'writing Parquet', import('hyparquet-writer'))
}

/** The package that reads. @throws OptionError where it isn't installed */
export function hyparquetPackage(): Promise<typeof import('hyparquet')> {
  return installed('hyparquet', 'reading Parquet', import('hyparquet'))
}

/** Loaded when it is needed, so that what a program imports but doesn't use asks for nothing. */
async function installed<T>(name: string, what: string, loading: Promise<T>): Promise<T> {
  try {
    return await loading
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause
    throw new OptionError(`${what} needs the package ${name}, which isn't installed: npm install ${name}`, { cause })
  }
}
