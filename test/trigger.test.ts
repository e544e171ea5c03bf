import {
  EMPTY,
  NEVER,
  Observable,
  of,
  type SchedulerAction,
  type SchedulerLike,
  Subject,
  Subscription,
  take,
  timer,
  VirtualTimeScheduler,
} from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../src/errors.ts'
import {
  availableNow,
  continuously,
  once,
  processingTime,
  type TriggerFunction,
  type TriggerOutcome,
  whenAvailable,
} from '../src/trigger.ts'

const batch: TriggerOutcome = { batchId: 0, caughtUp: false }
const last: TriggerOutcome = { batchId: 0, caughtUp: true }
const nothing: TriggerOutcome = { batchId: undefined, caughtUp: false }

/** An attempt: how long it takes (0: synchronous), and what becomes of it. */
type Attempt = readonly [durationMs: number, outcome: TriggerOutcome]

/**
 * Models the engine below a trigger: a tick during an attempt is remembered once, attempts run in a loop, and `outcome$` emits at the end of each.
 * Emits the time at which each attempt starts.
 */
function attempts(
  trigger: TriggerFunction,
  scheduler: SchedulerLike,
  attempt: (index: number) => Attempt,
  available$: Observable<unknown> = NEVER,
): Observable<number> {
  return new Observable((subscriber) => {
    const outcome$ = new Subject<TriggerOutcome>()
    const subscription = new Subscription()
    let index = 0
    let [waiting, running, looping, done] = [false, false, false, false]
    const run = () => {
      if (looping) return
      looping = true
      while (waiting && !running && !subscriber.closed) {
        waiting = false
        running = true
        subscriber.next(scheduler.now())
        const [durationMs, outcome] = attempt(index++)
        const end = durationMs === 0 ? of(0) : timer(durationMs, scheduler)
        subscription.add(
          end.subscribe(() => {
            outcome$.next(outcome)
            running = false
            run()
          }),
        )
      }
      looping = false
      if (done && !running && !waiting) subscriber.complete()
    }
    subscription.add(
      trigger({ outcome$, available$, scheduler }).subscribe({
        next: () => {
          waiting = true
          run()
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          done = true
          run()
        },
      }),
    )
    return subscription
  })
}

/** A virtual clock on the wall: it can be set, its timers can fire early, and the thread can be blocked. */
class Clock extends VirtualTimeScheduler {
  /** The wall clock minus the time that timers are measured in. */
  offsetMs = 0
  earlyMs = 0
  readonly #subscription = new Subscription()

  constructor() {
    super()
    this.now = () => this.frame + this.offsetMs
  }

  override schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    return super.schedule(work, delay > this.earlyMs ? delay - this.earlyMs : delay, state)
  }

  /** Timers due meanwhile fire as soon as the thread is free. */
  block(ms: number): void {
    this.frame += ms
    for (const action of this.actions) action.delay = Math.max(action.delay, this.frame)
  }

  run(trigger: TriggerFunction, onTick: (tick: number) => void): void {
    let tick = 0
    const context = { outcome$: NEVER, available$: NEVER, scheduler: this }
    this.#subscription.add(trigger(context).subscribe(() => onTick(tick++)))
  }

  flushUntil(ms: number): void {
    this.maxFrames = ms
    this.flush()
    this.#subscription.unsubscribe()
    expect(this.actions).toEqual([])
  }
}

const constant = (durationMs: number, outcome: TriggerOutcome) => (): Attempt => [durationMs, outcome]

/** Attempts from the list, then the last one again and again. */
const listed =
  (...list: readonly Attempt[]) =>
  (index: number) =>
    list[Math.min(index, list.length - 1)] as Attempt

/** When attempts started, up to `untilMs`; fails when the end leaves anything scheduled. */
function startTimes(options: {
  readonly trigger: TriggerFunction
  readonly attempt: (index: number) => Attempt
  readonly available?: readonly number[]
  readonly startMs?: number
  readonly untilMs: number
}): readonly (number | 'complete')[] {
  const scheduler = new VirtualTimeScheduler()
  scheduler.maxFrames = options.untilMs
  const available$ = new Subject<void>()
  for (const at of options.available ?? []) scheduler.schedule(() => available$.next(), at)
  const seen: (number | 'complete')[] = []
  const subscription = new Subscription()
  const start = () =>
    subscription.add(
      attempts(options.trigger, scheduler, options.attempt, available$).subscribe({
        next: (time) => seen.push(time),
        complete: () => seen.push('complete'),
      }),
    )
  if (options.startMs === undefined) start()
  else scheduler.schedule(start, options.startMs)
  scheduler.flush()
  subscription.unsubscribe()
  expect(scheduler.actions).toEqual([])
  expect(available$.observed).toBe(false)
  return seen
}

