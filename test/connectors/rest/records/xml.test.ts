import { describe, expect, it } from 'vitest'
import { xmlParser } from '../../../../src/connectors/rest/records/xml.ts'
import { PortError } from '../../../../src/errors.ts'
import { parsed } from './parsing.ts'

const feed = `<?xml version="1.0"?>
<!-- a comment -->
<feed xmlns="urn:x" version="2">
  <next>c2</next>
  <entries>
    <entry id="1"><name>a &amp; b</name><tag>x</tag><tag>y</tag></entry>
    <entry id="2"><name><![CDATA[<c>]]></name><entries><entry>inner</entry></entries></entry>
    <entry>only text</entry>
    <entry/>
    <entry xmlns:xsi="urn:y" xsi:nil="true"/>
    <entry id="6">text beside<b>1</b></entry>
  </entries>
  <total>6</total>
</feed>`

describe('xmlParser', () => {
  const path = ['feed', 'entries', 'entry']
  const items = [
    { '@id': '1', name: 'a & b', tag: ['x', 'y'] },
    { '@id': '2', name: '<c>', entries: { entry: 'inner' } },
    'only text',
    '',
    null,
    { '@id': '6', b: '1', '#text': 'text beside' },
  ]
  const envelope = { feed: { '@version': '2', next: 'c2', entries: { entry: [] }, total: '6' } }

  it('gives the elements at a path, and the document without them', async () => {
    expect(await parsed(xmlParser(path), feed)).toEqual({ items, envelope, records: path })
  })

  it('refuses more beside the items than may be held', async () => {
    const beside = `<entry/><other>${'x'.repeat(2 ** 20)}</other>`
    const pieces = ['<feed>', ...Array<string>(65).fill(beside), '</feed>']
    await expect(parsed(xmlParser(['feed', 'entry']), ...pieces)).rejects.toThrow('are held at once')
  })

  it('gives the same wherever the text is cut', async () => {
    expect(await parsed(xmlParser(path), ...feed)).toEqual({ items, envelope, records: path })
  })

  it('takes no elements in the one that holds them for an empty page', async () => {
    expect(await parsed(xmlParser(path), '<feed><entries/></feed>')).toEqual({
      items: [],
      envelope: { feed: { entries: { entry: [] } } },
      records: path,
    })
    expect((await parsed(xmlParser(['feed', 'entry']), '<feed></feed>')).items).toEqual([])
  })

  it('takes elements of that name from nowhere else', async () => {
    const text = `<feed><x><entries/><entry>no</entry></x><entries><entry>1</entry></entries>
      <other><entry>no</entry></other><entry>no</entry><entries><entry>2</entry></entries></feed>`
    expect((await parsed(xmlParser(path), text)).items).toEqual(['1', '2'])
  })

  it('refuses a document without the element that holds them', async () => {
    await expect(parsed(xmlParser(path), '<error>secret</error>')).rejects.toThrow(
      'expected elements in feed.entries, found no such element',
    )
    await expect(parsed(xmlParser(path), '<feed><x><entries><entry/></entries></x></feed>')).rejects.toThrow(PortError)
  })

  it.each([[[]], [['entry']]])('needs a path that begins at the root: %j', (short) => {
    expect(() => xmlParser(short)).toThrow(PortError)
  })

  it.each([
    ['cut short', '<feed><entry>1</entry>'],
    ['crossed', '<feed><a><b></a></b></feed>'],
    ['empty', ''],
    ['with an entity of its own', '<!DOCTYPE x [<!ENTITY e "boom">]><feed><entry>&e;</entry></feed>'],
    ['HTML', '<!doctype html><html><br></html>'],
  ])('refuses XML that is %s', async (_what, text) => {
    await expect(parsed(xmlParser(['feed', 'entry']), text)).rejects.toThrow()
    await expect(parsed(xmlParser(['feed', 'entry']), text)).rejects.not.toThrow(PortError)
  })

  it('is not fooled by names that objects have', async () => {
    const { items: found } = await parsed(
      xmlParser(['r', 'i']),
      '<r><i><__proto__><polluted>1</polluted></__proto__><constructor>2</constructor></i></r>',
    )
    expect(Object.entries(found[0] as object)).toEqual([
      ['__proto__', { polluted: '1' }],
      ['constructor', '2'],
    ])
    expect(({} as { polluted?: string }).polluted).toBeUndefined()
  })
})
