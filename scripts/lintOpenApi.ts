import { createConfig, formatProblems, getTotals, lintFromString } from '@redocly/openapi-core'
import { openApiDocument } from '../packages/collector/src/http/openapi.ts'

// All recommended rules, with warnings as errors.
const config = await createConfig({ extends: ['recommended-strict'] })
const problems = await lintFromString({ source: JSON.stringify(openApiDocument(), null, 2), config })
formatProblems(problems, { format: 'codeframe', totals: getTotals(problems), version: '' })
if (problems.length > 0) process.exitCode = 1
