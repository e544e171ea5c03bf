import { describe, expect, it } from 'vitest'
import { Demand } from '../src/demand.ts'

describe('Demand', () => {
  it.each([1, 2, 5])('has room for %i chunks', (highWaterMark) => {
    const demand = new Demand(highWaterMark)
    for (let chunks = 0; chunks < highWaterMark; chunks++) {
      expect(demand).toMatchObject({ chunks, hasRoom: true, highWaterMark })
      demand.add()
    }
    expect(demand).toMatchObject({ chunks: highWaterMark, hasRoom: false })
    demand.remove()
    expect(demand).toMatchObject({ chunks: highWaterMark - 1, hasRoom: true })
  })

  it('calls back once, as soon as there is room', () => {
    const demand = new Demand(2)
    const calls: number[] = []
    for (let chunks = 0; chunks < 4; chunks++) demand.add()
    demand.onRoom(() => calls.push(demand.chunks))
    demand.remove()
    demand.remove()
    expect(calls).toEqual([])
    demand.remove()
    expect(calls).toEqual([1])
    demand.remove()
    demand.add()
    demand.remove()
    expect(calls).toEqual([1])
  })

  it('lets the one who is called back fill the room and wait again', () => {
    const demand = new Demand(1)
    let calls = 0
    const fill = () => {
      calls++
      demand.add()
      demand.onRoom(fill)
    }
    fill()
    for (let turn = 0; turn < 3; turn++) demand.remove()
    expect(calls).toBe(4)
    expect(demand.hasRoom).toBe(false)
  })

  it('has no room while the reported bytes that wait are too many, but always for a first chunk', () => {
    const demand = new Demand(5, 100)
    const take = (bytes: number): void => {
      demand.read(bytes)
      demand.add()
    }
    take(1000)
    expect(demand.hasRoom).toBe(false)
    demand.remove()
    expect(demand.hasRoom).toBe(true)
    take(60)
    expect(demand.hasRoom).toBe(true)
    take(60)
    expect(demand.hasRoom).toBe(false)
    demand.remove()
    expect(demand.hasRoom).toBe(true)
  })

  it('forgets the bytes of chunks that operators dropped or joined', () => {
    const demand = new Demand(5, 100)
    for (let chunk = 0; chunk < 9; chunk++) demand.read(60)
    expect(demand.hasRoom).toBe(true)
    demand.add()
    demand.remove()
    demand.add()
    expect(demand.hasRoom).toBe(true)
  })
})
