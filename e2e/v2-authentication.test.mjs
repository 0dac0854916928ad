// Getting in and one's own account over authing-js-sdk: its AuthenticationClient and QrCodeAuthenticationClient.
import assert from 'node:assert/strict';
import { AuthenticationClient, EmailScene } from 'authing-js-sdk';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, refuses } from './lib/v2.mjs';

onEachEngine(
  'V2 authentication',
  async (t, hall) => {
    const pool = hall.pools[0];
    const quiet = (code, message, data) => {
      throw { code, message, data };
    };
    const client = (options = {}) => new AuthenticationClient({ appId: pool.appId, appHost: hall.url, onError: quiet, ...options });
    const read = new Set();
    /** The code that was sent to an address and has not been read yet. */
    const codeFor = async (to) => {
      for (let tries = 0; tries < 100; tries++) {
        const { json } = await pool.bare('GET', `/dev/inbox?format=json&to=${encodeURIComponent(to)}`);
        const message = json.messages.find((m) => !read.has(m.id));
        if (message) return read.add(message.id), message.code;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`no code was sent to ${to}`);
    };
    const update = async (change) => {
      const answer = await pool.signed('POST', '/api/v3/update-application', { appId: pool.appId, ...change });
      assert.equal(answer.statusCode, 200, JSON.stringify(answer));
    };
    const password = 'Passw0rd!';
    let serial = 0;
    /** A client of somebody new, who is signed in. */
    const somebody = async (options) => {
      const authing = client();
      const username = `user${++serial}`;
      const user = await authing.registerByUsername(username, password, { nickname: `Nick ${serial}` }, { forceLogin: true, ...options });
      return { authing, user, username };
    };

    await t.test('registerByEmail, with a profile and with custom data', async () => {
      const user = await client().registerByEmail('Ann@Example.com', password, { nickname: 'Annie', company: 'Steel & Co' }, { customData: { school: 'MIT' } });
      has(user, { email: 'ann@example.com', nickname: 'Annie', company: 'Steel & Co', token: null });
      assert.deepEqual(await pool.v2.users.getUdfValue(user.id), { school: 'MIT' });
      await refuses(client().registerByEmail('ann@example.com', password), 2026);
      await refuses(client().registerByEmail('weak@example.com', 'x'), 2061);
    });

    await t.test('registerByUsername: a token when one is asked for', async () => {
      assert.equal((await client().registerByUsername('plain', password)).token, null);
      assert.ok((await client().registerByUsername('withtoken', password, null, { generateToken: true })).token);
      const { authing, user } = await somebody();
      assert.ok(user.token);
      assert.equal((await authing.getCurrentUser()).id, user.id);
    });

    await t.test('registerByPhoneCode and registerByEmailCode', async () => {
      const authing = client();
      await authing.sendSmsCode('13800000001', '+86');
      const phone = await authing.registerByPhoneCode('13800000001', await codeFor('+8613800000001'), password, null, { phoneCountryCode: '+86', forceLogin: true });
      has(phone, { phone: '13800000001', phoneVerified: true });
      await authing.sendEmail('code@example.com', EmailScene.RegisterVerifyCode ?? 'REGISTER_VERIFY_CODE');
      const email = await client().registerByEmailCode('code@example.com', await codeFor('code@example.com'), { nickname: 'Code' });
      has(email, { email: 'code@example.com', emailVerified: true, nickname: 'Code' });
    });

    await t.test('loginByEmail, loginByUsername, loginByPhonePassword, loginBySubAccount', async () => {
      const ann = await client().loginByEmail('ann@example.com', password);
      assert.ok(ann.token);
      assert.equal(ann.loginsCount, 1);
      assert.equal((await client().loginByUsername('plain', password)).username, 'plain');
      assert.equal((await client().loginByPhonePassword('13800000001', password)).phone, '13800000001');
      assert.equal((await client().loginBySubAccount('ann@example.com', password)).id, ann.id);
      await refuses(client().loginByEmail('ann@example.com', 'wrong'), 2333);
      await refuses(client().loginByEmail('nobody@example.com', password), 2333);
      const refusal = await client().loginByUsername('plain', 'wrong').catch((error) => error);
      assert.equal(typeof refusal.data.remainCount, 'number');
    });

    await t.test('loginBy…, autoRegister', async () => {
      const name = await client().loginByUsername('fresh', password, { autoRegister: true });
      has(name, { username: 'fresh' });
      assert.ok(name.token);
      const email = await client().loginByEmail('Fresh@Example.com', password, { autoRegister: true });
      assert.equal(email.email, 'fresh@example.com');
      assert.ok(email.token);
    });

    await t.test('loginByPhoneCode, loginByEmailCode', async () => {
      const authing = client();
      await authing.sendSmsCode('13800000001', '+86', 'login');
      assert.equal((await authing.loginByPhoneCode('13800000001', await codeFor('+8613800000001'), { phoneCountryCode: '+86' })).phone, '13800000001');
      await authing.sendEmail('ann@example.com', 'LOGIN_VERIFY_CODE');
      assert.equal((await authing.loginByEmailCode('ann@example.com', await codeFor('ann@example.com'))).email, 'ann@example.com');
      await refuses(authing.sendEmail('ann@example.com', 'LOGIN_VERIFY_CODE'), 2080);
      await refuses(client().loginByEmailCode('ann@example.com', '000000'));
    });

    await t.test('loginByLdap and loginByAd answer by name that they are not served', async () => {
      await refuses(client().loginByLdap('ann', password), 501);
      const answer = await pool.bare('POST', '/api/v2/ad/verify-user', { body: '{}', headers: { 'content-type': 'application/json' } });
      assert.equal(answer.json.code, 501);
    });

    await t.test('checkLoginStatus, checkPasswordStrength, isUserExists, validateToken, trackSession', async () => {
      const { authing, user, username } = await somebody();
      has(await authing.checkLoginStatus(), { code: 200, status: true });
      assert.equal((await client().checkLoginStatus('x')).status, false);
      assert.equal((await authing.checkPasswordStrength('Passw0rd!')).valid, true);
      assert.equal((await authing.checkPasswordStrength('asdas21asd')).valid, false);
      assert.equal(await client().isUserExists({ username }), true);
      assert.equal(await client().isUserExists({ email: 'nobody@example.com' }), false);
      assert.equal((await authing.validateToken({ idToken: user.token })).sub, user.id);
      assert.equal((await authing.validateToken({ idToken: '1' })).code, 400);
      assert.deepEqual(await client().trackSession(), { session: null });
    });

    await t.test('refreshToken', async () => {
      const { authing, user } = await somebody();
      const { token } = await authing.refreshToken();
      assert.notEqual(token, user.token);
      assert.equal((await client({ token }).getCurrentUser()).id, user.id);
    });

    await t.test('updateProfile, and what it does not change', async () => {
      const { authing, user } = await somebody();
      has(await authing.updateProfile({ nickname: 'Neu', company: 'Acme' }), { id: user.id, nickname: 'Neu', company: 'Acme' });
      assert.equal((await authing.getCurrentUser())?.nickname, 'Neu', 'the client keeps its token');
      for (const change of [{ phone: '13900000000' }, { email: 'x@example.com' }, { unionid: 'x' }, { openid: 'x' }, { blocked: false }]) {
        await refuses(authing.updateProfile(change));
      }
    });

    await t.test('updatePassword', async () => {
      const { authing, user, username } = await somebody();
      await refuses(authing.updatePassword('An0ther-one!'), 2201);
      await refuses(authing.updatePassword('An0ther-one!', 'wrong'), 2203);
      const other = client();
      await other.loginByUsername(username, password);
      assert.equal((await authing.updatePassword('An0ther-one!', password)).id, user.id);
      assert.equal((await authing.getCurrentUser())?.id, user.id, 'this sign-in goes on');
      assert.equal(await other.getCurrentUser(), null, 'the others end');
      await refuses(client().loginByUsername(username, password), 2333);
      await client().loginByUsername(username, 'An0ther-one!');
    });

    await t.test('resetPasswordByEmailCode, resetPasswordByPhoneCode', async () => {
      const authing = client();
      const { code } = await authing.sendEmail('ann@example.com', EmailScene.ResetPassword);
      assert.equal(code, 200);
      await refuses(authing.resetPasswordByEmailCode('ann@example.com', '000000', 'An0ther-one!'));
      assert.equal((await authing.resetPasswordByEmailCode('ann@example.com', await codeFor('ann@example.com'), 'An0ther-one!')).code, 200);
      await client().loginByEmail('ann@example.com', 'An0ther-one!');
      await authing.sendSmsCode('13800000001', '+86', 'reset');
      assert.equal((await authing.resetPasswordByPhoneCode('13800000001', await codeFor('+8613800000001'), 'An0ther-one!', '+86')).code, 200);
      await client().loginByPhonePassword('13800000001', 'An0ther-one!');
    });

    await t.test('resetPasswordByFirstLoginToken', async () => {
      await pool.v2.users.create({ username: 'made', password }, { resetPasswordOnFirstLogin: true });
      const refusal = await client().loginByUsername('made', password).catch((error) => error);
      assert.equal(refusal.code, 1639);
      const { token } = refusal.data;
      assert.equal((await client().resetPasswordByFirstLoginToken({ token, password: 'An0ther-one!' })).code, 200);
      assert.ok((await client().loginByUsername('made', 'An0ther-one!')).token);
      await refuses(client().resetPasswordByFirstLoginToken({ token, password: 'An0ther-one!' }), 2021);
      await refuses(client().resetPasswordByForceResetToken({ token: 'x', oldPassword: password, newPassword: password }), 2021);
    });

    await t.test('bindEmail, updateEmail, unbindEmail, bindPhone, updatePhone, unbindPhone', async () => {
      const { authing } = await somebody();
      const mail = async (email, scene) => (await authing.sendEmail(email, scene), codeFor(email));
      const sms = async (phone, scene) => (await authing.sendSmsCode(phone, '+86', scene), codeFor(`+86${phone}`));
      assert.equal((await authing.bindEmail('b1@example.com', await mail('b1@example.com', 'EMAIL_BIND_VERIFY_CODE'))).email, 'b1@example.com');
      const [fresh, old] = [await mail('b2@example.com', EmailScene.ChangeEmail), await mail('b1@example.com', EmailScene.ChangeEmail)];
      assert.equal((await authing.updateEmail('b2@example.com', fresh, 'b1@example.com', old)).email, 'b2@example.com');
      assert.equal((await authing.unbindEmail()).email, null);
      assert.equal((await authing.bindPhone('13800000011', await sms('13800000011', 'bind'), '+86')).phone, '13800000011');
      const [next, before] = [await sms('13800000012'), await sms('13800000011')];
      assert.equal((await authing.updatePhone('13800000012', next, '13800000011', before, '+86', '+86')).phone, '13800000012');
      assert.equal((await authing.unbindPhone()).phone, null);
      assert.ok(await authing.getCurrentUser(), 'the client keeps its token');
    });

    await t.test('listUdv, setUdv, removeUdv, getUdfValue, setUdfValue, removeUdfValue', async () => {
      const { authing } = await somebody();
      await pool.v2.udf.set('USER', 'motto', 'STRING', 'Motto');
      await pool.v2.udf.set('USER', 'size', 'NUMBER', 'Size');
      await authing.setUdv('motto', 'slowly');
      assert.equal((await authing.listUdv()).find((v) => v.key === 'motto').value, 'slowly');
      await refuses(authing.setUdv('nowhere', '1'));
      await refuses(authing.setUdv('size', 'large'));
      await authing.removeUdv('motto');
      await authing.setUdfValue({ school: '华中科技大学', size: 3 });
      assert.deepEqual(await authing.getUdfValue(), { school: '华中科技大学', size: 3 });
      await authing.removeUdfValue('school');
      assert.deepEqual(await authing.getUdfValue(), { size: 3 });
    });

    await t.test('listOrgs, listDepartments, listAuthorizedResources, hasRole, listApplications, getSecurityLevel', async () => {
      const { authing, user } = await somebody();
      await pool.v2.roles.create('editor', 'Editor');
      await pool.v2.roles.addUsers('editor', [user.id]);
      assert.deepEqual(await authing.listOrgs(), []);
      assert.ok(await authing.listDepartments());
      has(await authing.listAuthorizedResources('default'), { list: [], totalCount: 0 });
      assert.equal(await authing.hasRole('editor'), true);
      assert.equal(await authing.hasRole('nobody'), false);
      const { list, totalCount } = await authing.listApplications();
      assert.equal(totalCount, 1);
      assert.equal(list[0].id, pool.appId);
      has(await authing.getSecurityLevel(), { password: true, email: false, phone: false, mfa: false });
    });

    await t.test('logout, logoutCurrent', async () => {
      for (const method of ['logout', 'logoutCurrent']) {
        const { authing, user } = await somebody();
        await authing[method]();
        assert.equal(await client({ token: user.token }).getCurrentUser(), null, method);
        assert.equal((await client({ token: user.token }).checkLoginStatus()).status, false);
      }
    });

    await t.test('a token that is worth nothing', async () => {
      for (const token of ['x', 'a.b.c', `${(await somebody()).user.token}x`]) {
        const authing = client({ token });
        assert.equal(await authing.getCurrentUser(), null);
        await refuses(authing.unbindEmail(), 2207);
        await refuses(authing.getSecurityLevel(), 2207);
      }
      await refuses(client().unbindEmail(), 2020);
    });

    await t.test('a code is scanned, allowed and exchanged', async () => {
      await refuses(client().qrcode.geneCode(), 2037);
      await update({
        loginConfig: { enabledBasicLoginMethods: ['USERNAME_PASSWORD', 'EMAIL_PASSWORD', 'PHONE_PASSWORD', 'PHONE_CODE', 'EMAIL_CODE', 'SELF_BUILT_APP_QRCODE'], showAuthorizationPage: false },
      });
      const page = client();
      const phone = await somebody();
      const act = (qrcodeId, action) => pool.bearer('POST', '/api/v3/set-qrcode-status', { qrcodeId, action }, { token: phone.user.token });
      const { random, url } = await page.qrcode.geneCode();
      assert.match(url, /^data:image\/png;base64,/);
      has(await page.qrcode.checkStatus(random), { random, status: 0 });
      assert.deepEqual((await act(random, 'CONFIRM')).statusCode, 422);
      assert.deepEqual((await act(random, 'SCAN')).data, { success: true });
      has(await page.qrcode.checkStatus(random), { status: 1 });
      assert.deepEqual((await act(random, 'CONFIRM')).data, { success: true });
      const { status, ticket } = await page.qrcode.checkStatus(random);
      assert.equal(status, 2);
      await refuses(page.qrcode.exchangeUserInfo(ticket), 1001);
      const trusted = await pool.rest('POST', '/api/v2/qrcode/userinfo', { ticket }, { headers: { 'x-authing-app-id': pool.appId } });
      assert.equal(trusted.data.id, phone.user.id);
      assert.equal((await client({ token: trusted.data.token }).getCurrentUser()).id, phone.user.id);
      assert.equal((await pool.rest('POST', '/api/v2/qrcode/userinfo', { ticket }, { headers: { 'x-authing-app-id': pool.appId } })).code, 2109);
      has(await page.qrcode.checkStatus('x'), { status: -1 });
      const second = await page.qrcode.geneCode();
      await act(second.random, 'SCAN');
      await act(second.random, 'CANCEL');
      has(await page.qrcode.checkStatus(second.random), { status: 3 });
      await refuses(page.wxqrcode.geneCode(), 501);
      await refuses(page.wechatmpqrcode.geneCode(), 501);
    });
  },
  { flags: ['--dev'] },
);
