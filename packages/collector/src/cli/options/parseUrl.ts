import { InvalidArgumentError } from 'commander'

/** Checks the value of an option that is the address of a collector. */
export function parseUrl(text: string): string {
  if (!/^https?:$/.test(URL.parse(text)?.protocol ?? ''))
    throw new InvalidArgumentError('Must be a URL, such as https://lapse.acme.com.')
  return text
}
