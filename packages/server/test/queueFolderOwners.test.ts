import { type ChildProcess, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { waitUntil } from '../../../test/engines/engine.ts'
import { createFolderPath, kill, listFiles, readFiles, spawnWriter } from './queueProcesses.ts'

/** Processes look for abandoned files when they start, and every ten seconds. */
const twoLooksMs = 11_000
const newContainer = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
const hasContainers = spawnSync('unshare', [...newContainer.slice(1), 'true']).status === 0

/** Waits until all reports are in files, and expects that each file is left to its owner. */
async function expectUntouched(folder: string, reports: readonly string[], processes: ChildProcess[]) {
  try {
    // A file is written under another name first.
    const isWritten = async () =>
      reports.every((report) => readFiles(folder).includes(`"${report}"`)) &&
      listFiles(folder).every((file) => file.endsWith('.ndjson'))
    await waitUntil(isWritten, 'the reports in their files')
    const files = listFiles(folder)
    expect(files).toHaveLength(2)
    const text = readFiles(folder)
    await sleep(twoLooksMs)
    expect(listFiles(folder)).toEqual(files)
    expect(readFiles(folder)).toBe(text)
  } finally {
    for (const each of processes) await kill(each)
  }
}

describe.concurrent('A file is left to its owner', () => {
  test('while the process that owns it is running', async () => {
    const folder = createFolderPath()
    const first = spawnWriter(folder, { NAME: 'a', COUNT: '2' })
    const second = spawnWriter(folder, { NAME: 'b', COUNT: '2' })
    await expectUntouched(folder, ['a1', 'b1'], [first, second])
  })

  test('if it is another thread of the same process', async () => {
    const folder = createFolderPath()
    const writer = spawnWriter(folder, { THREADS: 'a,b', COUNT: '2' })
    await expectUntouched(folder, ['a1', 'b1'], [writer])
  })

  test.skipIf(!hasContainers)('if it has the same process id in another container', async () => {
    const folder = createFolderPath()
    const first = spawnWriter(folder, { NAME: 'a', COUNT: '2' }, newContainer)
    const second = spawnWriter(folder, { NAME: 'b', COUNT: '2' }, newContainer)
    await expectUntouched(folder, ['a1', 'b1'], [first, second])
  })
})
