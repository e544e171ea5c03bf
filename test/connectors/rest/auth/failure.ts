/** What a call fails with. */
export async function failure(call: () => unknown): Promise<Error> {
  try {
    await call()
  } catch (error) {
    return error as Error
  }
  throw new Error('expected a failure, and there was none')
}
