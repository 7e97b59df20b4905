// Each is how long an operation may take, and how long the server may run one of its statements: when a caller stops
// waiting, the server must stop working.

/**
 * For operations that read or change a few rows by their keys. They take milliseconds unless the database is failing.
 */
export const lookupDeadlineMs = 5_000

/**
 * For pages and summaries, which may have to search the whole table. Most HTTP clients and proxies give up after 60
 * seconds.
 */
export const queryDeadlineMs = 30_000

/** For a part of an answer that can be left out, such as a count. */
export const partDeadlineMs = 2_000

/** For the groups of a summary, which have to be counted from the rows. */
export const groupDeadlineMs = 5_000
