import { count, duration, rate } from './format.js'

/** Ten minutes. */
const spanMs = 600_000
const phaseNames = [
  'latestOffset',
  'queryPlanning',
  'walCommit',
  'addBatch',
  'sinkCommit',
  'commitOffsets',
  'sourceCommit',
]
const phaseColours = ['--c7', '--c6', '--c3', '--c1', '--c2', '--c4', '--c5']

/** The charts of the page, drawn anew with each query, theme and width. */
export class Charts {
  #charts = new Map()
  #data

  constructor() {
    const again = () => this.#redraw()
    document.addEventListener('themechange', again)
    let width = 0
    new ResizeObserver(() => {
      const now = document.getElementById('rate-chart').clientWidth
      if (now !== width) again()
      width = now
    }).observe(document.getElementById('rate-chart'))
  }

  /** @param query its history, merged. */
  show(query, now) {
    this.#data = { query, now }
    const { points, batches } = query.history
    const recent = points.filter(({ at }) => at > now - spanMs)
    const ended = batches.filter(({ at }) => at > now - spanMs)
    const times = recent.map(({ at }) => at / 1_000)
    const last = recent.at(-1)
    this.#draw('rate', {
      series: [line('read', '--c1', true), line('committed', '--c2')],
      data: [times, recent.map(({ read }) => read), recent.map(({ committed }) => committed)],
      format: rate,
      says: last === undefined ? '' : `${rate(last.read)} rows a second are read, ${rate(last.committed)} committed.`,
      none: 'No rows have moved yet.',
    })
    const used = phaseNames.filter((phase) => ended.some(({ phases }) => (phases[phase] ?? 0) > 0))
    const stacked = stack(used.map((phase) => ended.map(({ phases }) => phases[phase] ?? 0)))
    this.#draw('batch', {
      series: used.map((phase) => area(phase, phaseColours[phaseNames.indexOf(phase)])).reverse(),
      data: [ended.map(({ at }) => at / 1_000), ...stacked.toReversed()],
      format: duration,
      says: ended.length === 0 ? '' : `The last batch took ${duration(total(ended.at(-1).phases, used))}.`,
      none: 'No batch has been finished yet.',
    })
    const lags = recent.filter(({ lag }) => lag !== null)
    this.#draw('lag', {
      series: [line('lag', '--c3', true)],
      data: [lags.map(({ at }) => at / 1_000), lags.map(({ lag }) => lag)],
      format: count,
      says: lags.length === 0 ? '' : `${count(lags.at(-1).lag)} rows behind.`,
      none: 'This source can’t tell how far it is ahead.',
    })
    this.#draw('rows', {
      series: [{ ...line('rows', '--c4'), points: { show: true, size: 5 }, bars: true }],
      data: [ended.map(({ at }) => at / 1_000), ended.map(({ rows }) => rows)],
      format: count,
      says: ended.length === 0 ? '' : `${count(ended.at(-1).rows)} rows in the last batch.`,
      none: 'No batch has been finished yet.',
    })
  }

  #redraw() {
    for (const { plot } of this.#charts.values()) plot?.destroy()
    this.#charts.clear()
    if (this.#data !== undefined) this.show(this.#data.query, this.#data.now)
  }

  #draw(name, { series, data, format, says, none }) {
    const element = document.getElementById(`${name}-chart`)
    if (element.clientWidth === 0) return // hidden: nothing has a size
    const shape = series.map(({ label }) => label).join()
    let known = this.#charts.get(name)
    const empty = data[0].length === 0
    document.getElementById(`${name}-says`).textContent = empty ? none : says
    if (known === undefined || known.shape !== shape || known.empty !== empty) {
      known?.plot?.destroy()
      element.replaceChildren()
      known = { shape, empty, plot: empty ? undefined : plotIn(element, series, data, format) }
      if (empty) element.append(Object.assign(document.createElement('p'), { className: 'none', textContent: none }))
      this.#charts.set(name, known)
    }
    const now = this.#data.now / 1_000
    known.plot?.batch(() => {
      known.plot.setData(data, false)
      known.plot.setScale('x', { min: Math.max(now - spanMs / 1_000, Math.min(data[0][0], now - 15)), max: now })
    })
  }
}

function plotIn(element, series, data, format) {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const axis = { stroke: colour('--muted'), font: '12px system-ui, sans-serif', ticks: { show: false } }
  const grid = { stroke: colour('--line'), width: 1 }
  const top = (_plot, _min, max) => [0, Number.isFinite(max) && max > 0 ? max * 1.12 : 1]
  return new uPlot(
    {
      width: element.clientWidth,
      height: 186,
      padding: [8, 26, 0, 0],
      cursor: { y: false, drag: { x: false, y: false } },
      legend: { live: false, show: series.length > 1 },
      scales: { y: { range: top } },
      axes: [
        { ...axis, grid: { show: false }, space: 70, size: 28, values: (_plot, times) => times.map(timeText) },
        { ...axis, grid, size: 64, space: 34, values: (_plot, values) => values.map((value) => format(value)) },
      ],
      series: [
        {},
        ...series.map(({ label, name, fill, points, bars }) => ({
          label,
          stroke: colour(name),
          width: bars ? 0 : fill === 'solid' ? 1 : 2,
          points: { show: false, ...points },
          ...(fill === 'solid' ? { fill: colour(name), paths: uPlot.paths.stepped({ align: -1 }) } : {}),
          ...(fill === 'soft' ? { fill: `${colour(name)}22` } : {}),
          ...(bars
            ? { paths: uPlot.paths.bars({ size: [0.6, 14, 2] }), fill: colour(name), points: { show: false } }
            : {}),
        })),
      ],
    },
    data,
    element,
  )
}

function line(label, name, soft = false) {
  return { label, name, fill: soft ? 'soft' : undefined }
}

function area(label, name) {
  return { label, name, fill: 'solid' }
}

/** Each list on top of those before. */
function stack(lists) {
  const sums = []
  return lists.map((list) => list.map((value, index) => (sums[index] = (sums[index] ?? 0) + value)))
}

function total(phases, names) {
  return names.reduce((sum, name) => sum + (phases[name] ?? 0), 0)
}

function timeText(seconds) {
  return new Date(seconds * 1_000).toLocaleTimeString(
    'en-GB',
    seconds % 60 === 0 ? { hour: '2-digit', minute: '2-digit' } : {},
  )
}
