/** A value of XML: a text, or an object of `@attributes`, child elements (a list where there are several of a name) and `#text`. */
export type XmlValue = string | null | XmlObject | readonly XmlValue[]

/** See {@link XmlValue}. */
export interface XmlObject {
  readonly [name: string]: XmlValue
}

/** An element under construction. */
export class XmlElement {
  readonly name: string
  readonly #fields = new Map<string, XmlValue | XmlValue[]>()
  #text = ''
  #isNil = false

  constructor(name: string, attributes: Readonly<Record<string, string>>) {
    this.name = name
    for (const [attribute, value] of Object.entries(attributes)) {
      if (/^xmlns(?::|$)/.test(attribute)) continue
      if (/(?:^|:)nil$/.test(attribute)) this.#isNil = value === 'true' || value === '1'
      else this.#fields.set(`@${attribute}`, value)
    }
  }

  addText(text: string): void {
    this.#text += text
  }

  add(name: string, child: XmlValue): void {
    const before = this.#fields.get(name)
    if (before === undefined) this.#fields.set(name, child)
    else if (Array.isArray(before)) before.push(child)
    else this.#fields.set(name, [before as XmlValue, child])
  }

  /** An empty list in the place of children that went another way. */
  addEmptyList(name: string): void {
    this.#fields.set(name, [])
  }

  /** An element with neither attributes nor elements in it is its text; one with `xsi:nil="true"` is `null`. */
  value(): XmlValue {
    if (this.#isNil) return null
    if (this.#fields.size === 0) return this.#text
    if (this.#text.trim() !== '') this.#fields.set('#text', this.#text)
    return Object.fromEntries(this.#fields) as XmlObject
  }
}
