import { connect, useToken } from './connection.js'
import { healthText, QueryView } from './query-view.js'

const byId = (id) => document.getElementById(id)
const view = new QueryView()
const queries = new Map()
const kept = 600
let chosen = named(location.hash)
let unlock

/** The query that an address asks for. */
function named(hash) {
  try {
    return decodeURIComponent(hash.slice(1))
  } catch {
    return '' // no address that this page made
  }
}

/** The history of the page and what came of the server's, by time: a server that was started again has none. One whose clock was set back has no future. */
function merged(before, after, now) {
  const past = (before ?? []).filter(({ at }) => at <= now)
  const newest = past.at(-1)?.at ?? 0
  return [...past, ...after.filter(({ at }) => at > newest)].slice(-kept)
}

function onState(state) {
  byId('version').textContent = state.version
  for (const query of state.queries) {
    const before = queries.get(query.name)?.history
    const history = {
      points: merged(before?.points, query.history.points, state.now),
      batches: merged(before?.batches, query.history.batches, state.now),
    }
    queries.set(query.name, { ...query, history })
  }
  const names = new Set(state.queries.map(({ name }) => name))
  for (const name of queries.keys()) if (!names.has(name)) queries.delete(name)
  document.documentElement.dataset.updated = String(state.now)
  show(state.now)
}

function show(now) {
  const first = queries.values().next().value
  const query = queries.get(chosen) ?? first
  byId('empty').hidden = query !== undefined
  byId('query').hidden = query === undefined
  showNames(query?.name)
  if (query === undefined) return
  const troubled = [...queries.values()].filter(({ health }) => !health.healthy).length
  document.title = `${troubled > 0 ? `(${troubled}) ` : ''}${query.name} · sluice`
  view.show(query, now)
}

function showNames(current) {
  const nav = byId('queries')
  nav.hidden = queries.size < 2
  const names = [...queries.keys()]
  if (nav.dataset.names !== JSON.stringify(names)) {
    nav.dataset.names = JSON.stringify(names)
    nav.replaceChildren(
      ...names.map((name) => {
        const button = document.createElement('button')
        button.type = 'button'
        button.innerHTML = '<span class="dot" aria-hidden="true"></span><span></span><span class="sr"></span>'
        button.children[1].textContent = name
        button.addEventListener('click', () => {
          chosen = name
          history.replaceState(null, '', `#${encodeURIComponent(name)}`)
          show(Number(document.documentElement.dataset.updated))
        })
        return button
      }),
    )
  }
  for (const [index, button] of [...nav.children].entries()) {
    const query = queries.get(names[index])
    button.dataset.tone = query.failed || !query.health.healthy ? 'bad' : query.up ? 'good' : 'calm'
    button.children[2].textContent = `, ${healthText(query)}`
    if (names[index] === current) button.setAttribute('aria-current', 'true')
    else button.removeAttribute('aria-current')
  }
}

function onStatus(status, wasWrong, tryAgain) {
  const [tone, words] = {
    live: ['good', 'live'],
    lost: ['bad', 'connection lost, trying again'],
    locked: ['warn', 'locked'],
  }[status]
  const pill = byId('connection')
  pill.dataset.tone = tone
  if (byId('connection-text').textContent !== words) byId('connection-text').textContent = words
  byId('token-form').hidden = status !== 'locked'
  if (status !== 'locked') return
  byId('empty').hidden = true
  byId('token-error').textContent = wasWrong ? 'That was not the token.' : ''
  unlock = tryAgain
  byId('token').focus()
}

byId('token-form').addEventListener('submit', (event) => {
  event.preventDefault()
  useToken(byId('token').value)
  byId('token').value = ''
  unlock?.()
})
addEventListener('hashchange', () => {
  chosen = named(location.hash)
  show(Number(document.documentElement.dataset.updated))
})
connect(onState, onStatus)
