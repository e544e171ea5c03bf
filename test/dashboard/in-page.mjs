// What runs inside of the page: functions that are handed to it as they are written here.

/** Contrasts of texts with what lies behind them, by the rules of WCAG 2: those below 4.5. */
export function poorContrasts() {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => {
      const share = part / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const over = (top, below) => {
    const alpha = top[3] / 255
    return below.map((part, index) => (index === 3 ? 255 : top[index] * alpha + part * (1 - alpha)))
  }
  const behind = (element) => {
    if (element === null) return [255, 255, 255, 255]
    const own = rgba(getComputedStyle(element).backgroundColor)
    return own[3] === 255 ? own : over(own, behind(element.parentElement))
  }
  const poor = []
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim() !== '')
    if (!own || element.offsetParent === null) continue
    const [front, back] = [luminance(rgba(getComputedStyle(element).color)), luminance(behind(element))]
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05)
    if (contrast < 4.5) poor.push(`${element.textContent}: ${contrast.toFixed(2)}`)
  }
  return poor
}

/** What doesn't fit: the page as a whole, texts that are cut, boxes that reach out. */
export function spilled() {
  const cut = (element) => element.scrollWidth > element.clientWidth + 1
  const out = (element) => element.getBoundingClientRect().right > innerWidth + 0.5
  return {
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    cut: [...document.querySelectorAll('.tiles dd.value, h2, h3, figcaption')]
      .filter(cut)
      .map(({ textContent }) => textContent),
    out: [...document.querySelectorAll('figure, section, .tiles > div')].filter(out).length,
  }
}

/** Things to use or to look at that have no name. */
export function unnamed() {
  return [...document.querySelectorAll('button, [role="img"], [role="region"], nav, input, svg:not([aria-hidden])')]
    .filter((each) => !each.closest('[hidden]'))
    .filter((each) => {
      const by = each.getAttribute('aria-labelledby')?.split(' ') ?? []
      const labels = by.map((id) => document.getElementById(id)?.textContent ?? '').join('')
      const own = each.getAttribute('role') === 'img' ? '' : each.textContent
      return (each.getAttribute('aria-label') ?? labels + own).trim() === ''
    })
    .map(({ outerHTML }) => outerHTML)
}

/** What has the focus, by its name. */
export function focused() {
  return document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent
}
