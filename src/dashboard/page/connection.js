/** The token lives as long as the tab; where nothing may be stored, as long as the page. */
const key = 'sluice-token'
let token = stored()

function stored() {
  try {
    return sessionStorage.getItem(key)
  } catch {
    return null
  }
}

/**
 * Reads the server's events for ever: a connection that ends is made again after a second. By fetch and not by EventSource, which can't send a token.
 * @param onState gets each state. @param onStatus gets `live`, `lost` or `locked`.
 */
export async function connect(onState, onStatus) {
  for (;;) {
    try {
      const response = isSendable(token)
        ? await fetch('/events', { headers: headersOf(token), cache: 'no-store' })
        : undefined
      if (response === undefined || response.status === 401) {
        const wasWrong = token !== null
        useToken(null)
        await new Promise((resolve) => onStatus('locked', wasWrong, resolve))
        continue
      }
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`)
      await read(response.body, (state) => {
        onStatus('live')
        onState(state)
      })
      onStatus('lost')
    } catch {
      onStatus('lost') // no connection: whatever it was, it is tried again
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
}

/** Keeps a token for the requests that follow; `null`: forgets it. */
export function useToken(given) {
  token = given
  try {
    if (given === null) sessionStorage.removeItem(key)
    else sessionStorage.setItem(key, given)
  } catch {
    // no storage in this browser
  }
}

function headersOf(given) {
  return given === null ? {} : { authorization: `Bearer ${given}` }
}

/** What no header can hold is no token. */
function isSendable(given) {
  return given === null || /^[ -~]+$/.test(given)
}

async function read(body, onState) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    // A server that says nothing for long is gone, though the connection is not.
    const { done, value } = await within(reader.read(), 10_000, () => reader.cancel())
    if (done) return
    text += value
    const events = text.split('\n\n')
    text = events.pop()
    for (const event of events) if (event.startsWith('data: ')) onState(JSON.parse(event.slice(6)))
  }
}

function within(work, ms, onLate) {
  let timer
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error('silent'))
      Promise.resolve(onLate()).catch(() => {})
    }, ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
