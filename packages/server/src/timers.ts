/** The longest time that a timer can have. A longer one ends at once. */
export const maxTimerMs = 2 ** 31 - 1
