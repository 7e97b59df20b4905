interface Listen {
  readonly host: string
  readonly port: number
}

/** What keeps a server from listening, by the code of Node's error, and what to do about it. */
const explanations: Readonly<Record<string, (listen: Listen) => string>> = {
  EADDRINUSE: ({ host, port }) =>
    `Port ${port} on ${host} is taken. End the program that has it, or choose another with LAPSE_PORT or "listen".`,
  EACCES: ({ port }) =>
    `This account may not listen on port ${port}: ports below 1024 need a right of their own. ` +
    'Choose a port from 1024 on with LAPSE_PORT or "listen.port", and let a proxy or port forwarding serve the other one.',
  EADDRNOTAVAIL: ({ host }) => wrongHost(`${host} is not an address of this machine`),
  EAFNOSUPPORT: ({ host }) => wrongHost(`This machine has no IPv6, which ${host} belongs to`),
  EINVAL: ({ host }) => wrongHost(`This machine cannot listen on ${host}`),
  ENOTFOUND: ({ host }) => wrongHost(`The host name ${host} is not known`),
  EAI_AGAIN: ({ host }) => wrongHost(`The host name ${host} could not be looked up`),
}

function wrongHost(what: string): string {
  return `${what}. Correct "listen.host" or LAPSE_HOST: 127.0.0.1 for this machine only, 0.0.0.0 or :: for all networks.`
}

/** @returns an error that names the setting, where `listen` is why the collector did not start, else the same one. */
export function explainListenFailure(error: unknown, listen: Listen): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  // Only these calls are about where to listen: a database's errors come wrapped.
  if (error.syscall !== 'listen' && error.syscall !== 'getaddrinfo') return error
  const explain = explanations[String(error.code)]
  return explain ? new Error(explain(listen), { cause: error }) : error
}
