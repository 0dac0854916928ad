// Signing in and up, and one's own account, over authing-node-sdk's AuthenticationClient: every method of the domains signup, profile,
// user-resources, ext-idp, device and public-info, and the sign-ins by password and code.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { AuthenticationClient } from 'authing-node-sdk';
import { conforms, isRefusal, ok, refused } from './lib/contract.mjs';
import { codeFor, onEachEngine } from './lib/guildhall.mjs';

const contract = new Map(
  JSON.parse(fs.readFileSync(new URL('../contract/v3-authentication.json', import.meta.url), 'utf8')).map((row) => [row.operation, row]),
);

// The clients' methods that are called otherwise than their rows.
const rowOf = (name) => contract.get(name) ?? contract.get(name.startsWith('signIn') ? 'signInByCredentials' : 'signUp');

/** An AuthenticationClient whose every answer is checked against the contract; seen notes the operations that succeeded. */
function authentication(hall, app, seen, options = {}) {
  const client = new AuthenticationClient({ appId: app.id, appSecret: app.secret, appHost: hall.url, redirectUri: 'https://app.test/cb', ...options });
  return new Proxy(client, {
    get(target, name) {
      const row = typeof name === 'string' && typeof target[name] === 'function' && !/^(set|build|parse)/.test(name) ? rowOf(name) : undefined;
      if (!row || !row.path?.startsWith('/api/')) return Reflect.get(target, name);
      return async (parameters = {}) => {
        const body = await target[name](parameters);
        if (body.statusCode === undefined) return body;
        if (body.statusCode === 200) {
          assert.equal(body.message, '');
          if (row.response && row.response !== 'any') conforms(row.response, body);
          seen.add(row.operation);
        } else if (body.data === undefined) {
          isRefusal(body);
        }
        return body;
      };
    },
  });
}

