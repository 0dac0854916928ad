// What the login component loads before anybody has signed in: the public configuration and the rest of its start, from pages of right
// and of wrong origins.
import assert from 'node:assert/strict';
import { onEachEngine } from './lib/guildhall.mjs';

/** A value at a path such as "loginTabs.list". */
const at = (data, path) => path.split('.').reduce((value, key) => value?.[key], data);

// What the component breaks without, by the type that it must have.
const needed = {
  id: 'string',
  userPoolId: 'string',
  name: 'string',
  logo: 'string',
  publicKey: 'string',
  cdnBase: 'string',
  requestHostname: 'string',
  ssoPageComponentDisplay: 'object',
  'ssoPageComponentDisplay.autoRegisterThenLoginHintInfo': 'boolean',
  'ssoPageComponentDisplay.forgetPasswordBtn': 'boolean',
  'ssoPageComponentDisplay.registerBtn': 'boolean',
  passwordTabConfig: 'object',
  'passwordTabConfig.validLoginMethods': 'array',
  'passwordTabConfig.enabledLoginMethods': 'array',
  'passwordTabConfig.validRegisterMethods': 'array',
  verifyCodeTabConfig: 'object',
  'verifyCodeTabConfig.enabledLoginMethods': 'array',
  'verifyCodeTabConfig.validLoginMethods': 'array',
  'verifyCodeTabConfig.validRegisterMethods': 'array',
  loginTabs: 'object',
  'loginTabs.list': 'array',
  'loginTabs.default': 'string',
  registerTabs: 'object',
  'registerTabs.list': 'array',
  'registerTabs.default': 'string',
  tabMethodsFields: 'array',
  qrcodeTabsSettings: 'object',
  complateFiledsPlace: 'array',
  extendsFields: 'array',
  verifyCodeLength: 'number',
  oidcConfig: 'object',
  'oidcConfig.redirect_uris': 'array',
  'oidcConfig.token_endpoint_auth_method': 'string',
  'oidcConfig.introspection_endpoint_auth_method': 'string',
  logoutRedirectUris: 'array',
  allowedOrigins: 'array',
  corsWhitelist: 'array',
  agreements: 'array',
  agreementEnabled: 'boolean',
  socialConnections: 'array',
  identityProviders: 'array',
  registerDisabled: 'boolean',
  enabledMatchEmailDomain: 'boolean',
  mergeAdAndAccountPasswordLogin: 'boolean',
  skipComplateFileds: 'boolean',
  enableCompletePassword: 'boolean',
  enabledPPRegisterValid: 'boolean',
  passwordStrength: 'number',
  customSecurityEnabled: 'boolean',
  appRobotVerify: 'string',
  userpoolRobotVerify: 'string',
  'loginSmsConfig.robot.switch': 'string',
  'registerSmsConfig.robot.switch': 'string',
  'internationalSmsConfig.enabled': 'boolean',
  'internationalSmsConfig.defaultISOType': 'string',
  deviceFuncEnabled: 'boolean',
  passkeyEnabled: 'boolean',
  mfaBindConfigs: 'array',
  regexRules: 'array',
  'tabMethodsSortConfig.loginMethodsSort': 'array',
  'qrCodeSortConfig.loginMethodsSort': 'array',
  isTenantConsole: 'boolean',
  isTenantDefault: 'boolean',
  enableLoginAccountSwitch: 'boolean',
};

const kind = (value) => (Array.isArray(value) ? 'array' : typeof value);

