import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'amqplib'
import pg from 'pg'
import { nameOf, type Pair, type WorkerPlan } from './pairs.ts'
import type { Servers } from './servers.ts'
import { rowOf } from './sources.ts'

/** Puts rows with these ids into the source of a pair, each once, and settles when they are there for good. `false`: not now, and none is there. */
export type Feed = (ids: readonly number[]) => Promise<boolean>

/** A queue's arguments: what was confirmed outlives a broker that is killed. */
const queueArguments = (pair: Pair, what: 'in' | 'out') => ({
  durable: true,
  arguments: { 'x-queue-type': what === 'in' && pair.source === 'RabbitMQ stream' ? 'stream' : 'quorum' },
})

/** Makes the tables and queues of a pair, straight at the servers, and says how its source is fed. */
export async function feedOf(plan: WorkerPlan, servers: Servers): Promise<Feed> {
  await makeSink(plan, servers)
  const name = nameOf(plan, 'in')
  switch (plan.source) {
    case 'numbers': {
      let head = 0
      const tell = (): void => {
        writeFileSync(`${plan.folder}/.head`, String(head))
        renameSync(`${plan.folder}/.head`, `${plan.folder}/head`)
      }
      tell()
      return async (ids) => {
        head += ids.length
        tell()
        return true
      }
    }
    case 'files': {
      mkdirSync(`${plan.folder}/.new`)
      return async (ids) => {
        const lines = ids.map((id) => `${JSON.stringify(rowOf(id))}\n`).join('')
        const file = `${String(ids[0]).padStart(8, '0')}.jsonl`
        writeFileSync(`${plan.folder}/.new/${file}`, lines)
        renameSync(`${plan.folder}/.new/${file}`, `${plan.folder}/${file}`)
        return true
      }
    }
    case 'REST':
      return async (ids) => {
        servers.http.add(name, ids)
        return true
      }
    case 'PostgreSQL':
      await inPostgres(servers, (client) =>
        client.query(`CREATE TABLE ${name} (id int PRIMARY KEY, text text NOT NULL)`),
      )
      return async (ids) => {
        await inPostgres(servers, (client) =>
          client.query(`INSERT INTO ${name} SELECT * FROM unnest($1::int[], $2::text[])`, [
            ids,
            ids.map((id) => rowOf(id).text),
          ]),
        )
        return true
      }
    default:
      await inRabbit(servers, async (channel) => void (await channel.assertQueue(name, queueArguments(plan, 'in'))))
      return async (ids) => {
        if (plan.source === 'RabbitMQ stream' && !(await isUp(servers, name))) return false
        await inRabbit(servers, async (channel) => {
          for (const id of ids)
            channel.sendToQueue(name, Buffer.from(JSON.stringify(rowOf(id))), {
              persistent: true,
              messageId: String(id),
            })
          await channel.waitForConfirms()
        })
        return true
      }
  }
}

/**
 * Whether a stream is there again. A broker that has just come back confirms messages to a stream whose leader isn't up yet, and forgets them (seen with RabbitMQ 3.10);
 * who wants to consume from it is sent away meanwhile.
 */
async function isUp(servers: Servers, stream: string): Promise<boolean> {
  try {
    await inRabbit(servers, async (channel) => {
      channel.on('error', () => undefined)
      await channel.prefetch(1)
      await channel.consume(stream, () => undefined, { arguments: { 'x-stream-offset': 'next' } })
    })
    return true
  } catch {
    return false
  }
}

async function makeSink(plan: WorkerPlan, servers: Servers): Promise<void> {
  const { sink } = plan
  const name = nameOf(plan, 'out')
  if (sink === 'RabbitMQ')
    await inRabbit(servers, async (channel) => void (await channel.assertQueue(name, queueArguments(plan, 'out'))))
  if (sink === 'PG append')
    await inPostgres(servers, (client) => client.query(`CREATE TABLE ${name} (id int NOT NULL, text text NOT NULL)`))
  if (sink === 'PG upsert')
    // A row that is written over leaves no trace in the table, so a trigger takes down every write.
    await inPostgres(servers, (client) =>
      client.query(`
        CREATE TABLE ${name} (id int PRIMARY KEY, text text NOT NULL);
        CREATE TABLE ${name}_writes (id int NOT NULL);
        CREATE FUNCTION ${name}_note() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN INSERT INTO ${name}_writes VALUES (NEW.id); RETURN NULL; END $$;
        CREATE TRIGGER note AFTER INSERT OR UPDATE ON ${name} FOR EACH ROW EXECUTE FUNCTION ${name}_note()`),
    )
}

async function inPostgres(servers: Servers, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: servers.postgres.url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await use(client)
  } finally {
    await client.end()
  }
}

type ConfirmChannel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createConfirmChannel']>>

async function inRabbit(servers: Servers, use: (channel: ConfirmChannel) => Promise<void>): Promise<void> {
  const model = await connect(servers.rabbit.url)
  model.on('error', () => undefined)
  try {
    await use(await model.createConfirmChannel())
  } finally {
    await model.close()
  }
}
