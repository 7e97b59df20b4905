import { createHash } from 'node:crypto'
import { LapseError } from '../../domain/errors.ts'
import { StorageError } from '../../domain/storageError.ts'
import { shorten } from '../../domain/text/shorten.ts'
import type { ForwardRepository, ForwardState } from '../../forward/forwardRepository.ts'
import { DeliveryError } from '../../forward/sender.ts'
import { beginningOfFeed, type FeedPosition, toFeedPosition } from '../../reading/feed.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs } from '../database/deadlines.ts'
import { LeaseHeldError, withLease } from '../database/lease.ts'
import { createOperationRunner } from '../database/operations.ts'
import { readTime, toStoredTime } from '../database/storedTime.ts'
import { getForwardTableName, qualify, splitTableName } from '../database/tableName.ts'

/** Shorter than for other work: rows wait this long after a crash. */
const leaseLifetimeMs = 10_000
const maxFailureLength = 255

export function createForwardRepository(auditDatabase: AuditDatabase): ForwardRepository {
  const { knex, tableName } = auditDatabase
  const auditTable = splitTableName(tableName)
  const table = qualify(auditTable, getForwardTableName(auditTable.table))
  const run = createOperationRunner(auditDatabase, {
    dataKind: 'audit',
    // Those of the work that runs alone.
    expectedErrors: [LeaseHeldError, DeliveryError, LapseError, StorageError],
    privilegeHint: `Grant SELECT, INSERT and UPDATE on ${table} and lapse_leases to the account that sends the rows.`,
  })
  const readNow = () => toStoredTime(knex, new Date())

  async function findPosition(destination: string): Promise<FeedPosition | undefined> {
    const row = await knex(table).where({ name: destination }).first('position')
    return row && toFeedPosition(row.position)
  }

  async function setPosition(destination: string, position: FeedPosition): Promise<void> {
    const state = { position, updated_at: readNow(), failing_since: null, failure: null }
    await knex(table)
      .insert({ name: destination, ...state })
      .onConflict('name')
      .merge(state)
  }

  return {
    runAlone: (destination, waitMs, work) =>
      run('unlimited', () =>
        withLease(knex, nameLease(tableName, destination), { waitMs, lifetimeMs: leaseLifetimeMs }, work),
      ),
    list: () =>
      run(lookupDeadlineMs, async () => {
        const rows: StoredState[] = await knex(table).orderBy('name')
        return rows.map(toForwardState)
      }),
    readPosition: (destination) =>
      run(lookupDeadlineMs, async () => {
        const position = await findPosition(destination)
        if (position === undefined) await setPosition(destination, beginningOfFeed)
        return position ?? beginningOfFeed
      }),
    advance: (destination, from, to) =>
      run(lookupDeadlineMs, async () => {
        const changed = await knex(table)
          .where({ name: destination, position: from })
          .update({ position: to, updated_at: readNow(), failing_since: null, failure: null })
        return changed > 0
      }),
    noteFailure: (destination, failure) =>
      run(lookupDeadlineMs, async () => {
        await knex(table)
          .where({ name: destination })
          .update({
            failing_since: knex.raw('coalesce(failing_since, ?)', [readNow()]),
            failure: shorten(failure, maxFailureLength),
          })
      }),
    reset: (destination, position) => run(lookupDeadlineMs, () => setPosition(destination, position)),
  }
}

interface StoredState {
  readonly name: string
  readonly position: number | string
  readonly updated_at: Date | string
  readonly failing_since: Date | string | null
  readonly failure: string | null
}

function toForwardState({ name, position, updated_at, failing_since, failure }: StoredState): ForwardState {
  return {
    destination: name,
    position: toFeedPosition(position),
    updatedAt: readTime(updated_at),
    failingSince: failing_since === null ? null : readTime(failing_since),
    failure,
  }
}

/** Names of leases have at most 128 characters, and all audit tables of a database share them. */
function nameLease(tableName: string, destination: string): string {
  const hash = createHash('sha256').update(tableName).digest('hex').slice(0, 16)
  return `forward ${destination} ${hash}`
}
