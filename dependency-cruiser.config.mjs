const src = '^packages/collector/src/'

/** Forbids a folder of the collector's sources to import from any other folder than those listed. */
const onlyImports = (folder, allowed) => ({
  name: `${folder}-imports`,
  comment: `${folder}/ imports from ${[folder, ...allowed].join(', ')} only.`,
  severity: 'error',
  from: { path: `${src}${folder}/` },
  to: { path: src, pathNot: `${src}(${[folder, ...allowed].join('|')})/` },
})

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Modules in a cycle can only be understood together. Imports of types count as well.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    onlyImports('domain', []),
    onlyImports('lifecycle', []),
    onlyImports('observability', ['domain', 'lifecycle']),
    onlyImports('auth', ['domain']),
    onlyImports('reading', ['domain']),
    onlyImports('recording', ['domain', 'lifecycle', 'observability']),
    onlyImports('forward', ['domain', 'lifecycle', 'reading']),
    onlyImports('store', ['auth', 'domain', 'forward', 'lifecycle', 'observability', 'reading', 'recording']),
    onlyImports('http', ['auth', 'domain', 'lifecycle', 'observability', 'reading', 'recording']),
    onlyImports('config', ['auth', 'domain', 'forward', 'observability', 'reading', 'store/database']),
    onlyImports('jobs', ['config', 'domain', 'forward', 'lifecycle', 'observability', 'store']),
    {
      name: 'frozen-migrations',
      comment: 'A released migration never changes, so it imports nothing that may change.',
      severity: 'error',
      from: { path: `${src}store/database/migrations/` },
      to: { pathNot: `${src}store/database/migrations/|node_modules/knex/` },
    },
    {
      name: 'sql-in-store-only',
      comment: 'All SQL is in store/.',
      severity: 'error',
      from: { path: src, pathNot: `${src}store/` },
      to: { path: 'node_modules/(knex|mysql2|better-sqlite3)/' },
    },
    {
      name: 'composition-root',
      comment:
        'Only the command line and the package entry import server.ts, which puts everything together.',
      severity: 'error',
      from: { path: src, pathNot: `${src}(cli/|index\\.ts$)` },
      to: { path: `${src}(server|index)\\.ts$` },
    },
    {
      name: 'dashboard-imports',
      comment: 'The dashboard runs in browsers: it shares the domain and the query model with the collector.',
      severity: 'error',
      from: { path: '^packages/collector/dashboard/' },
      to: { path: src, pathNot: `${src}(domain|reading)/` },
    },
    {
      name: 'client-imports',
      comment: 'The client depends on js-cookie and nothing else.',
      severity: 'error',
      from: { path: '^packages/client/src/' },
      to: { pathNot: '^packages/client/src/|node_modules/(@types/)?js-cookie/' },
    },
    {
      name: 'server-core-imports',
      comment: 'The core of the server package needs nothing but Node.js.',
      severity: 'error',
      from: { path: '^packages/server/src/(?!(express|koa|fastify|better-auth|authjs)/)' },
      to: {
        path: 'node_modules/|^packages/(?!server/src/)|^packages/server/src/(express|koa|fastify|better-auth|authjs)/',
      },
    },
    {
      name: 'server-integrations',
      comment: 'An integration imports the core, its own framework and no other integration.',
      severity: 'error',
      from: { path: '^packages/server/src/(express|koa|fastify|better-auth|authjs)/' },
      to: {
        path: '^packages/server/src/(express|koa|fastify|better-auth|authjs)/',
        pathNot: '^packages/server/src/$1/',
      },
    },
    {
      name: 'no-tests-in-sources',
      comment: 'Published packages import no tests, examples, scripts or benchmarks.',
      severity: 'error',
      from: { path: '^packages/[^/]+/(src|dashboard)/' },
      to: { path: '^(test|bench|demo|examples|scripts)/|/test/' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.mjs', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types'],
    },
  },
}
