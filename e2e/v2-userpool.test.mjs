// The user pool over authing-js-sdk: every method of its UserPoolManagementClient, and the change of the pool's secret.
import assert from 'node:assert/strict';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, has, isTime, refuses } from './lib/v2.mjs';

onEachEngine(
  'V2 userpool',
  async (t, { pools: [pool, other] }) => {
    const tracker = new Tracker(pool.v2.userpool);
    const userpool = tracker.client;

    await t.test('detail', async () => {
      const detail = await userpool.detail();
      has(detail, { id: pool.userPoolId, name: 'first', secret: '', jwtSecret: '', isDeleted: false });
      isTime(detail.createdAt);
      assert.ok(!JSON.stringify(detail).includes(pool.userPoolSecret));
    });

    await t.test('update', async () => {
      has(await userpool.update({ name: 'Eins', description: 'the first', verifyCodeLength: 6, loginFailCheck: { limit: 5, enabled: true } }), {
        name: 'Eins',
        description: 'the first',
        verifyCodeLength: 6,
        loginFailCheck: { limit: 5, enabled: true, timeInterval: null },
      });
      has(await userpool.update({ loginFailCheck: { timeInterval: 60 } }), { loginFailCheck: { limit: 5, enabled: true, timeInterval: 60 } });
      const sms = { enabled: true, provider: 'acme', config: '{"key":"hush"}' };
      has(await userpool.update({ customSMSProvider: sms }), { customSMSProvider: { enabled: true, provider: 'acme', config: null } });
      const detail = await userpool.detail();
      has(detail, { name: 'Eins', description: 'the first' });
      assert.ok(!JSON.stringify(detail).includes('hush'));
      has(await other.v2.userpool.detail(), { name: 'second' });
      await refuses(userpool.update({ name: '' }));
      await refuses(userpool.update({ tokenExpiresAfter: -1 }));
      await refuses(userpool.update({ nonsense: 1 }));
      await refuses(userpool.update({ logo: 'x'.repeat(100_000) }));
    });

    await t.test('variables', async () => {
      const pairs = (list) => list.map(({ key, value }) => [key, value]);
      assert.deepEqual(await userpool.listEnv(), []);
      assert.deepEqual(pairs(await userpool.addEnv('b', 'text')), [['b', 'text']]);
      assert.deepEqual(pairs(await userpool.addEnv('a', { x: [1, null] })), [
        ['a', { x: [1, null] }],
        ['b', 'text'],
      ]);
      assert.deepEqual(pairs(await userpool.addEnv('b', 7)), [
        ['a', { x: [1, null] }],
        ['b', 7],
      ]);
      assert.deepEqual(await other.v2.userpool.listEnv(), []);
      assert.deepEqual(pairs(await userpool.removeEnv('a')), [['b', 7]]);
      assert.deepEqual(pairs(await userpool.listEnv()), [['b', 7]]);
      await refuses(userpool.removeEnv('a'), 404);
      await refuses(userpool.addEnv('', 'x'));
      await refuses(userpool.addEnv('k'.repeat(1000), 'x'));
      await refuses(userpool.addEnv('k', 'x'.repeat(100_000)));
    });

    tracker.assertAllCalled();

    await t.test('a new secret', async () => {
      const token = await pool.v2.tokenProvider.getToken();
      const { refreshUserpoolSecret: fresh } = await pool.data('mutation { refreshUserpoolSecret }');
      const exchange = async (secret) => {
        const query = 'query($id: String!, $secret: String!) { accessToken(userPoolId: $id, secret: $secret) { accessToken } }';
        return pool.graphql(query, { id: pool.userPoolId, secret }, { token: null });
      };
      assert.equal((await pool.graphql('{ userpool { id } }', {}, { token })).errors[0].message.code, 2207, 'the old token is dead');
      assert.equal((await exchange(pool.userPoolSecret)).errors[0].message.code, 401, 'the old secret is wrong');
      const { accessToken } = (await exchange(fresh)).data.accessToken;
      assert.equal((await pool.data('{ userpool { id } }', {}, { token: accessToken })).userpool.id, pool.userPoolId);
      has(await other.v2.userpool.detail(), { id: other.userPoolId });
      assert.equal((await pool.v3.listGroups({})).statusCode, 200, 'access keys have secrets of their own');
    });
  },
  { pools: ['first', 'second'] },
);
