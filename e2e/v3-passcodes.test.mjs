// One-time codes, captchas and mails over authing-node-sdk: the domain passcode of its authentication client, and every operation of the
// domain message of its management client.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { codeFor, inbox, onEachEngine } from './lib/guildhall.mjs';

const { AuthenticationClient } = createRequire(import.meta.url)('authing-node-sdk');

onEachEngine(
  'V3 passcodes',
  async (t, hall) => {
    const [pool] = hall.pools;
    const client = new AuthenticationClient({ appId: pool.appId, appSecret: pool.appSecret, appHost: hall.url, redirectUri: 'https://app.test/cb' });

    await t.test('by mail', async () => {
      ok(await client.sendEmail({ email: 'Ann@Example.com', channel: 'CHANNEL_LOGIN' }));
      refused(await client.sendEmail({ email: 'ann@example.com', channel: 'CHANNEL_LOGIN' }), 429);
      ok(await client.sendEmail({ email: 'ann@example.com', channel: 'CHANNEL_RESET_PASSWORD' }));
      refused(await client.sendEmail({ email: 'nonsense', channel: 'CHANNEL_LOGIN' }), 400);
      const mails = await inbox(hall, 'ann@example.com', 2);
      const login = mails.find(({ kind }) => kind === 'LOGIN_VERIFY_CODE');
      assert.match(login.code, /^\d{6}$/);
      assert.ok(login.text.includes(login.code) && login.html.includes(login.code));
      const check = (passCode, channel) => client.preCheckCode({ codeType: 'EMAIL', emailCodePayload: { email: 'ann@example.com', passCode, channel } });
      for (let i = 0; i < 3; i++) assert.deepEqual(ok(await check(login.code, 'CHANNEL_LOGIN')), { isValid: true });
      assert.equal(ok(await check('no code', 'CHANNEL_RESET_PASSWORD')).isValid, false);
    });

    await t.test('by text, five guesses', async () => {
      ok(await client.sendSms({ phoneNumber: '13800138000', channel: 'CHANNEL_LOGIN' }));
      refused(await client.sendSms({ phoneNumber: '138 0013 8000', phoneCountryCode: '+86', channel: 'CHANNEL_LOGIN' }), 429);
      const right = await codeFor(hall, '+8613800138000');
      const check = async (passCode) =>
        ok(await client.preCheckCode({ codeType: 'SMS', smsCodePayload: { phone: '13800138000', passCode, channel: 'CHANNEL_LOGIN' } })).isValid;
      assert.equal(await check(right), true);
      const wrong = right === '000000' ? '000001' : '000000';
      for (let i = 0; i < 5; i++) assert.equal(await check(wrong), false);
      assert.equal(await check(right), false);
    });

    await t.test('captcha', async () => {
      const { captchaCodeSvg, captchaToken } = ok(await client.geneCatchaCodeAndToken());
      assert.match(captchaCodeSvg, /^<svg .*data:image\/png;base64,/);
      assert.ok(captchaToken.length > 40);
      const old = await pool.bare('GET', '/api/v3/captcha-code', { headers: { 'x-authing-app-id': pool.appId } });
      assert.equal(old.headers.get('content-type'), 'image/svg+xml');
    });

    await t.test('mails as the pool words them', async () => {
      const recorder = new Recorder(pool.v3);
      const v3 = recorder.client;
      const { templates } = ok(await v3.getEmailTemplates());
      assert.equal(templates.length, 15);
      const own = {
        type: 'REGISTER_VERIFY_CODE',
        customizeEnabled: true,
        name: 'ours',
        subject: '{{code}} <-',
        sender: 'The {{app_name}} team',
        content: '<h1>Hello {{user_name}}</h1><p>{{verify_code}}</p>',
      };
      ok(await v3.updateEmailTemplate(own));
      refused(await v3.updateEmailTemplate({ ...own, content: '{{nonsense}}' }), 400);
      assert.match(ok(await v3.previewEmailTemplate({ type: own.type })).content, /<p>123456<\/p>/);
      refused(await v3.previewEmailTemplate({ type: 'NONSENSE' }), 400);
      ok(await client.sendEmail({ email: 'bob@example.com', channel: 'CHANNEL_REGISTER' }));
      const [mail] = await inbox(hall, 'bob@example.com');
      assert.equal(mail.subject, `${mail.code} <-`);
      assert.equal(mail.html, `<h1>Hello bob@example.com</h1><p>${mail.code}</p>`);
      assert.equal(mail.from, 'The first team');

      assert.deepEqual(ok(await v3.getEmailProvider()), { enabled: false });
      const smtpConfig = { smtp_host: '127.0.0.1', smtp_port: 1, sender: 'id@example.com', senderPass: 'hush', secure: true };
      const set = ok(await v3.configEmailProvider({ type: 'custom', enabled: false, smtpConfig }));
      assert.deepEqual(set.smtpConfig, { ...smtpConfig, senderPass: '******' });
      refused(await v3.configEmailProvider({ type: 'custom', enabled: true }), 422);
      recorder.assertComplete('message', { neverRefuses: ['getEmailTemplates', 'getEmailProvider'] });
    });

    await t.test('the inbox is for the developer alone', async () => {
      assert.equal((await pool.bare('GET', '/dev/inbox')).status, 200);
      assert.equal((await pool.bare('GET', '/dev/inbox', { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403);
      assert.equal((await pool.bare('GET', '/dev/inbox', { headers: { origin: 'https://evil.test' } })).status, 403);
    });
  },
  { flags: ['--dev'] },
);

onEachEngine('without the developer mode', async (t, { pools: [pool] }) => {
  assert.equal((await pool.bare('GET', '/dev/inbox')).status, 404);
  assert.equal((await pool.bare('GET', '/dev/inbox?dev=true&format=json', { headers: { 'x-guildhall-dev': 'true' } })).status, 404);
  const answer = await pool.bare('POST', '/api/v3/send-email', {
    headers: { 'content-type': 'application/json', 'x-authing-app-id': pool.appId },
    body: JSON.stringify({ email: 'ann@example.com', channel: 'CHANNEL_LOGIN' }),
  });
  refused(answer.json, 422, '未配置邮件服务');
});
