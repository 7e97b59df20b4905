/** The facilities that a destination can use, with their numbers: RFC 5424, section 6.2.1. */
export const facilities = {
  user: 1,
  daemon: 3,
  auth: 4,
  authpriv: 10,
  audit: 13,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const

export type Facility = keyof typeof facilities

// The keys of an object literal are the keys of its type.
export const facilityNames = Object.keys(facilities) as Facility[]
