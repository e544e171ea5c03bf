import { ago, count, duration } from './format.js'

const urgency = { stalled: 0, failed: 1, breaker_open: 2, backoff: 3, throttled: 4, running: 5, idle: 6 }
const tones = { stalled: 'bad', failed: 'bad', breaker_open: 'warn', backoff: 'warn', throttled: 'warn' }
const words = { breaker_open: 'circuit open', backoff: 'backing off' }

/** Where time goes, and its colours. */
export const activities = {
  fetch: ['fetch', '--c1'],
  transform: ['transform', '--c4'],
  write: ['write', '--c2'],
  backpressured: ['backpressured', '--c5'],
  commit: ['commit', '--c7'],
  quota: ['waiting for quota', '--c3'],
  breaker: ['circuit open', '--c6'],
  backoff: ['backing off', '--c8'],
  idle: ['idle', '--c9'],
}

const columns = [
  { id: 'partition', title: 'Partition', by: ({ partition }) => partition },
  { id: 'state', title: 'State', by: ({ state }) => urgency[state], up: true },
  { id: 'lag', title: 'Lag', by: ({ lag }) => lag ?? -1, show: ({ lag }) => count(lag) },
  { id: 'read', title: 'Read', by: ({ rowsRead }) => rowsRead, show: ({ rowsRead }) => count(rowsRead) },
  {
    id: 'committed',
    title: 'Committed',
    by: ({ rowsCommitted }) => rowsCommitted,
    show: ({ rowsCommitted }) => count(rowsCommitted),
  },
  {
    id: 'uncommitted',
    title: 'Uncommitted',
    by: ({ uncommittedRows }) => uncommittedRows,
    show: ({ uncommittedRows }) => count(uncommittedRows),
  },
  {
    id: 'inFlight',
    title: 'In flight',
    by: ({ inFlightRows }) => inFlightRows,
    show: ({ inFlightRows }) => count(inFlightRows),
  },
  { id: 'retries', title: 'Retries', by: ({ retries }) => retries, show: ({ retries }) => count(retries) },
  {
    id: 'moved',
    title: 'Last moved',
    by: ({ lastMovedAt }) => lastMovedAt,
    up: true,
    show: ({ lastMovedAt }, now) => ago(lastMovedAt, now),
  },
  { id: 'time', title: 'Time', by: ({ timesMs }) => busy(timesMs) },
]

/** The table of partitions: rows are kept, so that focus and selection are, too. */
export class PartitionTable {
  #rows = new Map()
  #sort = { id: 'lag', down: true }
  #head
  #body
  #last

  constructor(table) {
    this.#head = table.tHead
    this.#body = table.tBodies[0]
    const row = this.#head.insertRow()
    for (const column of columns) {
      const cell = document.createElement('th')
      cell.scope = 'col'
      const button = document.createElement('button')
      button.type = 'button'
      button.innerHTML = '<span></span><span class="arrow" aria-hidden="true"></span>'
      button.firstChild.textContent = column.title
      button.addEventListener('click', () => {
        const same = this.#sort.id === column.id
        this.#sort = { id: column.id, down: same ? !this.#sort.down : !(column.up || column.id === 'partition') }
        if (this.#last !== undefined) this.show(...this.#last)
      })
      cell.append(button)
      row.append(cell)
    }
  }

  show(partitions, now) {
    this.#last = [partitions, now]
    const { id, down } = this.#sort
    for (const [index, cell] of [...this.#head.rows[0].cells].entries()) {
      const sorted = columns[index].id === id
      if (sorted) cell.setAttribute('aria-sort', down ? 'descending' : 'ascending')
      else cell.removeAttribute('aria-sort')
      cell.querySelector('.arrow').textContent = sorted ? (down ? '↓' : '↑') : ''
    }
    const { by } = columns.find((column) => column.id === id)
    const order = (a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0) * (down ? -1 : 1)
    // What needs a look stays on top, whatever the order.
    const sorted = partitions.toSorted(
      (a, b) => Number(tones[b.state] === 'bad') - Number(tones[a.state] === 'bad') || order(a, b) || natural(a, b),
    )
    const left = new Set(this.#rows.keys())
    for (const [index, partition] of sorted.entries()) {
      left.delete(partition.partition)
      const row = this.#row(partition.partition)
      fill(row, partition, now)
      if (this.#body.rows[index] !== row) this.#body.insertBefore(row, this.#body.rows[index] ?? null)
    }
    for (const name of left) {
      this.#rows.get(name).remove()
      this.#rows.delete(name)
    }
  }

  #row(name) {
    const known = this.#rows.get(name)
    if (known !== undefined) return known
    const row = document.createElement('tr')
    for (const { id } of columns) {
      const cell = document.createElement(id === 'partition' ? 'th' : 'td')
      if (id === 'partition') cell.scope = 'row'
      if (id === 'state')
        cell.innerHTML = '<span class="pill"><span class="dot" aria-hidden="true"></span><span></span></span>'
      if (id === 'time') cell.innerHTML = '<span class="bar" role="img"></span>'
      cell.dataset.column = id
      row.append(cell)
    }
    row.cells[0].textContent = name
    row.cells[0].title = name
    row.dataset.partition = name
    this.#rows.set(name, row)
    return row
  }
}

function fill(row, partition, now) {
  const { state, activity, timesMs } = partition
  row.dataset.state = state
  if (tones[state] === undefined) delete row.dataset.tone
  else row.dataset.tone = tones[state]
  for (const [index, { id, show }] of columns.entries()) {
    const cell = row.cells[index]
    if (show !== undefined) {
      const text = show(partition, now)
      if (cell.textContent !== text) cell.textContent = text
    } else if (id === 'state') {
      const pill = cell.firstChild
      pill.dataset.tone = tones[state] ?? (state === 'idle' ? 'calm' : 'good')
      const text = state === 'running' ? activities[activity][0] : (words[state] ?? state)
      if (pill.lastChild.textContent !== text) pill.lastChild.textContent = text
    } else if (id === 'time') drawBar(cell.firstChild, timesMs)
  }
}

function drawBar(bar, timesMs) {
  const total = Object.values(timesMs).reduce((sum, ms) => sum + ms, 0) || 1
  const parts = Object.entries(activities)
    .map(([id, [name, colour]]) => ({ name, colour, ms: timesMs[id] ?? 0 }))
    .filter(({ ms }) => ms / total >= 0.005)
  while (bar.children.length > parts.length) bar.lastChild.remove()
  for (const [index, { colour, ms }] of parts.entries()) {
    const part = bar.children[index] ?? bar.appendChild(document.createElement('i'))
    part.style.width = `${(ms / total) * 100}%`
    part.style.background = `var(${colour})`
  }
  const says = parts.map(({ name, ms }) => `${name} ${duration(ms)}`).join(', ')
  bar.setAttribute('aria-label', says || 'no time yet')
  bar.title = says
}

function busy(timesMs) {
  const { idle = 0, ...rest } = timesMs
  const sum = Object.values(rest).reduce((all, ms) => all + ms, 0)
  return sum / (sum + idle || 1)
}

const collator = new Intl.Collator('en', { numeric: true })
function natural(a, b) {
  return collator.compare(a.partition, b.partition)
}
