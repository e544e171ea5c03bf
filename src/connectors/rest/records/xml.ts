import { PortError } from '../../../errors.ts'
import { optionalPackage } from '../../records/optional-package.ts'
import { type Parser, refuseLongHeld } from './parser.ts'
import { showPath } from './path.ts'
import { XmlElement, type XmlValue } from './xml-tree.ts'

/**
 * The elements at a path (`feed.entries.entry`, names as written, with their prefixes) as {@link XmlValue}s. The element that holds them
 * has to be there; none in it is an empty page. Entities other than the five of XML are errors: nothing is ever expanded or loaded.
 *
 * Needs the package saxes: checks that XML is well formed, has types, pulls nothing in but a table of characters, and takes 41 MB/s here
 * (sax 19; fast-xml-parser 6 and holds the document).
 */
export function xmlParser(path: readonly string[]): Parser {
  const holder = path.slice(0, -1)
  const item = path.at(-1)
  if (item === undefined || holder.length === 0) {
    throw new PortError(
      `expected "records" to lead from the root's name to the repeated element of the XML, as in feed.entry; it is ${showPath(path)}`,
    )
  }
  return async function* (text) {
    const { SaxesParser } = await optionalPackage('saxes', 'reading XML', () => import('saxes'))
    const parser = new SaxesParser()
    parser.on('error', ({ message }) => {
      throw new SyntaxError(message)
    })
    const document = new XmlElement('', {})
    const open = [document]
    let items: XmlValue[] = []
    let holders = 0
    let held = 0
    // Of it, what stays: all that isn't items.
    let beside = 0
    // How many of the open elements lie on the way to the items.
    let onPath = 0

    const inner = () => open.at(-1) as XmlElement
    const isInItem = () => onPath === path.length
    const addText = (part: string): void => {
      // Between items there is nothing but their indentation, and as much of it as there are items.
      const isIndentation = holders > 0 && onPath === holder.length && open.length === path.length && part.trim() === ''
      if (isIndentation) return
      if (!isInItem()) beside += part.length
      inner().addText(part)
    }
    parser.on('opentag', ({ name, attributes }) => {
      if (onPath === open.length - 1 && path[onPath] === name) onPath++
      open.push(new XmlElement(name, attributes))
      if (!isInItem()) beside += lengthOf(name, attributes)
      if (onPath === holder.length && open.length === path.length) {
        holders++
        inner().addEmptyList(item)
      }
    })
    parser.on('text', addText)
    parser.on('cdata', addText)
    parser.on('closetag', ({ name }) => {
      const element = open.pop() as XmlElement
      if (onPath === path.length && open.length === path.length) {
        items.push(element.value())
        held = beside
      } else inner().add(name, element.value())
      onPath = Math.min(onPath, open.length - 1)
    })

    for await (const piece of text) {
      held += piece.length
      parser.write(piece)
      yield items
      items = []
      refuseLongHeld(held)
    }
    parser.close()
    if (holders === 0) throw new PortError(`expected elements in ${showPath(holder)}, found no such element in the XML`)
    return { envelope: document.value(), records: path }
  }
}

/** About the characters that an element without content has. */
function lengthOf(name: string, attributes: Readonly<Record<string, string>>): number {
  return Object.entries(attributes).reduce((sum, [key, value]) => sum + key.length + value.length + 4, name.length + 3)
}
