import { mock } from 'node:test'

// The examples of the HTTP API show the time at which they are loaded. Import this module before them.
mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0, 2, 10) })