const everyTrigger: readonly (readonly [string, () => TriggerFunction])[] = [
  ['processingTime', () => processingTime(1_000)],
  ['availableNow', () => availableNow()],
  ['once', () => once()],
  ['whenAvailable', () => whenAvailable()],
  ['continuously', () => continuously()],
]

describe.each(everyTrigger)('every trigger: %s', (_, make) => {
  it('ticks synchronously when it is subscribed, and schedules nothing that outlives it', () => {
    const scheduler = new VirtualTimeScheduler()
    let ticks = 0
    const context = { outcome$: NEVER, available$: NEVER, scheduler }
    const subscription = make()(context).subscribe(() => ticks++)
    expect(ticks).toBe(1)
    subscription.unsubscribe()
    expect(scheduler.actions).toEqual([])
  })

  it('leaves nothing behind when the first tick unsubscribes it', () => {
    const scheduler = new VirtualTimeScheduler()
    const outcome$ = new Subject<TriggerOutcome>()
    const available$ = new Subject<void>()
    make()({ outcome$, available$, scheduler }).pipe(take(1)).subscribe()
    expect(scheduler.actions).toEqual([])
    expect(outcome$.observed || available$.observed).toBe(false)
  })

  it('starts clean when it is subscribed again', () => {
    const trigger = make()
    const run = () => startTimes({ trigger, attempt: listed([10, batch], [10, nothing]), untilMs: 20_000 })
    expect(run()).toEqual(run())
  })

  it('keeps the state of two queries that share it apart', () => {
    const scheduler = new VirtualTimeScheduler()
    scheduler.maxFrames = 20_000
    const trigger = make()
    const seen = [3, 7].map((lengthMs) => {
      const times: number[] = []
      const subscription = attempts(trigger, scheduler, listed([lengthMs, batch], [lengthMs, nothing])).subscribe(
        (time) => times.push(time),
      )
      return { lengthMs, times, subscription }
    })
    scheduler.flush()
    for (const { lengthMs, times, subscription } of seen) {
      subscription.unsubscribe()
      const alone = startTimes({
        trigger: make(),
        attempt: listed([lengthMs, batch], [lengthMs, nothing]),
        untilMs: 20_000,
      })
      expect(times).toEqual(alone.filter((time) => time !== 'complete'))
    }
    expect(scheduler.actions).toEqual([])
  })
})

describe('processingTime', () => {
  it('starts at once, then at every multiple of the interval', () => {
    const times = startTimes({
      trigger: processingTime('1 second'),
      attempt: constant(10, batch),
      startMs: 2_300,
      untilMs: 5_500,
    })
    expect(times).toEqual([2_300, 3_000, 4_000, 5_000])
  })

  it('goes on when there is nothing', () => {
    expect(startTimes({ trigger: processingTime(1_000), attempt: constant(0, nothing), untilMs: 2_500 })).toEqual([
      0, 1_000, 2_000,
    ])
  })

  it('runs at once after an overrun, then at the next multiple', () => {
    const attempt = listed([1_500, batch], [10, batch])
    const times = startTimes({ trigger: processingTime(1_000), attempt, startMs: 2_000, untilMs: 5_500 })
    expect(times).toEqual([2_000, 3_500, 4_000, 5_000])
  })

  it('remembers one of several missed ticks', () => {
    const attempt = listed([4_700, batch], [10, batch])
    expect(startTimes({ trigger: processingTime(1_000), attempt, untilMs: 6_500 })).toEqual([0, 4_700, 5_000, 6_000])
  })

  it('ticks whatever comes of the ticks', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
    scheduler.run(({ expectObservable, hot }) => {
      const outcome$ = hot(' --a-------b|', { a: batch, b: nothing })
      const expected = '     a---a---a---a---a'
      const unsubscribe = '  ^----------------!'
      const context = { outcome$, available$: EMPTY, scheduler }
      expectObservable(processingTime(4)(context), unsubscribe).toBe(expected, { a: 0 })
    })
  })

  it.each([0, 1])(
    'runs again at once after a batch that blocked the thread for longer than the interval (batch %d)',
    (blocking) => {
      const clock = new Clock()
      const times: number[] = []
      clock.run(processingTime(1_000), (tick) => {
        times.push(clock.now())
        if (tick === blocking) clock.block(1_500)
      })
      clock.flushUntil(5_000)
      const begin = blocking * 1_000
      expect(times.slice(blocking, blocking + 3)).toEqual([begin, begin + 1_500, begin + 2_000])
    },
  )

  it('drops what a clock set forward has skipped', () => {
    const clock = new Clock()
    const times: number[] = []
    clock.run(processingTime(1_000), () => times.push(clock.now()))
    clock.schedule(() => (clock.offsetMs += 3_600_000), 1_500)
    clock.flushUntil(4_000)
    expect(times).toEqual([0, 1_000, 3_602_000, 3_603_000, 3_604_000])
  })

  it('waits for the next multiple of a clock set back, and does not tick early', () => {
    const clock = new Clock()
    clock.offsetMs = 3_600_000
    const times: number[] = []
    clock.run(processingTime(1_000), () => times.push(clock.now()))
    clock.schedule(() => (clock.offsetMs -= 3_000_300), 1_500)
    clock.flushUntil(4_500)
    expect(times.slice(0, 2)).toEqual([3_600_000, 3_601_000])
    expect(times.slice(2).every((time) => time % 1_000 === 0)).toBe(true)
    expect(times.slice(2)).toEqual([602_000, 603_000, 604_000])
  })

  it('ticks once where a timer fires a millisecond early', () => {
    const clock = new Clock()
    clock.earlyMs = 1
    const times: number[] = []
    clock.run(processingTime(1_000), () => times.push(clock.now()))
    clock.flushUntil(3_500)
    expect(times).toEqual([0, 1_000, 2_000, 3_000])
  })

  it('takes intervals longer than a timer lasts', () => {
    const interval = 60 * 86_400_000
    const times = startTimes({
      trigger: processingTime('60 days'),
      attempt: constant(10, batch),
      untilMs: 2.5 * interval,
    })
    expect(times).toEqual([0, interval, 2 * interval])
  })

  it('with an interval of 0 is the default trigger', () => {
    const attempt = listed([10, batch], [10, batch], [0, nothing])
    expect(startTimes({ trigger: processingTime(0), attempt, untilMs: 100 })).toEqual([0, 10, 20, 70])
  })

  it.each([-1, '1 month', '5'])('refuses an interval of %o', (interval) => {
    expect(() => processingTime(interval)).toThrow(OptionError)
    expect(() => processingTime(interval)).toThrow(/^processingTime: option "interval" must be/)
  })
})

