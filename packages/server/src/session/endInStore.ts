/** A store of express-session or `@fastify/session`, as far as ending a session needs it. */
interface Store {
  get(id: string, callback: (error?: unknown, data?: object | null) => void): void
  destroy(id: string, callback: (error?: unknown) => void): void
}

/**
 * Destroys a session, after its data was reported.
 *
 * @throws what the store reports.
 */
export async function endInStore(store: Store, id: string, report: (data: unknown) => void): Promise<void> {
  const data = await new Promise<unknown>((resolve, reject) => {
    store.get(id, (error, found) => (error ? reject(error) : resolve(found)))
  })
  report(data)
  await new Promise<void>((resolve, reject) => {
    store.destroy(id, (error) => (error ? reject(error) : resolve()))
  })
}
