/** The formats of the log: lines for people, or one JSON object a line. */
export const logFormats = ['text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]
