export const msPerSecond = 1000
export const msPerHour = 3_600_000
export const secondsPerDay = 86_400
