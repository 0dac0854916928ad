// Second factors and passkeys over authing-node-sdk's AuthenticationClient: every method of the domains mfa and passkey.
import assert from 'node:assert/strict';
import { AuthenticationClient } from 'authing-node-sdk';
import { ok, refused } from './lib/contract.mjs';
import { Authenticator, totp } from './lib/factor.mjs';
import { codeFor, onEachEngine } from './lib/guildhall.mjs';

const baseURL = 'http://guildhall.example';
const literal = '参数 credentialId 未替换为真实的 Passkey ID';

onEachEngine(
  'AuthenticationClient: second factors and passkeys',
  async (t, hall) => {
    const pool = hall.pools[0];
    const client = (options = {}) =>
      new AuthenticationClient({ appId: pool.appId, appSecret: pool.appSecret, appHost: hall.url, redirectUri: 'https://app.test/cb', ...options });
    ok(await pool.v3.createUser({ username: 'ann', email: 'ann@example.com', password: 'correct horse' }));
    const door = client();
    const signIn = () => door.signInByAccountPassword({ account: 'ann', password: 'correct horse' });
    const ann = client();
    ann.setAccessToken(ok(await signIn()).access_token);
    let secret;

    await t.test('enrolment', async () => {
      assert.deepEqual(ok(await ann.listEnrolledFactors()), []);
      assert.deepEqual(
        ok(await ann.listFactorsToEnroll()).map(({ factorType }) => factorType),
        ['OTP', 'SMS', 'EMAIL'],
      );
      const { enrollmentToken, otpData } = ok(await ann.sendEnrollFactorRequest({ factorType: 'OTP', profile: {} }));
      secret = new URL(otpData.qrCodeUri).searchParams.get('secret');
      assert.match(otpData.qrCodeDataUrl, /^data:image\/png;base64,/);
      assert.ok(otpData.recoveryCode);
      const enroll = (passCode) => ann.enrollFactor({ factorType: 'OTP', enrollmentToken, enrollmentData: { passCode } });
      refused(await enroll('000000'), 499, '动态验证码错误');
      assert.equal((await enroll(totp(secret))).statusCode, 200);
      refused(await ann.sendEnrollFactorRequest({ factorType: 'FACE', profile: {} }), 501, '暂不支持认证因素 FACE');

      const mail = ok(await ann.sendEnrollFactorRequest({ factorType: 'EMAIL', profile: { email: 'second@example.com' } }));
      const passCode = await codeFor(hall, 'second@example.com');
      assert.equal((await ann.enrollFactor({ factorType: 'EMAIL', enrollmentToken: mail.enrollmentToken, enrollmentData: { passCode } })).statusCode, 200);
      const [otp, email] = ok(await ann.listEnrolledFactors());
      assert.deepEqual([otp.factorType, email.factorType, email.profile.email], ['OTP', 'EMAIL', 'second@example.com']);
      assert.equal(ok(await ann.getFactor({ factorId: email.factorId })).factorType, 'EMAIL');
      assert.equal((await ann.resetFactor({ factorId: email.factorId })).statusCode, 200);
      refused(await ann.getFactor({ factorId: email.factorId }), 404, 'MFA 认证因素不存在');
      const info = ok(await pool.v3.getUserMfaInfo({ userId: 'ann', userIdType: 'username' }));
      assert.deepEqual([info.totpStatus, info.emailMfaStatus], ['enabled', 'disabled']);
    });

    await t.test('a code counts once', async () => {
      const code = totp(secret);
      assert.deepEqual(ok(await ann.mfaOtpVerify({ totp: code })), { verified: true });
      refused(await ann.mfaOtpVerify({ totp: code }), 499, '动态验证码错误');
    });

    await t.test('the token of a pending sign-in', async () => {
      // An application that shows its secret signs in without steps; one that shows none is told of the pending sign-in.
      const pending = await pool.bare('POST', '/api/v2/login/account', {
        headers: { 'content-type': 'application/json', 'x-authing-app-id': pool.appId },
        body: JSON.stringify({ account: 'ann', password: await encrypted(pool, 'correct horse') }),
      });
      const { mfaToken } = pending.json.data;
      const ask = async (body) =>
        (await pool.bare('POST', '/mfa/token/introspection', { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json;
      const active = await ask({ token: mfaToken });
      assert.deepEqual([active.active, active.userPoolId], [true, pool.userPoolId]);
      assert.ok(active.exp > Date.now() / 1000 && active.iat <= active.exp);
      assert.deepEqual(await ask({ token: 'nonsense' }), { active: false });
      assert.deepEqual(await ask({}), { active: false });
    });

    const device = new Authenticator(baseURL);

    await t.test('a passkey registers', async () => {
      const { ticket, registrationOptions } = ok(await ann.initRegisterOptions());
      assert.equal(registrationOptions.rp.id, 'guildhall.example');
      const parameters = { ticket, registrationCredential: device.create(registrationOptions), authenticatorCode: 'fingerprint' };
      assert.deepEqual(ok(await ann.verifyRegister(parameters)), { verified: true });
      refused(await ann.verifyRegister(parameters), 400, 'Passkey 请求无效或已过期，请重试');
    });

    await t.test('a passkey signs in, without another factor', async () => {
      const { ticket, authenticationOptions } = ok(await door.initAuthenticationOptions());
      const parameters = { ticket, authenticationCredential: device.get(authenticationOptions), options: { scope: 'openid profile' } };
      const { verified, tokenSet } = ok(await door.verifyAuthentication(parameters));
      assert.ok(verified && tokenSet.access_token && tokenSet.id_token);
      refused(await door.verifyAuthentication(parameters), 400, 'Passkey 请求无效或已过期，请重试');
      const signed = client();
      signed.setAccessToken(tokenSet.access_token);
      assert.equal(ok(await signed.getProfile({})).username, 'ann');

      const stranger = new Authenticator('https://guildhall.evil');
      Object.assign(stranger, { id: device.id, key: device.key, user: device.user, counter: 100 });
      const again = ok(await door.initAuthenticationOptions());
      refused(await door.verifyAuthentication({ ticket: again.ticket, authenticationCredential: stranger.get(again.authenticationOptions) }), 403, 'Passkey 验证失败');

      const component = ok(await door.webAuthnLoginInitalize());
      const finished = ok(await door.webAuthnLoginFinalize({ ticket: component.ticket, credential: device.get(component.publicKey) }));
      assert.ok(finished.token && finished.username === 'ann');

      device.counter = 0;
      const copied = ok(await door.initAuthenticationOptions());
      refused(await door.verifyAuthentication({ ticket: copied.ticket, authenticationCredential: device.get(copied.authenticationOptions) }), 403, 'Passkey 计数异常，可能已被复制');
      device.counter = 1000;
    });

    await t.test('passkeys are listed, renamed and removed', async () => {
      const { totalCount, list } = await ann.listCredentialsByPage({});
      const [own] = list;
      assert.deepEqual([totalCount, own.authenticatorCode, own.cloneWarning], [1, 'fingerprint', true]);
      assert.equal(ok(await ann.listWebAuthnCredentials({})).totalCount, 1);
      assert.equal(ok(await ann.listWebAuthnPersonCredentials({ userId: own.userId })).list[0].id, own.id);
      assert.deepEqual(ok(await ann.checkValidCredentialsByCredIds({ credIds: [own.credentialId, 'x'] })), [own.credentialId]);
      // The client sends the braces of the path as they stand.
      refused(await ann.updateWebAuthnCredential(own.id, { name: 'Phone' }), 400, literal);
      refused(await ann.deleteWebAuthnCredential(own.id), 400, literal);
      refused(await ann.removeCredential(own.id, {}), 400, literal);
      assert.equal(ok(await ann.updateWebAuthnCredential(own.id, { name: 'Phone', credentialId: own.id })).success, true);
      assert.equal(ok(await ann.listWebAuthnCredentials({})).list[0].name, 'Phone');
      for (const call of [ann.updateWebAuthnAdminCredential(own.id, { name: 'x' }), ann.deleteWebAuthnAdminCredential(own.id, own.userId, pool.appId), ann.webAuthnAdminInitialize(), ann.webAuthnAdminRegisterFinalize()]) {
        assert.equal((await call).statusCode, 403);
      }
      const headers = { headers: { 'content-type': 'application/json' } };
      assert.equal((await pool.bearer('PUT', `/api/v3/webauthn/admin/credentials/${own.id}`, { name: 'Desk' }, headers)).statusCode, 200);
      assert.equal((await pool.bearer('DELETE', `/api/v3/webauthn/admin/credentials/${own.id}/${own.userId}/${pool.appId}`, {}, headers)).statusCode, 200);
      assert.equal(ok(await ann.listWebAuthnCredentials({})).totalCount, 0);

      const second = new Authenticator(baseURL);
      const begun = ok(await ann.webAuthnRegisterInitalize());
      assert.ok(begun.publicKey.challenge);
      assert.equal((await ann.webAuthnRegisterFinalize()).statusCode, 400); // the client has no body for it
      const body = { ticket: begun.ticket, credential: second.create(begun.publicKey), name: 'Key' };
      const access = ok(await signInDirect(door)).access_token;
      const made = await pool.bearer('POST', '/api/v3/webauthn/registration/finalize', body, { token: access, headers: { 'x-authing-app-id': pool.appId } });
      assert.equal(made.data?.name, 'Key', JSON.stringify(made));
      assert.equal(ok(await ann.removeCredential(made.data.id, { credentialId: made.data.id })).success, true);
      assert.equal(ok(await ann.removeAllCredentials({})).success, true);
    });

    await t.test('nobody is signed in', async () => {
      const nobody = client();
      for (const name of ['listEnrolledFactors', 'listFactorsToEnroll', 'initRegisterOptions', 'webAuthnMfaBindInitialize', 'webAuthnMfaVerifyInitalize', 'webAuthnRegisterInitalize']) {
        assert.equal((await nobody[name]()).statusCode, 401, name);
      }
    });

    function signInDirect(client) {
      return client.signInByAccountPassword({ account: 'ann', password: 'correct horse' });
    }
  },
  { flags: ['--dev'], baseURL },
);

/** A password as V2's clients send it. */
async function encrypted(pool, password) {
  const { constants, publicEncrypt } = await import('node:crypto');
  const { data } = await pool.rest('GET', '/api/v2/.well-known', undefined, { token: null });
  return publicEncrypt({ key: data.publicKey, padding: constants.RSA_PKCS1_PADDING }, Buffer.from(password)).toString('base64');
}
