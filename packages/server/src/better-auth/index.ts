export { type LapsePlugin, type LapsePluginOptions, lapsePlugin } from './lapsePlugin.ts'
export { getLapseSession, type LapseSession } from './sessionAnswer.ts'
