const pieceLength = 256 * 1024

/**
 * The text of a body, in pieces of at least 256 Ki characters (the last may be shorter): few calls of the parser, and little memory.
 * A byte order mark is left out.
 * @throws SyntaxError for bytes that aren’t in that charset, or a charset that isn't known.
 */
export async function* textPieces(bytes: AsyncIterable<Uint8Array>, charset: string): AsyncGenerator<string> {
  const decode = decoderOf(charset)
  let piece = ''
  for await (const chunk of bytes) {
    piece += decode(chunk)
    if (piece.length < pieceLength) continue
    yield piece
    piece = ''
  }
  piece += decode()
  if (piece !== '') yield piece
}

/**
 * The text of a body that has arrived, at once: a decoder that knows that nothing follows takes a fraction of the time.
 * @throws SyntaxError as {@link textPieces}.
 */
export function wholeText(bytes: readonly Uint8Array[], charset: string): string {
  return decoderOf(charset)(bytes.length === 1 ? bytes[0] : Buffer.concat(bytes), true)
}

/** @returns a function of the next bytes; of none at the end. */
function decoderOf(charset: string): (chunk?: Uint8Array, isAll?: boolean) => string {
  try {
    const decoder = new TextDecoder(charset, { fatal: true })
    return (chunk, isAll = chunk === undefined) => {
      try {
        return decoder.decode(chunk, { stream: !isAll })
      } catch {
        throw new SyntaxError(`bytes that aren’t ${charset}`)
      }
    }
  } catch {
    throw new SyntaxError(`the charset ${JSON.stringify(charset)}, which isn’t known`)
  }
}

/** The charset that XML states in its first line. */
export function xmlCharset(start: readonly Uint8Array[]): string | undefined {
  const begins = Buffer.concat(start.slice(0, 1)).subarray(0, 200).toString('latin1')
  return /^\s*<\?xml[^>]*?\bencoding=["']([\w.:-]+)["']/.exec(begins)?.[1]
}
