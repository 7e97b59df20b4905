import { createConfig, formatProblems, getTotals, lintFromString } from '@redocly/openapi-core'
import { createOpenApiDocument } from '../packages/collector/src/http/openapi/document.ts'
import { routes } from '../packages/collector/src/http/routes.ts'

// All recommended rules. Warnings count as errors.
const config = await createConfig({ extends: ['recommended-strict'] })
const problems = await lintFromString({
  source: JSON.stringify(createOpenApiDocument(routes), null, 2),
  config,
})
formatProblems(problems, { format: 'codeframe', totals: getTotals(problems), version: '' })
if (problems.length > 0) process.exitCode = 1