describe('availableNow', () => {
  it('says that it is bounded, and the others do not', () => {
    expect(availableNow().bounded).toBe(true)
    for (const trigger of [once(), continuously(), whenAvailable(), processingTime(1)])
      expect(trigger.bounded).toBeUndefined()
  })

  it('goes on after each batch and completes when it has caught up', () => {
    const attempt = listed([10, batch], [20, batch], [30, last])
    expect(startTimes({ trigger: availableNow(), attempt, untilMs: 1_000 })).toEqual([0, 10, 30, 'complete'])
  })

  it('completes when there is nothing, also at once', () => {
    expect(startTimes({ trigger: availableNow(), attempt: constant(0, nothing), untilMs: 1_000 })).toEqual([
      0,
      'complete',
    ])
    const attempt = listed([10, batch], [0, nothing])
    expect(startTimes({ trigger: availableNow(), attempt, untilMs: 1_000 })).toEqual([0, 10, 'complete'])
  })

  it('does not listen to available$, which may never rest', () => {
    const available = Array.from({ length: 50 }, (_, index) => index)
    const attempt = listed([10, batch], [10, last])
    expect(startTimes({ trigger: availableNow(), attempt, available, untilMs: 1_000 })).toEqual([0, 10, 'complete'])
  })
})

describe('once', () => {
  it('makes one attempt, whatever comes of it', () => {
    expect(startTimes({ trigger: once(), attempt: constant(10, batch), untilMs: 1_000 })).toEqual([0, 'complete'])
    expect(startTimes({ trigger: once(), attempt: constant(0, nothing), untilMs: 1_000 })).toEqual([0, 'complete'])
  })
})

