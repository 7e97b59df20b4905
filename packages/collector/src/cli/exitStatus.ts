/** What the exit status of every command means. */
export const exitStatuses = { 0: 'success', 1: 'failure', 2: 'usage error' } as const
