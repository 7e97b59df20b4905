import type { Logger } from 'pino'
import type { Alarm } from '../domain/alarms/alarm.ts'
import type { Silence } from '../domain/alarms/silence.ts'
import { minuteMs } from '../domain/durations.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Store } from '../store/openStore.ts'
import type { Job } from './scheduler.ts'

interface AlarmJobOptions {
  readonly siteMonitor: { read(): Promise<Snapshot> }
  readonly store: Pick<Store, 'alarms'>
  readonly metrics: Pick<Metrics, 'setSites'>
  readonly log: Logger
}

interface Snapshot {
  readonly sites: readonly {
    readonly name: string
    readonly silence: Silence | undefined
    readonly lastRowAt: Date | undefined
  }[]
  readonly alarms: readonly Alarm[]
  readonly formerlySilent: readonly string[]
}

/** Computes the alarms every minute for the metrics, and remembers which sites are silent. Each replica does both. */
export function createAlarmJob({ siteMonitor, store, metrics, log }: AlarmJobOptions): Job {
  let saved = ''
  let hasFailed = false

  async function rememberSilences({ sites, formerlySilent }: Snapshot): Promise<void> {
    const silences = new Map(
      sites.flatMap(({ name, silence }) => (silence ? [[name, silence] as const] : [])),
    )
    const text = JSON.stringify([...silences])
    if (text !== saved) await store.alarms.saveSilences(silences)
    saved = text
    if (formerlySilent.length > 0) await store.alarms.forgetSilences(formerlySilent)
  }

  return {
    name: 'alarms',
    schedule: { everyMs: minuteMs },
    async run() {
      try {
        const snapshot = await siteMonitor.read()
        metrics.setSites(snapshot.sites, snapshot.alarms)
        await rememberSilences(snapshot)
        hasFailed = false
      } catch (error) {
        // Logged once: it is repeated every minute.
        if (!hasFailed) log.warn({ err: error }, 'alarms could not be computed')
        hasFailed = true
      }
    },
  }
}
