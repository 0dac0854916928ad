// Guard, the vendor's login component, unmodified from npm in a headless Chromium.
import assert from 'node:assert/strict';
import { openBrowser, packageDir, pageHost, pageOrigin, serverHost, serverOrigin, servePages } from './lib/browser.mjs';
import { totp } from './lib/factor.mjs';
import { onEachEngine } from './lib/guildhall.mjs';

const events = [
  'load', 'load-error', 'before-login', 'login', 'login-error', 'before-register', 'register', 'register-error', 'email-send', 'email-send-error',
  'phone-send', 'phone-send-error', 'pwd-reset', 'pwd-reset-error', 'login-tab-change', 'register-tab-change', 'lang-change', 'after-change-module', 'close',
];

// A page as a developer writes it: nothing on it is ours but the record of events.
const guardPage = `<!doctype html><meta charset="utf-8"><title>A page with Guard</title><link rel="stylesheet" href="/guard/guard.min.css">
<div id="root"></div><script src="/guard/guard.min.js"></script><script>
const q = new URLSearchParams(location.search);
window.seen = [];
const plain = (v) => { try { return v instanceof Error ? v.message : JSON.parse(JSON.stringify(v ?? null)); } catch { return String(v); } };
window.guard = new GuardFactory.Guard({ appId: q.get('app'), host: q.get('host'), redirectUri: location.origin + '/callback',
  ...(q.get('lang') ? { lang: q.get('lang') } : {}), config: JSON.parse(q.get('config') || '{}') });
for (const name of ${JSON.stringify(events)}) guard.on(name, (...args) => seen.push({ name, args: args.map(plain) }));
guard.start('#root').then((user) => (window.started = user), (error) => (window.refused = plain(error)));
</script>`;

