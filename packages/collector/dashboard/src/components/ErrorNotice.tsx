import type { ApiError } from '../api/fetchJson.ts'
import { getParameterLabel } from '../format/labels.ts'

interface Props {
  readonly error: ApiError
  readonly retry: () => void
}

/** Shows what went wrong, with a button to try again if that may help. */
export function ErrorNotice({ error, retry }: Props) {
  return (
    <div class="notice error-notice" role="alert">
      <p>{describeError(error)}</p>
      {error.isRetryable && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** Names the filter fields that are wrong, where the API names its own parameters. */
function describeError({ message, invalidParameters }: ApiError): string {
  if (invalidParameters.length === 0) return message
  return invalidParameters
    .map(({ parameter, detail }) => {
      const readable = detail.replace(/["`](\w+)["`]/g, (_, name: string) => `“${getParameterLabel(name)}”`)
      return `${getParameterLabel(parameter)}: ${readable}.`
    })
    .join(' ')
}