describe('whenAvailable', () => {
  it('asks again after each batch without a timer, and after maxWait when there was nothing', () => {
    const attempt = listed([10, batch], [0, batch], [5, nothing])
    expect(startTimes({ trigger: whenAvailable({ maxWait: 100 }), attempt, untilMs: 300 })).toEqual([
      0, 10, 10, 115, 220,
    ])
  })

  it('asks at once when the source announces something, and maxWait begins anew', () => {
    const options = {
      trigger: whenAvailable({ maxWait: 100 }),
      attempt: constant(5, nothing),
      available: [50, 120],
      untilMs: 330,
    }
    expect(startTimes(options)).toEqual([0, 50, 120, 225, 330])
  })

  it('asks once more after an attempt during which something was announced, however often', () => {
    const options = {
      trigger: whenAvailable({ maxWait: 1_000 }),
      attempt: constant(50, nothing),
      available: [10, 20, 30],
      untilMs: 900,
    }
    expect(startTimes(options)).toEqual([0, 50])
  })

  it('does not ask again while a long attempt runs', () => {
    expect(
      startTimes({ trigger: whenAvailable({ maxWait: 10 }), attempt: constant(100, nothing), untilMs: 250 }),
    ).toEqual([0, 110, 220])
  })

  it('waits 10 seconds by default', () => {
    expect(startTimes({ trigger: whenAvailable(), attempt: constant(0, nothing), untilMs: 25_000 })).toEqual([
      0, 10_000, 20_000,
    ])
  })

  it('goes on after available$ has completed, and fails with it', () => {
    const scheduler = new VirtualTimeScheduler()
    const attempt = constant(0, nothing)
    const times: number[] = []
    attempts(whenAvailable(), scheduler, attempt, EMPTY)
      .pipe(take(3))
      .subscribe((time) => times.push(time))
    scheduler.flush()
    expect(times).toEqual([0, 10_000, 20_000])

    const failing$ = new Subject<void>()
    const errors: unknown[] = []
    attempts(whenAvailable(), scheduler, attempt, failing$).subscribe({ error: (error) => errors.push(error) })
    failing$.error('connection lost')
    expect(errors).toEqual(['connection lost'])
    expect(scheduler.actions).toEqual([])
  })

  it.each([0, '0s', -1, 'soon'])('refuses a maxWait of %o', (maxWait) => {
    expect(() => whenAvailable({ maxWait })).toThrow(/^whenAvailable: option "maxWait" must be more than 0/)
  })

  it('refuses an option it does not know', () => {
    expect(() => whenAvailable({ maxwait: 5 } as object)).toThrow('did you mean "maxWait"?')
  })
})

describe('continuously', () => {
  it('asks at once after a batch, without a timer, and at growing distances when there is nothing', () => {
    const attempt = listed([10, batch], [10, batch], [0, nothing])
    const times = startTimes({ trigger: continuously(), attempt, untilMs: 17_000 })
    expect(times).toEqual([0, 10, 20, 70, 170, 370, 770, 1_570, 3_170, 6_370, 11_370, 16_370])
  })

  it('starts over after a batch', () => {
    const attempt = listed([0, nothing], [0, nothing], [0, nothing], [0, batch], [0, nothing])
    const times = startTimes({ trigger: continuously({ minIdle: 10, maxIdle: '1 second' }), attempt, untilMs: 110 })
    expect(times).toEqual([0, 10, 30, 70, 70, 80, 100])
  })

  it('asks at once when the source announces something, and goes on waiting longer when that was nothing', () => {
    const options = {
      trigger: continuously({ minIdle: 10, maxIdle: 40 }),
      attempt: constant(0, nothing),
      available: [5],
      untilMs: 110,
    }
    expect(startTimes(options)).toEqual([0, 5, 25, 65, 105])
  })

  it('does not wait longer than maxIdle, also where doubling would', () => {
    const options = { trigger: continuously({ minIdle: 30, maxIdle: 50 }), attempt: constant(0, nothing), untilMs: 140 }
    expect(startTimes(options)).toEqual([0, 30, 80, 130])
  })

  it.each([
    [{ minIdle: 0 }, 'option "minIdle" must be more than 0'],
    [{ maxIdle: '0s' }, 'option "maxIdle" must be more than 0'],
    [{ minIdle: '1 minute' }, 'option "minIdle" must not be more than "maxIdle", and they are 60000 ms and 5000 ms'],
    [{ idle: 5 }, 'unknown option "idle"'],
  ])('refuses %o', (options, message) => {
    expect(() => continuously(options as object)).toThrow(OptionError)
    expect(() => continuously(options as object)).toThrow(message)
  })
})

describe('a hundred thousand synchronous batches', () => {
  const many = 100_000
  const until =
    (end: TriggerOutcome) =>
    (index: number): Attempt => [0, index < many ? batch : end]

  it.each([
    ['availableNow', availableNow(), last],
    ['whenAvailable', whenAvailable(), nothing],
    ['continuously', continuously(), nothing],
    ['processingTime(0)', processingTime(0), nothing],
  ])('%s needs no stack and no time', (_, trigger, end) => {
    const scheduler = new VirtualTimeScheduler()
    let count = 0
    const subscription = attempts(trigger, scheduler, until(end)).subscribe(() => count++)
    expect(count).toBe(many + 1)
    subscription.unsubscribe()
    expect(scheduler.actions).toEqual([])
  })

  it('processingTime needs no stack for as many multiples', () => {
    const scheduler = new VirtualTimeScheduler()
    let count = 0
    attempts(processingTime(1), scheduler, constant(0, batch))
      .pipe(take(many))
      .subscribe(() => count++)
    scheduler.flush()
    expect(count).toBe(many)
    expect(scheduler.actions).toEqual([])
  })
})