onEachEngine(
  'Guard',
  async (t, hall) => {
    const pool = hall.pools[0];
    const pages = await servePages({ '/guard/': `${packageDir('@authing/guard')}/dist/global`, '/index.html': guardPage, '/callback': '<!doctype html><title>back</title>back' });
    t.after(() => pages.close());
    const browser = await openBrowser({ [pageHost]: pages.port, [serverHost]: hall.port });
    t.after(() => browser.close());

    const update = async (change) => {
      const answer = await pool.signed('POST', '/api/v3/update-application', { appId: pool.appId, ...change });
      assert.equal(answer.statusCode, 200, JSON.stringify(answer));
    };
    await update({ redirectUris: [`${pageOrigin}/callback`], logoutRedirectUris: [`${pageOrigin}/callback`] });

    /** Opens a page with Guard in a browser of its own, and waits until the form is there. */
    const open = async ({ lang = 'en-US', config, app = pool.appId, visit } = {}) => {
      visit ??= await browser.visit();
      const query = new URLSearchParams({ app, host: serverOrigin, lang, config: JSON.stringify(config ?? {}) });
      await visit.page.goto(`${pageOrigin}/index.html?${query}`);
      const { page } = visit;
      Object.assign(visit, {
        event: (name) => page.waitForFunction((wanted) => window.seen.find((e) => e.name === wanted), name, { timeout: 15_000 }).then((h) => h.jsonValue()),
        names: () => page.evaluate(() => window.seen.map((e) => e.name)),
        stored: () => page.evaluate(() => [localStorage.getItem('_authing_token'), JSON.parse(localStorage.getItem('_authing_user') || 'null')]),
        said: (pattern) => page.getByText(pattern).first().waitFor({ timeout: 10_000 }),
      });
      await visit.event('load');
      await page.locator('#passworLogin_account').waitFor({ timeout: 15_000 });
      return visit;
    };
    /** The newest code that was sent to an address. */
    const codeFor = async (to) => {
      for (let tries = 0; tries < 50; tries++) {
        const { json } = await pool.bare('GET', `/dev/inbox?to=${encodeURIComponent(to)}&format=json`);
        if (json.messages.length > 0) return json.messages[0].code;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`no code was sent to ${to}`);
    };
    const person = (name) => pool.v2.users.create({ username: name, email: `${name}@example.com`, password: 'Passw0rd!' });
    const enter = async (visit, account, password) => {
      await visit.page.fill('#passworLogin_account', account);
      await visit.page.fill('#passworLogin_password', password);
      await visit.page.locator('.password-login button[type=submit], .authing-g2-submit-button').first().click();
    };

    const ann = await person('ann');

    await t.test('loads, logged out', async () => {
      const visit = await open();
      await visit.shot('guard-01-loaded');
      const [query] = visit.to('/graphql/v2');
      assert.ok(query, 'Guard asks who is logged in');
      assert.equal(query.status, 200);
      assert.equal((await visit.answer('/graphql/v2')).errors?.[0]?.message?.code, 2020);
      assert.deepEqual(visit.calls.filter((call) => call.status !== 200), []);
      assert.deepEqual(visit.faults, []);
      assert.deepEqual(visit.lost, []);
      await visit.close();
    });

    await t.test('signs in by password', async () => {
      const visit = await open();
      await enter(visit, 'ann', 'Passw0rd!');
      const { args: [user] } = await visit.event('login');
      await visit.shot('guard-02-signed-in');
      assert.equal(user.id, ann.id);
      const [token, kept] = await visit.stored();
      assert.equal(token, user.token);
      assert.equal(kept.id, ann.id);
      assert.equal((await visit.page.evaluate(() => window.started))?.id, ann.id);
      assert.equal((await pool.bare('GET', '/api/v2/users/me', { headers: { authorization: token } })).json.data.id, ann.id);
      const names = (await visit.context.cookies(serverOrigin)).filter((c) => c.name.includes('guildhall-'));
      assert.equal(names.length, 1, 'the session has a cookie');
      assert.ok(names[0].httpOnly);
      assert.ok(!(await visit.names()).includes('login-error'));

      // The page is opened again: Guard finds its user by the token that it kept.
      await visit.page.reload();
      await visit.page.waitForFunction(() => window.started, undefined, { timeout: 15_000 });
      assert.equal((await visit.page.evaluate(() => window.started)).id, ann.id);
      const status = await visit.page.evaluate(() => guard.checkLoginStatus());
      assert.equal(status.code, 200);
      assert.equal(status.status, true);
      const tracked = await visit.page.evaluate(() => guard.trackSession());
      assert.equal(tracked.id, ann.id);

      // Logging out ends it everywhere.
      await Promise.all([visit.page.waitForURL(`${pageOrigin}/callback`), visit.page.evaluate(() => void guard.logout())]);
      assert.equal((await pool.bare('GET', '/api/v2/users/me', { headers: { authorization: token } })).json.code, 2207);
      assert.equal((await visit.context.cookies(serverOrigin)).filter((c) => c.name.includes('guildhall-')).length, 0);
      await visit.close();
    });

    await t.test('says that the password is wrong, and how many tries are left', async () => {
      const visit = await open();
      await enter(visit, 'ann', 'not-the-password');
      const { args: [error] } = await visit.event('login-error');
      await visit.shot('guard-03-wrong-password');
      assert.ok([2333, 9999].includes(error.code), JSON.stringify(error));
      await visit.said(/you can try \d+ times/);
      assert.deepEqual(await visit.stored(), [null, null]);
      await visit.close();
    });

    await t.test('nobody has the account: the same answer', async () => {
      const visit = await open();
      await enter(visit, 'nobody-at-all', 'Passw0rd!');
      const { args: [error] } = await visit.event('login-error');
      assert.ok([2333, 9999].includes(error.code), JSON.stringify(error));
      await visit.close();
    });

    await t.test('registers by e-mail', async () => {
      const visit = await open();
      const { page } = visit;
      await page.locator('.register-link, .go-to-register .link-like').first().click();
      await page.fill('#emailRegister_email', 'new@example.com');
      await page.fill('#emailRegister_password', 'Passw0rd!');
      await page.fill('#emailRegister_new-password', 'Passw0rd!');
      await visit.shot('guard-04-register');
      await page.locator('.authing-g2-submit-button').first().click();
      const { args: [user] } = await visit.event('register');
      await visit.shot('guard-05-registered');
      assert.equal(user.email, 'new@example.com');
      await page.locator('#passworLogin_account').waitFor();
      await enter(visit, 'new@example.com', 'Passw0rd!');
      assert.equal((await visit.event('login')).args[0].id, user.id);
      await visit.close();
    });

    await t.test('sets a forgotten password anew by a mailed code', async () => {
      await person('bea');
      const visit = await open();
      const { page } = visit;
      await page.locator('.forget-password-link, .forget-password .link-like').first().click();
      await page.fill('#rePassword_identify', 'bea@example.com');
      await visit.shot('guard-06-forgotten');
      await page.getByText('Send Code', { exact: true }).click();
      await visit.event('email-send');
      const code = await codeFor('bea@example.com');
      await fillCode(page, '#rePassword_code', code);
      await page.locator('.authing-g2-submit-button').first().click();
      await page.locator('#resetPassword_password').waitFor();
      await visit.shot('guard-07-new-password');
      await page.fill('#resetPassword_password', 'An0ther-one!');
      const again = page.locator('#resetPassword_new-password, #resetPassword_passwordAgain, input[id^=resetPassword_]').last();
      await again.fill('An0ther-one!');
      await page.locator('.authing-g2-submit-button').first().click();
      await visit.event('pwd-reset');
      await visit.shot('guard-08-password-reset');
      await visit.close();
      const after = await open();
      await enter(after, 'bea', 'An0ther-one!');
      await after.event('login');
      await after.close();
    });

    await t.test('signs in by a mailed code', async () => {
      const cay = await person('cay');
      const visit = await open();
      const { page } = visit;
      await page.getByText('Email Code', { exact: true }).click();
      const address = page.locator('.authing-ant-tabs-tabpane-active input').first();
      await address.waitFor();
      await address.fill('cay@example.com');
      await visit.shot('guard-09-code');
      await page.getByText('Send Code', { exact: true }).click();
      await visit.event('email-send');
      await fillCode(page, '#phoneCode_code', await codeFor('cay@example.com'));
      await page.locator('.authing-g2-submit-button').first().click();
      assert.equal((await visit.event('login')).args[0].id, cay.id);
      await visit.shot('guard-10-signed-in-by-code');
      await visit.close();
    });

    await t.test('enrols a one-time password that the application wants, and asks for it from then on', async () => {
      const demand = async (enabledFactors) => {
        const answer = await pool.signed('POST', '/api/v3/update-application-mfa-settings', {
          appId: pool.appId,
          enabledFactors,
          disabledFactors: enabledFactors.length > 0 ? [] : ['OTP'],
        });
        assert.equal(answer.statusCode, 200, JSON.stringify(answer));
      };
      const dee = await person('dee');
      await demand(['OTP']);
      try {
        const visit = await open();
        const { page } = visit;
        await enter(visit, 'dee', 'Passw0rd!');
        await visit.said('Please go to the OTP binding page to bind');
        await visit.shot('guard-13-wants-a-factor');
        await page.getByText('Confirm', { exact: true }).click();
        const digits = page.locator('input[data-input-otp]');
        await digits.waitFor();
        await page.locator('img[src^="data:image/png"]').first().waitFor();
        await visit.shot('guard-14-enrol');
        const { secret, recovery_code: recovery } = (await visit.answer('/api/v2/mfa/totp/associate')).data;
        await digits.pressSequentially(totp(secret), { delay: 30 });
        await visit.said('Please keep the recovery code properly');
        await visit.shot('guard-15-recovery-code');
        await page.locator('#remember').check();
        await page.getByText('Complete binding', { exact: true }).click();
        assert.equal((await visit.event('login')).args[0].id, dee.id);
        assert.ok((await visit.stored())[0]);
        await visit.close();

        // From now on it is asked for; a wrong one is refused with the server's words, and does not end the sign-in.
        const again = await open();
        await enter(again, 'dee', 'Passw0rd!');
        const asked = again.page.locator('input[data-input-otp]');
        await asked.waitFor();
        await again.shot('guard-16-second-factor');
        await asked.pressSequentially('000000', { delay: 30 });
        await again.page.locator('.authing-ant-message-error').first().waitFor();
        await again.shot('guard-17-wrong-second-factor');
        assert.equal((await again.answer('/interaction/authFlow')).apiCode, 6001);
        assert.deepEqual(await again.stored(), [null, null]);
        for (let n = 0; n < 6; n++) await asked.press('Backspace');
        await asked.pressSequentially(totp(secret), { delay: 30 });
        assert.equal((await again.event('login')).args[0].id, dee.id);
        await again.close();

        // Who has lost the device shows the recovery code instead, and is given a new one.
        const lost = await open();
        await enter(lost, 'dee', 'Passw0rd!');
        await lost.page.locator('input[data-input-otp]').waitFor();
        await lost.page.getByText('Use recovery code', { exact: false }).first().click();
        const field = lost.page.locator('#recoveryCode_recoveryCode, input[id$=recoveryCode]');
        await field.fill('0000-0000');
        await lost.page.locator('.authing-g2-submit-button').first().click();
        await lost.page.locator('.authing-ant-message-error').first().waitFor();
        await lost.shot('guard-20-wrong-recovery-code');
        await field.fill(recovery);
        await lost.page.locator('.authing-g2-submit-button').first().click();
        await lost.said(/Generate a new recovery code/);
        await lost.shot('guard-21-next-recovery-code');
        await lost.page.getByRole('checkbox').check();
        await lost.page.getByText('Confirm', { exact: true }).click();
        assert.equal((await lost.event('login')).args[0].id, dee.id);
        await lost.close();
      } finally {
        await demand([]);

      }
    });

    await t.test('signs in by a code that is scanned', async () => {
      const eve = await person('eve');
      const { token } = await pool.v2.users.refreshToken(eve.id);
      await update({
        loginConfig: {
          enabledBasicLoginMethods: ['USERNAME_PASSWORD', 'EMAIL_PASSWORD', 'PHONE_PASSWORD', 'PHONE_CODE', 'EMAIL_CODE', 'SELF_BUILT_APP_QRCODE'],
          showAuthorizationPage: false,
        },
      });
      await pool.data(
        `mutation($i: UpdateUserpoolInput!) {updateUserpool(input: $i) {id}}`,
        { i: { qrcodeLoginStrategy: { allowExchangeUserInfoFromBrowser: true } } },
      );
      const visit = await open();
      const begun = visit.page.waitForResponse((r) => r.url().endsWith('/api/v2/qrcode/gene') && r.request().method() === 'POST');
      await visit.page.locator('.g2-qrcode-switch').click();
      const { random } = (await (await begun).json()).data;
      await visit.page.waitForResponse((r) => r.url().includes('/api/v2/qrcode/check'));
      await visit.shot('guard-18-code-to-scan');
      const act = (action) => pool.bearer('POST', '/api/v3/set-qrcode-status', { qrcodeId: random, action }, { token });
      assert.equal((await act('SCAN')).statusCode, 200);
      await visit.page.waitForResponse(async (r) => r.url().includes('/api/v2/qrcode/check') && (await r.json()).data.status === 1);
      await visit.page.waitForTimeout(500);
      await visit.shot('guard-19-scanned');
      assert.equal((await act('CONFIRM')).statusCode, 200);
      assert.equal((await visit.event('login')).args[0].id, eve.id);
      assert.ok((await visit.stored())[0]);
      await visit.close();
    });

    await t.test('signs in by a code on the phone', async () => {
      const { id } = await pool.v2.users.create({ username: 'fay', phone: '13800000001', phoneCountryCode: '+86' });
      const visit = await open();
      const { page } = visit;
      await page.getByText('Phone Code', { exact: true }).click();
      await page.getByPlaceholder('Phone number').fill('13800000001');
      await visit.shot('guard-22-phone');
      await page.getByText('Send Code', { exact: true }).click();
      await fillCode(page, '#phoneCode_code', await codeFor('+8613800000001'));
      await page.locator('.authing-g2-submit-button').first().click();
      assert.equal((await visit.event('login')).args[0].id, id);
      await visit.close();
    });

    await t.test('asks what a picture shows', async () => {
      const policy = async (robotVerify) => {
        const answer = await pool.signed('POST', '/api/v3/x/update-sign-in-policy', { robotVerify });
        assert.equal(answer.statusCode, 200, JSON.stringify(answer));
      };
      await policy('always_enable');
      try {
        const visit = await open();
        const { page } = visit;
        await enter(visit, 'ann', 'Passw0rd!');
        const picture = page.locator('img[src*="/api/v2/security/captcha"]');
        await picture.waitFor();
        assert.ok(await picture.evaluate((e) => e.decode().then(() => e.naturalWidth > 0)), 'the picture is not shown');
        const first = await picture.getAttribute('src');
        await visit.shot('guard-23-captcha');
        await page.fill('#passworLogin_captchaCode', 'x');
        await page.locator('.password-login button[type=submit], .authing-g2-submit-button').first().click();
        await page.waitForFunction((old) => document.querySelector('img[src*="/api/v2/security/captcha"]')?.src !== old, first);
        assert.deepEqual(await visit.stored(), [null, null]);
        assert.ok(!(await visit.names()).includes('login'));
        await visit.close();
      } finally {
        await policy('disable');
      }
    });

    await t.test('speaks Chinese', async () => {
      const visit = await open({ lang: 'zh-CN' });
      await visit.said('登录');
      await visit.shot('guard-11-chinese');
      await enter(visit, 'ann', 'not-the-password');
      await visit.event('login-error');
      await visit.shot('guard-12-chinese-wrong-password');
      await visit.page.evaluate(() => guard.changeLang('en-US'));
      await visit.said(/forg[eo]t password/i); // the page changes the language under way
      await visit.shot('guard-24-english');
      await visit.close();
    });
  },
  { on: ['sqlite', 'postgres18'], baseURL: serverOrigin, flags: ['--dev'] },
);

/** Writes a code: into one field, or into one for each digit. */
async function fillCode(page, field, code) {
  if (await page.locator(field).count()) return page.fill(field, code);
  const digits = page.locator('input[data-input-otp], .authing-verify-code-input input');
  for (const [i, digit] of [...code].entries()) await digits.nth(i).fill(digit);
}
