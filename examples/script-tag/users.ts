interface User {
  readonly subject: string
  readonly role: string
}

export const users: readonly User[] = [
  { subject: 'u_1001', role: 'Accountant' },
  { subject: 'u_1002', role: 'Nurse' },
  { subject: 'u_1003', role: 'Engineer' },
]

export function findUser(subject: string | null): User | undefined {
  return users.find((user) => user.subject === subject)
}
