export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const quarterHourMs = hourMs / 4
export const dayMs = 24 * hourMs
export const daySeconds = dayMs / 1000