onEachEngine('The public configuration', async (t, { pools: [pool], url }) => {
  const page = 'https://page.example.com';
  await pool.v2.applications.httpClient.request({
    method: 'POST',
    url: `${url}/api/v2/applications/${pool.appId}`,
    data: { redirectUris: ['https://app.example.com/callback'], allowedOrigins: [page], agreementEnabled: true },
  });
  await pool.v2.applications.createAgreement(pool.appId, { title: 'Terms', lang: 'en-US' });
  const config = `/api/v2/applications/${pool.appId}/public-config`;

  await t.test('has what the component needs', async () => {
    const { json, status } = await pool.bare('GET', config);
    assert.deepEqual([status, json.code, json.statusCode], [200, 200, 200]);
    for (const [path, type] of Object.entries(needed)) assert.equal(kind(at(json.data, path)), type, path);
    const { data } = json;
    assert.ok(data.oidcConfig.redirect_uris.length > 0);
    assert.deepEqual(data.loginTabs, { list: ['password', 'phone-code'], default: 'password', title: {} });
    assert.deepEqual(data.allowedOrigins, [page]);
    assert.deepEqual(data.agreements.map(({ title, lang, availableAt }) => [title, lang, availableAt]), [['Terms', 'en-US', 0]]);
    assert.equal(data.deviceFuncEnabled, false, 'the component would load a third party');
    assert.match(data.publicKey, /^-----BEGIN PUBLIC KEY-----/);
    assert.equal(data.cdnBase, `${url}/cdn`);
    const text = JSON.stringify(json);
    for (const secret of [pool.appSecret, pool.userPoolSecret, pool.accessKeySecret]) assert.ok(!text.includes(secret), 'a secret is in it');
  });

  await t.test('comes with its icons, its component and its logo', async () => {
    const { json } = await pool.bare('GET', `/api/v2/applications/${pool.appId}/components-public-config/guard`);
    assert.equal(json.code, 200);
    assert.equal(kind(json.data.global.showChangeLanguage), 'boolean');
    assert.equal(kind(json.data.global.defaultLanguage), 'string');
    const icons = await pool.bare('GET', '/cdn/svg-string/guard?v=1');
    assert.match(icons.text, /^<svg.*<symbol id="authing-a-lock-line1".*<\/svg>$/s);
    const logo = await pool.bare('GET', new URL((await pool.bare('GET', config)).json.data.logo).pathname);
    assert.equal(logo.headers.get('content-type'), 'image/svg+xml');
    const { json: matched } = await pool.bare('POST', `/api/v2/applications/${pool.appId}/matchIdpConnByAccount`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ account: 'a@example.com' }),
    });
    assert.deepEqual(matched.data, { matched: false });
    const { json: countries } = await pool.bare('GET', '/api/v2/country-list');
    assert.deepEqual([countries.data.zh.CN, countries.data.en.CN], ['中国', 'China']);
    const { json: key } = await pool.bare('GET', '/api/v2/.well-known', { headers: { 'x-authing-app-id': pool.appId } });
    assert.equal(key.data.publicKey, (await pool.bare('GET', config)).json.data.publicKey);
  });

  await t.test('is read from everywhere, and the rest from the application alone', async () => {
    const cors = async (method, path, origin, headers = {}) => {
      const response = await pool.bare(method, path, { headers: { origin, ...headers } });
      assert.match(response.headers.get('vary') ?? '', /Origin/);
      return [response.headers.get('access-control-allow-origin'), response.headers.get('access-control-allow-credentials')];
    };
    const app = { 'x-authing-app-id': pool.appId };
    const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type,x-authing-app-id' };
    for (const origin of [page, 'https://app.example.com', url]) {
      assert.deepEqual(await cors('GET', config, origin), [origin, 'true'], origin);
      assert.deepEqual(await cors('POST', '/graphql/v2', origin, app), [origin, 'true'], origin);
      assert.deepEqual(await cors('OPTIONS', '/api/v3/signin', origin, preflight), [origin, 'true'], origin);
    }
    for (const origin of ['https://evil.example', 'http://page.example.com', 'https://page.example.com.evil.example', 'http://localhost:3000', 'null']) {
      assert.deepEqual(await cors('GET', config, origin), ['*', null], origin);
      assert.deepEqual(await cors('POST', '/graphql/v2', origin, app), [null, null], origin);
      assert.deepEqual(await cors('OPTIONS', '/api/v3/signin', origin, preflight), [null, null], origin);
      assert.deepEqual(await cors('GET', '/api/v2/users/me', origin, app), [null, null], origin);
    }
  });

  await t.test('tells who exists, for a while', async () => {
    await pool.v2.users.create({ username: 'ann', email: 'ann@example.com' });
    const find = async (query) => (await pool.bare('GET', `/api/v2/users/find?${query}`, { headers: { 'x-authing-app-id': pool.appId } })).json;
    assert.equal((await find(`userPoolId=${pool.userPoolId}&key=ann@example.com&type=email`)).data, true);
    assert.equal((await find(`userPoolId=${pool.userPoolId}&key=bob@example.com&type=email`)).data, false);
    const answers = await Promise.all(Array.from({ length: 80 }, () => find('key=ann&type=username')));
    assert.ok(answers.some(({ code }) => code === 1000), 'nobody stops who asks on and on');
  });

  await t.test('an unknown application has none', async () => {
    for (const id of ['ffffffffffffffffffffffff', 'x']) assert.equal((await pool.bare('GET', `/api/v2/applications/${id}/public-config`)).json.code, 2011);
  });

  await t.test('the provider answers under the application too', async () => {
    const keys = await pool.bare('GET', `/${pool.appId}/oidc/.well-known/jwks.json`);
    assert.equal(keys.status, 200);
    assert.deepEqual(keys.json, (await pool.bare('GET', '/oidc/.well-known/jwks.json', { headers: { 'x-authing-app-id': pool.appId } })).json);
  });
});
