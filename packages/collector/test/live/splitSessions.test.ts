import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { origin, postActivity, postReport } from '../support/collector.ts'
import { createReplicas, type Replicas } from '../support/replicas.ts'
import { selectCurrentRows } from '../support/rows.ts'
import { createActivity, createEnd, minute } from '../support/sessionCollector.ts'

type Report = Record<string, unknown>

const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800, recordLogouts: true } }

describe.each(inject('databaseServers'))('Three replicas on one database, on $name,', (server) => {
  let replicas: Replicas
  let urls: string[]
  beforeAll(async () => {
    replicas = await createReplicas(server, { sites })
    urls = []
    for (let count = 0; count < 3; count++) urls.push((await replicas.start()).url)
  })
  afterAll(() => replicas.end())

  const withoutAlias = (report: Report) => ({ ...report, session: undefined })
  const chooseUrl = (index: number) => urls[index % urls.length] ?? ''
  const use = async (report: Report, index: number) =>
    (await postActivity(chooseUrl(index), { ...report, sentAt: Date.now() }, { Origin: origin })).status
  const end = async (report: Report, index: number) =>
    (await postReport(chooseUrl(index), { ...report, sentAt: Date.now() }, { Origin: origin })).status

  const countCurrentRows = async (reports: readonly Report[]) => {
    const markers = reports.map(({ marker }) => String(marker))
    const current: string[] = await selectCurrentRows(replicas.database.sql)
      .whereIn('a.marker', markers)
      .pluck('a.marker')
    return markers.map((each) => current.filter((marker) => marker === each).length)
  }

  test('record one current row for ends with and without the alias that arrive at the same moment', async () => {
    for (let round = 0; round < 20; round++) {
      const sessions = Array.from({ length: 25 }, () =>
        createEnd(createActivity({ lastAccessAt: Date.now() - 40 * minute })),
      )
      const statuses = await Promise.all(
        sessions.flatMap((report, index) => [
          end(report, index),
          end(withoutAlias(report), index + 1),
          end({ ...report, lastAccessAt: Date.now() - 35 * minute }, index + 2),
          end({ ...withoutAlias(report), lastAccessAt: Date.now() - 32 * minute }, index),
        ]),
      )
      expect(statuses.filter((status) => status !== 200 && status !== 201)).toEqual([])
      expect(await countCurrentRows(sessions)).toEqual(sessions.map(() => 1))
    }
  })

  test('keep one live session and one current row, whatever activity arrives with the ends', async () => {
    for (let round = 0; round < 10; round++) {
      const sessions = Array.from({ length: 25 }, () =>
        createActivity({ lastAccessAt: Date.now() - 5 * minute }),
      )
      const statuses = await Promise.all(
        sessions.flatMap((report, index) => [
          use(report, index),
          use(withoutAlias(report), index + 1),
          end(createEnd(report, { detectedBy: 'logout' }), index + 2),
          end(createEnd(withoutAlias(report), { detectedBy: 'logout' }), index),
          use({ ...withoutAlias(report), lastAccessAt: Date.now() - 2 * minute }, index + 2),
        ]),
      )
      expect(statuses.filter((status) => status >= 300)).toEqual([])
      expect(await countCurrentRows(sessions)).toEqual(sessions.map(() => 1))
    }
  })
})
