interface User {
  /** An opaque id, never a name or an email address. */
  readonly subject: string
  readonly role: string
}

/** The people who use the examples. They have no passwords. */
export const users: readonly User[] = [
  { subject: 'u_1001', role: 'Accountant' },
  { subject: 'u_1002', role: 'Nurse' },
  { subject: 'u_1003', role: 'Engineer' },
]

export function findUser(subject: unknown): User | undefined {
  return users.find((user) => user.subject === subject)
}
