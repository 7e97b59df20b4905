/** Is shown in place of data that is loading or could not be loaded. */
export function EmptyState({ isLoading }: { readonly isLoading: boolean }) {
  return <p class="loading">{isLoading ? 'Loading…' : 'No data available.'}</p>
}