onEachEngine(
  "AuthenticationClient: one's own account",
  async (t, hall) => {
    const pool = hall.pools[0];
    const app = { id: pool.appId, secret: pool.appSecret };
    const seen = new Set();
    const door = authentication(hall, app, seen);
    const as = async (account, password, scope = 'openid profile username email phone address external_id extended_fields') => {
      const { access_token } = ok(await door.signInByAccountPassword({ account, password, options: { scope } }));
      const client = authentication(hall, app, seen);
      client.setAccessToken(access_token);
      return client;
    };
    const mail = async (channel, email, atLeast) => {
      ok(await door.sendEmail({ channel, email }));
      return codeFor(hall, email, atLeast);
    };
    const text = async (channel, phoneNumber, atLeast) => {
      ok(await door.sendSms({ channel, phoneNumber, phoneCountryCode: '+86' }));
      return codeFor(hall, `+86${phoneNumber}`, atLeast);
    };

    await t.test('getSystemInfo, getCountryList', async () => {
      const system = await door.getSystemInfo();
      assert.match(system.rsa.publicKey, /BEGIN PUBLIC KEY/);
      const countries = ok(await door.getCountryList());
      assert.ok(countries.some((c) => c.alpha2 === 'CN' && c.phoneCountryCode === '+86'));
      seen.add('getSystemInfo');
    });

    await t.test('signing up', async () => {
      const ann = ok(await door.signUpByUsernamePassword({ username: 'ann', password: 'Passw0rd!', profile: { nickname: 'Ann', customData: { school: 'MIT' } } }));
      assert.equal(ann.nickname, 'Ann');
      assert.equal(ann.userSourceType, 'register');
      refused(await door.signUpByUsernamePassword({ username: 'ann', password: 'Passw0rd!' }), 409, '用户已存在');
      refused(await door.signUpByUsernamePassword({ username: 'weak', password: '123' }), 422, '密码强度不足');
      refused(await door.signUpByEmailPassword({ email: 'no address', password: 'Passw0rd!' }), 400, '参数 email 格式错误');
      const { rsa } = await door.getSystemInfo();
      const password = crypto.publicEncrypt({ key: rsa.publicKey, padding: crypto.constants.RSA_PKCS1_PADDING }, Buffer.from('Passw0rd!')).toString('base64');
      const bob = ok(await door.signUpByEmailPassword({ email: 'Bob@example.com', password, options: { passwordEncryptType: 'rsa' } }));
      assert.equal(bob.email, 'bob@example.com');
      refused(await door.signUpByEmailPassword({ email: 'c@example.com', password: 'nonsense', options: { passwordEncryptType: 'rsa' } }), 499, '密码解密失败');
      refused(await door.signUpByEmailCode({ email: 'cy@example.com', passCode: '000000' }), 403, '验证码错误');
      const cy = ok(await door.signUpByEmailCode({ email: 'cy@example.com', passCode: await mail('CHANNEL_REGISTER', 'cy@example.com') }));
      assert.equal(cy.emailVerified, true);
      const phone = { phone: '13800000001', phoneCountryCode: '+86', passCode: await text('CHANNEL_REGISTER', '13800000001') };
      assert.equal(ok(await door.signUpByPhoneCode(phone)).phoneVerified, true);
      refused(await door.signUpByPhoneCode(phone), 403, '验证码已失效，请重新获取');
    });

    await t.test('signing in', async () => {
      const set = ok(await door.signInByUsernamePassword({ username: 'ann', password: 'Passw0rd!', options: { scope: 'openid profile offline_access' } }));
      assert.equal(set.token_type, 'Bearer');
      assert.ok(set.expire_in > 0 && set.refresh_token && set.access_token.split('.').length === 3);
      assert.equal((await door.parseIDToken(set.id_token)).aud, app.id);
      assert.equal((await door.parseAccessToken(set.access_token)).iss, `${hall.url}/oidc`);
      ok(await door.signInByEmailPassword({ email: 'BOB@example.com', password: 'Passw0rd!' }));
      ok(await door.signInByEmailPassCode({ email: 'cy@example.com', passCode: await mail('CHANNEL_LOGIN', 'cy@example.com', 2) }));
      ok(await door.signInByPhonePassCode({ phone: '13800000001', phoneCountryCode: '+86', passCode: await text('CHANNEL_LOGIN', '13800000001', 2) }));
      const wrong = await door.signInByAccountPassword({ account: 'ann', password: 'wrong' });
      refused(wrong, 403, '账号或密码错误');
      assert.equal(wrong.apiCode, 2333);
      const unknown = await door.signInByAccountPassword({ account: 'nobody', password: 'wrong' });
      assert.deepEqual({ ...unknown, requestId: '' }, { ...wrong, requestId: '' }, 'who is not there is answered alike');
      refused(await door.signInByAccountPassword({ account: 'ann', password: 'x'.repeat(100_000) }), 403, '账号或密码错误');
      const broken = await door.signInByAccountPassword({ account: 'ann', password: 'x', options: { passwordEncryptType: 'sm2' } });
      refused(broken, 499, '密码解密失败');
      assert.equal(broken.apiCode, 2016);
      refused(await door.signInByAD({ sAMAccountName: 'a', password: 'b' }), 501);
      refused(await door.signInByLDAP({ sAMAccountName: 'a', password: 'b' }), 501);
      refused(await door.signInByCredentials({ connection: 'PASSWORD', passwordPayload: { account: 'ann', password: 'Passw0rd!' } }), 401, '缺少应用密钥');
      const basic = authentication(hall, app, seen, { tokenEndPointAuthMethod: 'client_secret_basic' });
      ok(await basic.signInByAccountPassword({ account: 'ann', password: 'Passw0rd!' }));
      const thief = authentication(hall, { id: app.id, secret: 'wrong' }, seen, { tokenEndPointAuthMethod: 'client_secret_basic' });
      refused(await thief.signInByAccountPassword({ account: 'ann', password: 'Passw0rd!' }), 401);
    });

    await t.test('profile', async () => {
      const ann = await as('ann', 'Passw0rd!');
      const profile = ok(await ann.getProfile({ withCustomData: true, withIdentities: true, withDepartmentIds: true }));
      assert.equal(profile.username, 'ann');
      assert.deepEqual([profile.customData, profile.identities, profile.departmentIds], [{ school: 'MIT' }, [], []]);
      const changed = ok(await ann.updateProfile({ nickname: 'Annie', gender: 'F', customData: { age: 7 } }));
      assert.deepEqual([changed.nickname, changed.gender, changed.customData], ['Annie', 'F', { school: 'MIT', age: 7 }]);
      refused(await ann.updateProfile({ externalId: 'mine' }), 403, '没有权限修改字段 externalId');
      refused(await ann.updateProfile({ customData: { nothing: 1 } }), 400);
      const narrow = ok(await (await as('ann', 'Passw0rd!', 'openid')).getProfile({}));
      assert.equal(narrow.username ?? narrow.nickname ?? null, null, 'a token shows no more than its scope');

      ok(await ann.bindEmail({ email: 'ann@example.com', passCode: await mail('CHANNEL_BIND_EMAIL', 'ann@example.com') }));
      refused(await ann.bindEmail({ email: 'x@example.com', passCode: '000000' }), 409, '已绑定邮箱');
      ok(await ann.bindPhone({ phoneNumber: '13800000002', phoneCountryCode: '+86', passCode: await text('CHANNEL_BIND_PHONE', '13800000002') }));
      const security = ok(await ann.getSecurityLevel());
      assert.deepEqual([security.emailBinded, security.phoneBinded, security.passwordSet, security.mfaEnrolled], [true, true, true, false]);

      const { updateEmailToken } = ok(
        await ann.verifyUpdateEmailRequest({
          verifyMethod: 'EMAIL_PASSCODE',
          emailPassCodePayload: {
            newEmail: 'ann2@example.com',
            newEmailPassCode: await mail('CHANNEL_UPDATE_EMAIL', 'ann2@example.com'),
            oldEmail: 'ann@example.com',
            oldEmailPassCode: await mail('CHANNEL_UPDATE_EMAIL', 'ann@example.com', 2),
          },
        }),
      );
      ok(await ann.updateEmail({ updateEmailToken }));
      refused(await ann.updateEmail({ updateEmailToken }), 400);
      const { updatePhoneToken } = ok(
        await ann.verifyUpdatePhoneRequest({
          verifyMethod: 'PHONE_PASSCODE',
          phonePassCodePayload: {
            newPhoneNumber: '13800000003',
            newPhoneCountryCode: '+86',
            newPhonePassCode: await text('CHANNEL_BIND_PHONE', '13800000003'),
            oldPhoneNumber: '13800000002',
            oldPhoneCountryCode: '+86',
            oldPhonePassCode: await text('CHANNEL_UNBIND_PHONE', '13800000002', 2),
          },
        }),
      );
      ok(await ann.updatePhone({ updatePhoneToken }));
      const after = ok(await ann.getProfile({}));
      assert.deepEqual([after.email, after.phone, after.emailVerified, after.phoneVerified], ['ann2@example.com', '13800000003', true, true]);
      ok(await ann.unbindEmail({ passCode: await mail('CHANNEL_UNBIND_EMAIL', 'ann2@example.com', 2) }));
      ok(await ann.unbindPhone({ passCode: await text('CHANNEL_UNBIND_PHONE', '13800000003', 2) }));
      refused(await ann.unbindPhone({ passCode: '000000' }), 422, '未绑定手机号');
    });

    await t.test('what is mine', async () => {
      const ann = await as('ann', 'Passw0rd!');
      const history = ok(await ann.getLoginHistory({ page: 1, limit: 50 }));
      assert.ok(history.list.some((row) => !row.success) && history.list[0].success && history.list[0].appId === app.id);
      refused(await ann.getLoginHistory({ limit: 51 }), 400);
      assert.deepEqual(ok(await ann.getLoggedInApps()).map((a) => [a.appId, a.active]), [[app.id, true]]);
      assert.ok(ok(await ann.getAccessibleApps()).some((a) => a.appId === app.id));
      ok(await pool.v3.createRole({ code: 'reader', name: 'Reader' }));
      ok(await pool.v3.assignRole({ code: 'reader', targets: [{ targetType: 'USER', targetIdentifier: ok(await ann.getProfile({})).userId }] }));
      assert.deepEqual(ok(await ann.getRoleList({})).map((r) => r.code), ['reader']);
      for (const empty of [await ann.getTenantList(), await ann.getGroupList(), await ann.getIdentities(), await ann.getApplicationEnabledExtIdps()]) assert.deepEqual(ok(empty), []);
      assert.equal(ok(await ann.getDepartmentList({})).totalCount, 0);
      assert.deepEqual(ok(await ann.listSubjectAuth()).list, []);
      refused(await ann.unlinkExtIdp({ extIdpId: 'x' }), 404);
      const devices = ok(await ann.list({}));
      assert.ok(devices.length > 1 && devices[0].online);
      const other = await as('ann', 'Passw0rd!');
      const deviceId = ok(await ann.list({}))[0].device.deviceId;
      ok(await ann.revoke({ deviceId }));
      refused(await other.getProfile({}), 401);
      const third = await as('ann', 'Passw0rd!');
      ok(await ann.unbind({ deviceId: ok(await ann.list({}))[0].device.deviceId }));
      refused(await third.getProfile({}), 401);
      for (const unserved of [await ann.switchLoginByUser({ targetUserId: 'x' }), await ann.listPublicAccountsForSwitchLoggedIn({})]) refused(unserved, 501);
    });

    await t.test('passwords', async () => {
      const ann = await as('ann', 'Passw0rd!');
      const other = await as('ann', 'Passw0rd!');
      refused(await ann.updatePassword({ newPassword: 'N3w-Passw0rd' }), 400, '请输入旧密码');
      refused(await ann.updatePassword({ newPassword: 'N3w-Passw0rd', oldPassword: 'wrong' }), 403, '旧密码错误');
      ok(await ann.updatePassword({ newPassword: 'N3w-Passw0rd', oldPassword: 'Passw0rd!' }));
      refused(await other.getProfile({}), 401);
      ok(await ann.validatePassword({ username: 'ann', password: 'N3w-Passw0rd' }));
      assert.equal(ok(await door.validatePassword({ username: 'ann', password: 'Passw0rd!' })).valid, false);

      const bob = await as('bob@example.com', 'Passw0rd!');
      const passCode = await mail('CHANNEL_RESET_PASSWORD', 'bob@example.com');
      refused(await door.verifyResetPasswordRequest({ verifyMethod: 'EMAIL_PASSCODE', emailPassCodePayload: { email: 'bob@example.com', passCode: '000000' } }), 403, '验证码错误');
      const { passwordResetToken, tokenExpiresIn } = ok(
        await door.verifyResetPasswordRequest({ verifyMethod: 'EMAIL_PASSCODE', emailPassCodePayload: { email: 'bob@example.com', passCode } }),
      );
      assert.equal(tokenExpiresIn, 900);
      refused(await door.resetPassword({ passwordResetToken, password: '1' }), 422, '密码强度不足');
      const many = await Promise.all(Array.from({ length: 20 }, () => door.resetPassword({ passwordResetToken, password: 'N3w-Passw0rd' })));
      assert.equal(many.filter((body) => body.statusCode === 200).length, 1, 'a token works once');
      refused(await bob.getProfile({}), 401);
      await as('bob@example.com', 'N3w-Passw0rd');
    });

    await t.test('deleteAccount', async () => {
      const bob = await as('bob@example.com', 'N3w-Passw0rd');
      refused(await bob.verifyDeleteAccountRequest({ verifyMethod: 'PASSWORD', passwordPayload: { password: 'wrong' } }), 403);
      const { deleteAccountToken } = ok(
        await bob.verifyDeleteAccountRequest({
          verifyMethod: 'EMAIL_PASSCODE',
          emailPassCodePayload: { email: 'bob@example.com', passCode: await mail('CHANNEL_DELETE_ACCOUNT', 'bob@example.com', 2) },
        }),
      );
      ok(await bob.deleteAccount({ deleteAccountToken }));
      refused(await bob.getProfile({}), 401);
      refused(await door.signInByAccountPassword({ account: 'bob@example.com', password: 'N3w-Passw0rd' }), 403, '账号或密码错误');
    });

    await t.test('what administrators see and end', async () => {
      const ann = await as('ann', 'N3w-Passw0rd');
      const { userId } = ok(await ann.getProfile({}));
      assert.equal(ok(await pool.v3.checkSessionStatus({ appId: app.id, userId })).active, true);
      assert.ok(ok(await pool.v3.getUserLoginHistory({ userId })).totalCount > 3);
      assert.deepEqual(ok(await pool.v3.getUserLoggedinApps({ userId })).map((a) => a.appId), [app.id]);
      ok(await pool.v3.kickUsers({ appIds: [app.id], userId }));
      assert.equal(ok(await pool.v3.checkSessionStatus({ appId: app.id, userId })).active, false);
      refused(await ann.getProfile({}), 401);
      await as('ann', 'N3w-Passw0rd');
      ok(await pool.v3.updateUser({ userId, status: 'Suspended' }));
      refused(await door.signInByAccountPassword({ account: 'ann', password: 'N3w-Passw0rd' }), 403, '账号已被禁用');
    });

    const domains = ['signup', 'profile', 'user-resources', 'device', 'public-info', 'ext-idp'];
    const never = ['generateLinkExtIdpUrl', 'unlinkExtIdp'];
    const missing = [...contract.values()].filter((row) => domains.includes(row.domain) && !never.includes(row.operation) && !seen.has(row.operation));
    assert.deepEqual(missing.map((row) => row.operation), [], 'every method of the domains has succeeded');
  },
  { flags: ['--dev'] },
);
