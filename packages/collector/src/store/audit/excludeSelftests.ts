import type { Knex } from 'knex'
import {
  selftestClient,
  selftestDetectedBy,
  selftestSessionPrefix,
  selftestSubject,
} from '../../domain/selftest.ts'

/** Adds the condition that the row `alias` is none of a self-test: the negation of `isSelftest`. */
export function excludeSelftests(query: Knex.QueryBuilder, alias = 'a'): void {
  query.where((either) => {
    either
      .whereNull(`${alias}.client_version`)
      .orWhereNot(`${alias}.client_version`, selftestClient)
      .orWhereNull(`${alias}.subject`)
      .orWhereNot(`${alias}.subject`, selftestSubject)
      .orWhereNull(`${alias}.session`)
      .orWhereRaw('substr(??, 1, ?) <> ?', [
        `${alias}.session`,
        selftestSessionPrefix.length,
        selftestSessionPrefix,
      ])
      .orWhere(`${alias}.evidence`, 'server')
      .orWhereNotIn(`${alias}.detected_by`, selftestDetectedBy)
      .orWhereNotNull(`${alias}.supersedes`)
  })
}

/** Adds the condition that the row `a` is one of a self-test, like `isSelftest`. */
export function selectSelftests(query: Knex.QueryBuilder): void {
  query
    .where({ 'a.client_version': selftestClient, 'a.subject': selftestSubject })
    .whereRaw('substr(a.session, 1, ?) = ?', [selftestSessionPrefix.length, selftestSessionPrefix])
    .whereNot('a.evidence', 'server')
    .whereIn('a.detected_by', selftestDetectedBy)
    .whereNull('a.supersedes')
}
