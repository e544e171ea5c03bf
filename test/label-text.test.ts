import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { labelText } from '../src/label-text.ts'

describe('labelText', () => {
  it('leaves names as they are, and shows numbers', () => {
    for (const name of ['Tromsø', 'eu/orders', 'a "b" \\ \n c', '__proto__', '']) expect(labelText(name)).toBe(name)
    expect(labelText(7)).toBe('7')
  })

  it('shows no secrets', () => {
    expect(labelText('https://me:hunter2@example.com/?token=hunter2')).not.toContain('hunter2')
    expect(labelText(`${'x'.repeat(104)} password=hunter2`)).not.toContain('hunter2')
    expect(labelText(`password=hunter2${'x'.repeat(1_000_000)}`)).not.toContain('hunter2')
  })

  it('is short, can be encoded, and tells long names apart', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
        const label = labelText(name)
        expect(label.length).toBeLessThanOrEqual(120)
        expect(label.isWellFormed()).toBe(true)
      }),
    )
    const long = 'x'.repeat(2 ** 20)
    expect(labelText(`${long}a`)).not.toBe(labelText(`${long}b`))
    expect(labelText(`${long}a`)).toBe(labelText(`${long}a`))
    expect(labelText(`a\ud800`)).toBe('a\ufffd')
  })
})
