/**
 * For what is checked of several fields together: also where one of them is wrong already, so that all that is wrong is
 * named at once. They may be anything then.
 */
export const always = {
  when: ({ value }: { readonly value: unknown }) => typeof value === 'object' && value !== null,
}
