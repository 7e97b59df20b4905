import { expect, test } from 'vitest'
import { createRefusalCounter } from '../../src/recording/refusalCounter.ts'

const now = Date.parse('2026-02-01T12:07:00Z')

test('Invented origins are counted together after the first ten of a site in a quarter of an hour', () => {
  const counter = createRefusalCounter()
  const refuse = (origin: string, at = now) => counter.count({ site: 'acme', kind: 'origin', origin }, at)
  for (let index = 0; index < 10_000; index++) {
    refuse(`https://a${index}.example`)
    // Storing the counts does not allow more origins.
    if (index === 5_000) expect(counter.take()).toHaveLength(11)
  }
  expect(counter.take()).toMatchObject([{ origin: 'other', count: 4_999 }])
  refuse('https://a9.example')
  refuse('https://a10.example', now + 900_000)
  expect(counter.take().map(({ origin }) => origin)).toEqual(['https://a9.example', 'https://a10.example'])
})

test('Origins that no browser sends are counted as invalid', () => {
  const counter = createRefusalCounter()
  for (const origin of [
    'null',
    'nonsense',
    `https://${'a'.repeat(300)}.example`,
    'https://a.example/<b>',
    '\u0000',
  ])
    counter.count({ site: 'acme', kind: 'origin', origin }, now)
  expect(counter.take().map(({ origin, count }) => ({ origin, count }))).toEqual([
    { origin: 'invalid', count: 4 },
    { origin: 'null', count: 1 },
  ])
})

test('Counts that could not be stored are added to later ones, up to a limit', () => {
  const counter = createRefusalCounter()
  const refuse = (at: number) => counter.count({ site: 'acme', kind: 'ticket', origin: 'any' }, at)
  refuse(now)
  counter.restore([...counter.take(), ...counter.take()])
  refuse(now)
  expect(counter.take()).toMatchObject([{ kind: 'ticket', origin: '', count: 2 }])
  for (let index = 0; index < 6_000; index++) refuse(now + index * 900_000)
  expect(counter.take()).toHaveLength(5_000)
})
