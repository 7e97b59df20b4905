interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Why a server cannot listen and what to do about it, by Node's error code. */
const explanations: Readonly<Record<string, (address: ListenAddress) => string>> = {
  EADDRINUSE: ({ host, port }) =>
    `Port ${port} on ${host} is already in use. Stop the program that uses it, or choose another port with --port, LAPSE_PORT or "listen.port".`,
  EACCES: ({ port }) =>
    `This account is not allowed to listen on port ${port}: ports below 1024 require special privileges. ` +
    'Choose a port from 1024 up with --port, LAPSE_PORT or "listen.port", and forward the other port to it with a proxy.',
  EADDRNOTAVAIL: ({ host }) => explainHost(`${host} is not an address of this machine`),
  EAFNOSUPPORT: ({ host }) => explainHost(`${host} is an IPv6 address, and this machine has no IPv6`),
  EINVAL: ({ host }) => explainHost(`This machine cannot listen on ${host}`),
  ENOTFOUND: ({ host }) => explainHost(`Host name ${host} not found`),
  EAI_AGAIN: ({ host }) => explainHost(`Host name ${host} could not be resolved`),
}

function explainHost(problem: string): string {
  return `${problem}. Correct --host, LAPSE_HOST or "listen.host": 127.0.0.1 for this machine only, 0.0.0.0 or :: for all networks.`
}

/** @returns an error that names the setting to change if `error` is about listening, otherwise `error` itself. */
export function explainListenFailure(error: unknown, address: ListenAddress): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  // A failed database connection has the same codes, but other system calls or a wrapping error.
  if (error.syscall !== 'listen' && error.syscall !== 'getaddrinfo') return error
  const explain = explanations[String(error.code)]
  return explain ? new Error(explain(address), { cause: error }) : error
}
