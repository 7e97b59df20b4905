export const alarmKinds = ['silent_site', 'unusual_share', 'refused_origin', 'refused_ticket'] as const

type AlarmKind = (typeof alarmKinds)[number]

/** Something that an operator should look at now. */
export interface Alarm {
  readonly kind: AlarmKind
  readonly site: string
  /** The start of what the alarm is about. */
  readonly since: Date
  /** What happened and what to do, in sentences. */
  readonly message: string
  /** The figures that led to the alarm. */
  readonly detail: Readonly<Record<string, string | number>>
}
