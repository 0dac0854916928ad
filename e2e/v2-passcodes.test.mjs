// One-time codes over authing-js-sdk: by text, by mail, and the link that an administrator sends.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { inbox, onEachEngine } from './lib/guildhall.mjs';
import { done, has, refuses } from './lib/v2.mjs';

const { AuthenticationClient, EmailScene, SceneType } = createRequire(import.meta.url)('authing-js-sdk');

/** Resolves when promise is refused with a code of the wire: the authentication client throws {code, message, data}, or its JSON. */
async function refusedWith(promise, code) {
  await assert.rejects(promise, (error) => {
    const told = error.code === undefined ? JSON.parse(error.message) : error;
    assert.equal(told.code, code, told.message);
    return true;
  });
}

onEachEngine(
  'V2 passcodes',
  async (t, hall) => {
    const [pool] = hall.pools;
    const client = new AuthenticationClient({ appId: pool.appId, appHost: hall.url, userPoolId: pool.userPoolId });

    await t.test('by text', async () => {
      done({ code: 200, ...(await client.sendSmsCode('13800138000')) });
      await refusedWith(client.sendSmsCode('13800138000'), 2080);
      await client.sendSmsCode('13800138000', '+86', SceneType.SCENE_TYPE_LOGIN);
      const texts = await inbox(hall, '+8613800138000', 2);
      assert.equal(texts[0].kind, 'LOGIN_VERIFY_CODE');
      assert.ok(texts[0].text.startsWith('【first】') && texts[0].text.includes(texts[0].code));
      await pool.v2.users.create({ phone: '13800138000' });
      const user = await client.loginByPhoneCode('13800138000', texts[0].code);
      has(user, { phone: '13800138000' });
      await refusedWith(client.loginByPhoneCode('13800138000', texts[0].code), 2300);
      await refusedWith(client.sendSmsCode('no number'), 400);
    });

    await t.test('by mail', async () => {
      done(await client.sendEmail('ann@example.com', EmailScene.ResetPassword));
      await refusedWith(client.sendEmail('ann@example.com', EmailScene.ResetPassword), 2080);
      const [mail] = await inbox(hall, 'ann@example.com');
      has(mail, { kind: 'RESET_PASSWORD_VERIFY_CODE', channel: 'mail' });
    });

    await t.test('the link of an administrator', async () => {
      const user = await pool.v2.users.create({ email: 'bob@example.com' });
      assert.equal(await pool.v2.users.sendFirstLoginVerifyEmail({ userId: user.id, appId: pool.appId }), true);
      await refuses(pool.v2.users.sendFirstLoginVerifyEmail({ userId: user.id, appId: pool.appId }), 2080);
      const [mail] = await inbox(hall, 'bob@example.com');
      assert.ok(mail.link.startsWith(`${hall.url}/verify-email?token=`), mail.link);
      assert.equal((await pool.bare('GET', mail.link.slice(hall.url.length))).status, 200);
      has(await pool.v2.users.detail(user.id), { emailVerified: false }); // readers of mail open links by themselves
    });

    await t.test('a picture that is tied to the browser', async () => {
      const picture = await pool.bare('GET', '/api/v2/security/captcha?r=1', { headers: { 'x-authing-userpool-id': pool.userPoolId } });
      assert.equal(picture.headers.get('content-type'), 'image/svg+xml');
      assert.match(picture.headers.get('set-cookie'), /HttpOnly/i);
    });
  },
  { flags: ['--dev'] },
);
