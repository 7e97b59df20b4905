import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { findFreePort, type RunningServer, serverKinds } from '../../../../test/servers.ts'

/** A cluster of three servers, each of which accepts writes. */
export interface DatabaseCluster {
  readonly urls: readonly string[]
  /** Counts the transactions that were rolled back because of one on another node. */
  countConflicts(): Promise<number>
  end(): Promise<void>
}

export interface ClusterKind {
  readonly name: string
  /** @param folder for the files of the servers. */
  readonly start: (folder: string) => Promise<DatabaseCluster>
}

const nodes = [1, 2, 3]
const groupName = '0d3b7f8e-2c4a-4f0e-9a55-7d6b1c2e3f40'

/** Galera, and Group Replication if `LAPSE_MYSQLD` is the command line of MySQL. */
export const clusterKinds: readonly ClusterKind[] = serverKinds.map(({ name, start }) =>
  name === 'MariaDB'
    ? { name: 'Galera', start: (folder) => startGalera(folder, start) }
    : { name: 'Group Replication', start: (folder) => startGroup(folder, start) },
)

type StartServer = (folder: string, options: readonly string[]) => Promise<RunningServer>

async function startGalera(folder: string, start: StartServer): Promise<DatabaseCluster> {
  const ports = await findPorts()
  const servers: RunningServer[] = []
  for (const [index, port] of ports.entries()) {
    const server = await start(join(folder, `node${index + 1}`), [
      ...['--wsrep-on=ON', '--wsrep-provider=/usr/lib/galera/libgalera_smm.so', '--binlog-format=ROW'],
      ...['--innodb-autoinc-lock-mode=2', '--wsrep-cluster-name=lapse', '--wsrep-sst-method=mariabackup'],
      `--wsrep-cluster-address=gcomm://${index === 0 ? '' : `127.0.0.1:${ports[0]}`}`,
      ...['--wsrep-node-address=127.0.0.1', '--wsrep-sst-auth=root:'],
      `--wsrep-sst-receive-address=127.0.0.1:${await findFreePort()}`,
      `--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:${port};ist.recv_addr=127.0.0.1:${await findFreePort()}`,
    ])
    servers.push(server)
    await waitFor(server.url, "show status like 'wsrep_ready'", ([row]) => row?.Value === 'ON')
  }
  return describeCluster(servers, async (url) => {
    const rows = await query(
      url,
      "show status where variable_name in ('wsrep_local_cert_failures', 'wsrep_local_bf_aborts')",
    )
    return rows.reduce((total, row) => total + Number(row.Value), 0)
  })
}

async function startGroup(folder: string, start: StartServer): Promise<DatabaseCluster> {
  const ports = await findPorts()
  const seeds = ports.map((port) => `127.0.0.1:${port}`).join()
  const servers: RunningServer[] = []
  for (const [index, port] of ports.entries()) {
    const server = await start(join(folder, `node${index + 1}`), [
      ...[`--server-id=${index + 1}`, '--gtid-mode=ON', '--enforce-gtid-consistency=ON', '--log-bin=binlog'],
      ...['--report-host=127.0.0.1', '--plugin-load-add=group_replication.so'],
      '--loose-group-replication-start-on-boot=OFF',
      `--loose-group-replication-group-name=${groupName}`,
      `--loose-group-replication-local-address=127.0.0.1:${port}`,
      `--loose-group-replication-group-seeds=${seeds}`,
      '--loose-group-replication-recovery-get-public-key=ON',
      '--loose-group-replication-single-primary-mode=OFF',
      '--loose-group-replication-enforce-update-everywhere-checks=ON',
    ])
    servers.push(server)
    await query(
      server.url,
      'set sql_log_bin = 0',
      "create user replication@'%' identified by 'replication'",
      "grant replication slave, backup_admin, connection_admin, group_replication_stream on *.* to replication@'%'",
      'set sql_log_bin = 1',
      "change replication source to source_user = 'replication', source_password = 'replication' for channel 'group_replication_recovery'",
      ...(index === 0 ? ['set global group_replication_bootstrap_group = on'] : []),
      'start group_replication',
      ...(index === 0 ? ['set global group_replication_bootstrap_group = off'] : []),
    )
    await waitFor(
      server.url,
      "select count(*) as count from performance_schema.replication_group_members where member_state = 'ONLINE'",
      ([row]) => row?.count === index + 1,
    )
  }
  return describeCluster(servers, async (url) => {
    const rows = await query(
      url,
      `select count_conflicts_detected as count from performance_schema.replication_group_member_stats
      where member_id = @@server_uuid`,
    )
    return Number(rows[0]?.count)
  })
}

const findPorts = () => Promise.all(nodes.map(() => findFreePort()))

function describeCluster(
  servers: readonly RunningServer[],
  countConflicts: (url: string) => Promise<number>,
): DatabaseCluster {
  const urls = servers.map(({ url }) => url)
  return {
    urls,
    async countConflicts() {
      const counts = await Promise.all(urls.map(countConflicts))
      return counts.reduce((total, count) => total + count, 0)
    },
    async end() {
      // The last node that stops could otherwise wait for the others.
      for (const server of servers.toReversed()) await server.end()
    },
  }
}

/** Runs statements on one connection. */
async function query(url: string, ...statements: readonly string[]): Promise<RowDataPacket[]> {
  const connection = await createConnection(url)
  try {
    let rows: RowDataPacket[] = []
    for (const statement of statements) [rows] = await connection.query<RowDataPacket[]>(statement)
    return rows
  } finally {
    await connection.end()
  }
}

async function waitFor(
  url: string,
  statement: string,
  isReady: (rows: readonly RowDataPacket[]) => boolean,
): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const rows = await query(url, statement).catch(() => [])
    if (isReady(rows)) return
    await sleep(100)
  }
  throw new Error(`The node ${url} did not join its cluster.`)
}
