import type { Command } from 'commander'

/**
 * Makes a command refuse options that are repeated. Otherwise, the last value would count: a list of two reasons would
 * silently contain one of them. Options that collect their values in an array may be repeated.
 */
export function refuseRepeatedOptions(command: Command): void {
  for (const option of command.options) {
    if (!option.required && !option.optional) continue
    let isGiven = false
    command.on(`option:${option.name()}`, () => {
      const isCollected = Array.isArray(command.getOptionValue(option.attributeName()))
      if (isGiven && !isCollected) command.error(`error: option '${option.flags}' must not be repeated`)
      isGiven = true
    })
  }
}
