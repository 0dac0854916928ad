// Wrong passwords over authing-node-sdk and authing-js-sdk: the captcha, the lock for known and unknown accounts alike and over both wires, and
// how an administrator lifts it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { ok, refused } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';

const require = createRequire(import.meta.url);
const { AuthenticationClient } = require('authing-node-sdk');
const v2sdk = require('authing-js-sdk');

onEachEngine('Wrong passwords', async (t, hall) => {
  const [pool] = hall.pools;
  const client = new AuthenticationClient({ appId: pool.appId, appSecret: pool.appSecret, appHost: hall.url, redirectUri: 'https://app.test/cb' });
  const old = new v2sdk.AuthenticationClient({ appId: pool.appId, appHost: hall.url, userPoolId: pool.userPoolId });
  const password = 'a long passphrase';
  const signIn = (account, word) => client.signInByAccountPassword({ account, password: word });

  await t.test('ask for a captcha', async () => {
    ok(await pool.v3.createUser({ username: 'ann', password }));
    for (const account of ['ann', 'nobody']) {
      for (let i = 0; i < 5; i++) {
        const answer = await signIn(account, 'wrong');
        refused(answer, 403);
        assert.equal(answer.apiCode, 2333, `try ${i} of ${account}`);
      }
      const answer = await signIn(account, password);
      refused(answer, 403);
      assert.equal(answer.apiCode, 2000, account);
    }
  });

  await t.test('lock the account, and an administrator opens it', async () => {
    const settings = ok(await pool.v3.updateSecuritySettings({ loginAnomalyDetection: { robotVerify: 'disable' } }));
    assert.equal(settings.loginAnomalyDetection.robotVerify, 'disable');
    const { userId } = ok(await pool.v3.createUser({ username: 'bob', password }));
    for (const account of ['bob', 'ghost']) {
      // Half of them over the other wire: it is one counter.
      for (let i = 0; i < 10; i++) {
        if (i % 2 === 0) refused(await signIn(account, 'wrong'), 403);
        else await assert.rejects(old.loginByUsername(account, 'wrong'));
      }
      const answer = await signIn(account, password);
      refused(answer, 403);
      assert.equal(answer.apiCode, 2005, account);
    }
    ok(await pool.v3.updateUser({ userId, status: 'Activated' }));
    ok(await signIn('bob', password));
    // The other wire's word for the same.
    for (let i = 0; i < 10; i++) refused(await signIn('bob', 'wrong'), 403);
    assert.equal((await signIn('bob', password)).apiCode, 2005);
    await pool.v2.users.update(userId, { blocked: false });
    ok(await signIn('bob', password));
  });
});
