interface User {
  readonly subject: string
  readonly role: string
  readonly isAdministrator?: boolean
}

export const users: readonly User[] = [
  { subject: 'u_1001', role: 'Cashier' },
  { subject: 'u_1002', role: 'Buyer' },
  { subject: 'u_9001', role: 'Administrator', isAdministrator: true },
]

export function findUser(subject: unknown): User | undefined {
  return users.find((user) => user.subject === subject)
}
