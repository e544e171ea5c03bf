import { Charts } from './charts.js'
import { ago, clock, count, duration, rate } from './format.js'
import { activities, PartitionTable } from './partition-table.js'

const byId = (id) => document.getElementById(id)
const tiles = [
  ['committed', 'Rows committed'],
  ['input', 'Input rate'],
  ['processing', 'Processing rate'],
  ['duration', 'Batch duration'],
  ['lag', 'Lag'],
  ['uncommitted', 'Uncommitted'],
]

/** One query, in full. */
export class QueryView {
  #charts = new Charts()
  #table = new PartitionTable(byId('partitions'))
  #problems = ''

  constructor() {
    for (const [id, title] of tiles) {
      const tile = document.createElement('div')
      tile.innerHTML = '<dt></dt><dd class="value"></dd><dd class="note"></dd>'
      tile.firstChild.textContent = title
      tile.id = `tile-${id}`
      byId('tiles').append(tile)
    }
    for (const [name, colour] of Object.values(activities)) {
      const item = document.createElement('li')
      const dot = document.createElement('i')
      dot.style.background = `var(${colour})`
      item.append(dot, name)
      byId('activity-legend').append(item)
    }
  }

  show(query, now) {
    const { name, status, up, failed, health, guarantee, sources, sink, lags, rows, batch } = query
    text(byId('name'), name)
    const pill = byId('health')
    pill.dataset.tone = failed || !health.healthy ? 'bad' : up ? 'good' : 'calm'
    text(byId('health-text'), healthText(query))
    byId('guarantee').hidden = guarantee === undefined
    const ofSinks = Object.entries(guarantee?.sinks ?? {})
    text(byId('guarantee'), [guarantee?.level ?? '', ...ofSinks.map(([id, { level }]) => `${id}: ${level}`)].join(', '))
    byId('guarantee').title = [guarantee?.reason ?? '', ...ofSinks.map(([id, { reason }]) => `${id}: ${reason}`)].join(
      '\n',
    )
    const path = sources.length === 0 ? '' : `${sources.join(', ')} → ${sink}. `
    const since = up ? `Runs for ${duration(now - query.startedAt)}` : `Last batch ${ago(query.lastBatchAt, now)}`
    const restarts = query.restarts > 0 ? `, ${count(query.restarts)} restarts` : ''
    text(byId('about'), `${path}${status}. ${since}${restarts}.`)
    const lag = lags.length === 0 ? undefined : lags.reduce((sum, { rows: behind }) => sum + behind, 0)
    tile('committed', count(rows.committed), `${count(rows.read)} read`)
    tile('input', rate(batch?.inputRowsPerSecond), 'rows/s, last batch')
    tile('processing', rate(batch?.processedRowsPerSecond), 'rows/s, last batch')
    tile(
      'duration',
      duration(batch?.durationMs),
      batch ? `batch ${batch.batchId}, ${count(batch.rows)} rows` : 'no batch yet',
    )
    tile('lag', count(lag), lag === undefined ? 'the source can’t tell' : 'rows to the head')
    tile('uncommitted', count(rows.uncommitted), 'what a crash would repeat')
    this.#charts.show(query, now)
    this.#table.show(query.partitions, now)
    const { partitionCount, partitions } = query
    const stalled = partitions.filter(({ state }) => state === 'stalled').length
    const more = partitionCount > partitions.length ? `, ${count(partitions.length)} shown` : ''
    text(byId('partition-count'), `${count(partitionCount)}${more}${stalled > 0 ? `, ${stalled} stalled` : ''}`)
    this.#showProblems(query.problems)
  }

  #showProblems(problems) {
    const key = JSON.stringify(problems)
    if (key === this.#problems) return
    this.#problems = key
    byId('no-problems').hidden = problems.length > 0
    byId('problems').replaceChildren(
      ...problems.map(({ at, what, message, batchId, partition }) => {
        const item = document.createElement('li')
        if (what === 'retry' || what === 'warning') item.className = 'soft'
        const when = Object.assign(document.createElement('time'), { textContent: clock(at), className: 'muted' })
        when.dateTime = new Date(at).toISOString()
        const kind = Object.assign(document.createElement('b'), { textContent: what })
        const place = [
          batchId === undefined ? '' : `batch ${batchId}`,
          partition === undefined ? '' : `partition ${partition}`,
        ]
        const where = place.filter((part) => part !== '').join(', ')
        const said = Object.assign(document.createElement('span'), {
          textContent: where === '' ? message : `${where}: ${message}`,
        })
        item.append(when, kind, said)
        return item
      }),
    )
  }
}

/** In a word or two. */
export function healthText({ up, failed, health }) {
  if (failed) return 'failed'
  if (!up) return 'ended'
  return health.healthy ? (health.reason === 'busy' ? 'running' : health.reason) : health.reason
}

function tile(id, value, note) {
  const [, shown, small] = byId(`tile-${id}`).children
  text(shown, value)
  shown.title = value
  text(small, note)
}

/** Only what has changed: readers of screens hear of changes. */
function text(element, value) {
  if (element.textContent !== value) element.textContent = value
}
