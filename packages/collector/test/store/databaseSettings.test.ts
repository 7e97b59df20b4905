import { describe, test } from 'vitest'
import { serverKinds } from '../../../../test/servers.ts'
import { useOwnServer } from '../support/ownServer.ts'

// `databaseSettings.matrix.test.ts` tries each setting alone, and many more.
describe.each(serverKinds)('On $name with unusual settings', (kind) => {
  const { isMariadb, setGlobally, expectWorks } = useOwnServer(kind)

  test('The collector works with all of them at once', async () => {
    await setGlobally({
      sql_mode: 'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH',
      character_set_server: 'gbk',
      time_zone: '+05:30',
      [isMariadb ? 'tx_isolation' : 'transaction_isolation']: 'SERIALIZABLE',
      auto_increment_increment: 7,
      default_storage_engine: 'MyISAM',
      init_connect: 'set session autocommit = 0, session sql_select_limit = 1, session sql_safe_updates = 1',
    })
    await expectWorks()
  })
})
