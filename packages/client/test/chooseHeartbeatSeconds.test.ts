import { describe, expect, test } from 'vitest'
import { chooseHeartbeatSeconds } from '../src/activity/chooseHeartbeatSeconds.ts'

describe('The heartbeat interval', () => {
  test.each([
    { rule: 'is a quarter of the idle timeout by default', idle: 900, seconds: 225 },
    { rule: 'is at most 5 minutes by default', idle: 7200, seconds: 300 },
    { rule: 'is at least 15 seconds by default', idle: 40, seconds: 15 },
    { rule: 'is at most half of a short idle timeout by default', idle: 20, seconds: 10 },
    { rule: 'is a whole number', idle: 25, seconds: 12 },
    { rule: 'is at least a second', idle: 1, seconds: 1 },
    { rule: 'is 15 seconds by default if the idle timeout is unknown', seconds: 15 },
    { rule: 'is what the option says', option: 600, idle: 1800, seconds: 600 },
    { rule: 'is what the option says if the idle timeout is unknown', option: 600, seconds: 600 },
    {
      rule: 'is at most half of the idle timeout, whatever the option says',
      option: 600,
      idle: 900,
      seconds: 450,
    },
  ])('$rule', ({ option, idle, seconds }) => {
    expect(chooseHeartbeatSeconds(option ?? true, idle)).toBe(seconds)
  })
})
