// Whitelists over authing-js-sdk: every method of its WhitelistManagementClient.
import assert from 'node:assert/strict';
import { WhitelistType } from 'authing-js-sdk';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, isTime, refuses } from './lib/v2.mjs';

const values = (list) => list.map(({ value }) => value).toSorted();

onEachEngine(
  'V2 whitelist',
  async (t, { pools: [pool, other] }) => {
    const tracker = new Tracker(pool.v2.whitelist);
    const whitelist = tracker.client;

    await t.test('add and list', async () => {
      assert.deepEqual(await whitelist.list(WhitelistType.Email), []);
      const added = await whitelist.add(WhitelistType.Email, ['Ann@Example.com', 'bob@example.com']);
      assert.deepEqual(values(added), ['ann@example.com', 'bob@example.com']);
      isTime(added[0].createdAt);
      isTime(added[0].updatedAt);
      await whitelist.add(WhitelistType.Email, ['ANN@example.com']);
      assert.deepEqual(values(await whitelist.list(WhitelistType.Email)), ['ann@example.com', 'bob@example.com']);
      await whitelist.add(WhitelistType.Username, ['Ann', 'ann']);
      await whitelist.add(WhitelistType.Phone, ['13800000000']);
      assert.deepEqual(values(await whitelist.list(WhitelistType.Username)), ['Ann', 'ann']);
      assert.deepEqual(values(await whitelist.list(WhitelistType.Phone)), ['13800000000']);
    });

    await t.test('another pool has its own', async () => {
      assert.deepEqual(await other.v2.whitelist.list(WhitelistType.Email), []);
      assert.deepEqual(await other.v2.whitelist.remove(WhitelistType.Email, ['bob@example.com']), []);
      assert.equal((await whitelist.list(WhitelistType.Email)).length, 2);
    });

    await t.test('remove', async () => {
      assert.deepEqual(values(await whitelist.remove(WhitelistType.Email, ['BOB@example.com', 'eve@example.com'])), ['bob@example.com']);
      assert.deepEqual(values(await whitelist.list(WhitelistType.Email)), ['ann@example.com']);
    });

    await t.test('refuses', async () => {
      await refuses(whitelist.add(WhitelistType.Email, []));
      await refuses(whitelist.add(WhitelistType.Email, ['']));
      await refuses(whitelist.add(WhitelistType.Email, ['a\u0000']));
      await refuses(whitelist.add(WhitelistType.Email, ['x'.repeat(10_000)]));
      await refuses(whitelist.add('NONSENSE', ['x']));
      await refuses(whitelist.list('NONSENSE'));
      await refuses(whitelist.remove(WhitelistType.Email, []));
    });

    await t.test('enable and disable', async () => {
      const switches = async () => (await pool.v2.userpool.detail()).whitelist;
      assert.deepEqual(await switches(), { phoneEnabled: false, emailEnabled: false, usernameEnabled: false });
      await whitelist.enable(WhitelistType.Email);
      await whitelist.enable(WhitelistType.Phone);
      assert.deepEqual(await switches(), { phoneEnabled: true, emailEnabled: true, usernameEnabled: false });
      await whitelist.disable(WhitelistType.Phone);
      assert.deepEqual(await switches(), { phoneEnabled: false, emailEnabled: true, usernameEnabled: false });
      // Administrators make whom they like.
      assert.equal((await pool.v2.users.create({ email: 'stranger@example.com' })).email, 'stranger@example.com');
    });

    tracker.assertAllCalled();
  },
  { pools: ['first', 'second'] },
);
