// Second factors over authing-js-sdk: MfaAuthenticationClient whole, MFAManagementClient, and the login component's flow.
import assert from 'node:assert/strict';
import { AuthenticationClient } from 'authing-js-sdk';
import { totp } from './lib/factor.mjs';
import { codeFor, onEachEngine } from './lib/guildhall.mjs';

const thrown = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('this should have been refused');
};

onEachEngine(
  'MfaAuthenticationClient',
  async (t, hall) => {
    const pool = hall.pools[0];
    const client = () => new AuthenticationClient({ userPoolId: pool.userPoolId, appId: pool.appId, appHost: hall.url, host: hall.url });
    const make = (username) => pool.v2.users.create({ username, email: `${username}@example.com`, password: '123456' });
    const demand = async (factors) => {
      const answer = await pool.v3.updateApplicationMfaSettings({ appId: pool.appId, enabledFactors: factors, disabledFactors: ['OTP', 'SMS', 'EMAIL'].filter((f) => !factors.includes(f)) });
      assert.equal(answer.statusCode, 200, answer.message);
    };
    await make('ann');
    let made;

    await t.test('a user binds a one-time password', async () => {
      const ann = client();
      await ann.loginByUsername('ann', '123456');
      assert.deepEqual(await ann.mfa.getMfaAuthenticators({ type: 'totp' }), []);
      made = await ann.mfa.assosicateMfaAuthenticator({ authenticatorType: 'totp' });
      assert.equal(made.authenticator_type, 'totp');
      for (const name of ['secret', 'qrcode_uri', 'qrcode_data_url', 'recovery_code']) assert.equal(typeof made[name], 'string', name);
      assert.equal((await ann.mfa.deleteMfaAuthenticator()).code, 200);
      assert.equal((await thrown(ann.mfa.confirmAssosicateMfaAuthenticator({ authenticatorType: 'totp', totp: totp(made.secret) }))).code, 400);
      made = await ann.mfa.assosicateMfaAuthenticator({ authenticatorType: 'totp' });
      assert.equal((await thrown(ann.mfa.confirmAssosicateMfaAuthenticator({ authenticatorType: 'totp', totp: '000000' }))).code, 6001);
      assert.equal((await ann.mfa.confirmAssosicateMfaAuthenticator({ authenticatorType: 'totp', totp: totp(made.secret) })).code, 200);
      assert.equal((await ann.mfa.getMfaAuthenticators({ type: 'totp' })).length, 1);
    });

    await t.test('and is asked for it', async () => {
      const ann = client();
      const { code, data } = await thrown(ann.loginByUsername('ann', '123456'));
      assert.equal(code, 1635);
      const { mfaToken } = data;
      assert.equal((await thrown(ann.mfa.verifyTotpMfa({ totp: '000000', mfaToken }))).code, 6001);
      assert.equal((await thrown(ann.mfa.verifyTotpMfa({ totp: '000000', mfaToken: 'nonsense' }))).code, 2021);
      const right = totp(made.secret);
      const user = await ann.mfa.verifyTotpMfa({ totp: right, mfaToken });
      assert.ok(user.id && user.token);
      assert.equal((await ann.mfa.verifyTotpMfa({ totp: right, mfaToken })).id, user.id);
      const other = (await thrown(ann.loginByUsername('ann', '123456'))).data.mfaToken;
      assert.equal((await thrown(ann.mfa.verifyTotpMfa({ totp: right, mfaToken: other }))).code, 6001);
    });

    await t.test('a lost device', async () => {
      const ann = client();
      const { mfaToken } = (await thrown(ann.loginByUsername('ann', '123456'))).data;
      assert.equal((await thrown(ann.mfa.verifyTotpRecoveryCode({ recoveryCode: '0000', mfaToken }))).code, 6002);
      assert.ok((await ann.mfa.verifyTotpRecoveryCode({ recoveryCode: made.recovery_code, mfaToken })).id);
      const again = (await thrown(ann.loginByUsername('ann', '123456'))).data.mfaToken;
      assert.equal((await thrown(ann.mfa.verifyTotpRecoveryCode({ recoveryCode: made.recovery_code, mfaToken: again }))).code, 6002);
    });

    await t.test('administrators', async () => {
      const bob = await make('bob');
      const imported = await pool.v2.mfa.importTotp(bob.id, '123456', '654321');
      assert.deepEqual([imported.userId, imported.secret, imported.recoveryCode], [bob.id, '123456', '654321']);
      assert.equal((await pool.v2.mfa.getStatus(bob.id)).OTP, true);
      assert.equal((await thrown(client().loginByUsername('bob', '123456'))).code, 1635);
      assert.equal(await pool.v2.mfa.unAssociateMfa(bob.id, 'OTP'), true);
      assert.ok((await client().loginByUsername('bob', '123456')).token);
    });

    await t.test('a code by e-mail', async () => {
      await demand(['EMAIL']);
      await make('eve');
      const eve = client();
      const { code, data } = await thrown(eve.loginByUsername('eve', '123456'));
      assert.deepEqual([code, data.mfaEmail], [1636, 'eve@example.com']);
      const { mfaToken } = data;
      assert.equal(await eve.mfa.phoneOrEmailBindable({ email: 'ann@example.com', mfaToken }), false);
      assert.equal(await eve.mfa.phoneOrEmailBindable({ email: 'new@example.com', mfaToken }), true);
      const sent = await pool.bare('POST', '/api/v2/email/send', {
        headers: { 'content-type': 'application/json', 'x-authing-app-id': pool.appId },
        body: JSON.stringify({ email: 'eve@example.com', scene: 'MFA_VERIFY_CODE' }),
      });
      assert.equal(sent.json.code, 200, sent.text);
      const mail = await codeFor(hall, 'eve@example.com');
      assert.equal((await thrown(eve.mfa.verifyAppEmailMfa({ email: 'ann@example.com', code: mail, mfaToken }))).code, 1001);
      assert.ok((await eve.mfa.verifyAppEmailMfa({ email: 'eve@example.com', code: mail, mfaToken })).token);
    });

    await t.test('a code by text message, to a number that is bound on the way', async () => {
      await demand(['SMS']);
      await make('may');
      const may = client();
      const { mfaToken } = (await thrown(may.loginByUsername('may', '123456'))).data;
      const sent = await pool.bare('POST', '/api/v2/sms/send', {
        headers: { 'content-type': 'application/json', 'x-authing-app-id': pool.appId },
        body: JSON.stringify({ phone: '13800000001', scene: 'mfa-verify' }),
      });
      assert.equal(sent.json.code, 200, sent.text);
      const code = await codeFor(hall, '+8613800000001');
      assert.ok((await may.mfa.verifyAppSmsMfa({ phone: '13800000001', code, mfaToken })).token);
      assert.equal((await thrown(may.loginByUsername('may', '123456'))).data.mfaPhone, '13800000001');
    });

    await t.test('faces are refused', async () => {
      const { mfaToken } = (await thrown(client().loginByUsername('may', '123456'))).data;
      assert.equal((await thrown(client().mfa.verifyFaceMfa('photo', mfaToken))).code, 501);
      assert.equal((await thrown(client().mfa.associateFaceByUrl({ baseFace: 'a', compareFace: 'b', mfaToken }))).code, 501);
    });

    await t.test('the login component enrols by the flow', async () => {
      await demand(['OTP']);
      await make('sue');
      const { data } = await thrown(client().loginByUsername('sue', '123456'));
      assert.equal(data.totpMfaEnabled, false);
      const send = async (method, path, body, headers = {}) =>
        (await pool.bare(method, path, { headers: { 'content-type': 'application/json', 'x-authing-app-id': pool.appId, ...headers }, body: body && JSON.stringify(body) })).json;
      const bare = { authorization: data.mfaToken };
      assert.equal((await send('GET', '/api/v2/mfa/authenticator?source=APPLICATION', undefined, bare)).code, 200);
      const shown = (await send('POST', '/api/v2/mfa/totp/associate', { source: 'APPLICATION' }, bare)).data;
      const flow = (action, data_ = {}) => send('POST', '/interaction/authFlow', { action, data: data_, flowHandle: data.mfaToken });
      const code = totp(shown.secret);
      assert.equal((await flow('verify-totp-first-time', { totp: '000000' })).apiCode, 6001);
      assert.equal((await flow('verify-totp-first-time', { totp: code })).statusCode, 200);
      const done = await flow('confirm-totp-recovery-code');
      assert.deepEqual([Math.floor(done.statusCode / 100), done.apiCode, done.data.user.username], [3, 1600, 'sue']);
      const next = (await thrown(client().loginByUsername('sue', '123456'))).data.mfaToken;
      const both = await Promise.all([1, 2].map(() => send('POST', '/interaction/authFlow', { action: 'verify-totp', data: { totp: code, mfaToken: next }, flowHandle: next })));
      for (const answer of both) assert.equal(answer.apiCode, 1600, JSON.stringify(answer));
    });
  },
  { flags: ['--dev'] },
);
