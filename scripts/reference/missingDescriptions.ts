/** Every place in the code that has no description for the reference. */
export const missingDescriptions: string[] = []

/** @returns the description, or a dash after noting that it is missing. */
export function requireDescription(description: string | undefined, place: string): string {
  if (description) return description
  missingDescriptions.push(place)
  return '–'
}
