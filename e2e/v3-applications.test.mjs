// Applications, security settings and second factors over authing-node-sdk: every operation of the three domains.
import assert from 'node:assert/strict';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, isID, isTime, unknownID } from './lib/v2.mjs';

const did = { success: true };
const noApp = '应用不存在';
const names = (list) => list.map(({ appName }) => appName);

const full = {
  appName: 'Full',
  appIdentifier: 'full-one',
  appLogo: 'https://cdn.example.com/l.png',
  appDescription: 'all there is',
  redirectUris: ['https://a.example.com/cb?x=1', 'http://localhost:3000/cb'],
  logoutRedirectUris: ['https://a.example.com/out'],
  initLoginUri: 'https://a.example.com/start',
  ssoEnabled: false,
  oidcConfig: {
    grant_types: ['authorization_code', 'implicit', 'refresh_token'],
    response_types: ['code', 'code id_token'],
    token_endpoint_auth_method: 'client_secret_basic',
    id_token_signed_response_alg: 'RS256',
    access_token_expire: 3600,
    require_pkce: true,
    backchannel_logout_uri: 'https://a.example.com/bye',
    allowed_origins: ['https://*.example.com'],
    custom_claims: { nick: 'nickname' },
  },
  samlConfig: { acs: 'https://x' },
  oauthProviderEnabled: true,
  oauthConfig: { redirect_uris: ['https://a.example.com/o'], access_token_lifetime: 600 },
  casConfig: { a: 1 },
  loginConfig: {
    mergeLoginAndRegisterPage: true,
    enabledBasicLoginMethods: ['PHONE_CODE', 'SELF_BUILT_APP_QRCODE'],
    defaultLoginMethod: { connectionType: 'QRCODE', qrcodeType: 'SELF_BUILT_APP' },
    showAuthorizationPage: true,
  },
  registerConfig: { enabledBasicRegisterMethods: ['PHONE_CODE'], defaultRegisterMethod: 'PASSCODE' },
  brandingConfig: {
    customCSSEnabled: true,
    customCSS: 'a{}',
    guardVersion: 'Classical',
    customLoadingImage: 'https://cdn.example.com/i',
    customBackground: 'https://cdn.example.com/b',
    showChangeLanguageButton: false,
    defaultLanguage: 'en-US',
    showForgetPasswordButton: false,
    showEnterpriseConnections: false,
    showSocialConnections: false,
  },
};

/** Checks that what was sent is there, down to the single member; what else is there does not matter. */
function holds(actual, sent, where = 'it') {
  for (const [key, value] of Object.entries(sent)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) holds(actual[key], value, `${where}.${key}`);
    else assert.deepEqual(actual[key], value, `${where}.${key}`);
  }
}

onEachEngine('V3 applications', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const { appId } = pool;
  const [ann, bob] = ok(await v3.createUsersBatch({ list: [{ username: 'ann', nickname: 'Annie', password: 'Passw0rd!' }, { username: 'bob' }] })).map(
    ({ userId }) => userId,
  );
  let plain;
  let made;

  await t.test('the first application is ready', async () => {
    const app = ok(await v3.getApplication({ appId }));
    holds(app, { appId, appType: 'web', userPoolId: pool.userPoolId, ssoEnabled: true, redirectUris: [], defaultProtocol: 'oidc' });
    assert.deepEqual(app.oidcConfig.grant_types, ['authorization_code', 'refresh_token', 'client_credentials']);
    assert.deepEqual(ok(await v3.getApplicationSecret({ appId })), { secret: pool.appSecret });
  });

  await t.test('createApplication', async () => {
    plain = ok(await v3.createApplication({ appName: 'Plain' }));
    isID(plain.appId);
    isTime(plain.ssoEnabledAt);
    holds(plain, { appName: 'Plain', appType: 'web', oidcConfig: { id_token_signed_response_alg: 'HS256', token_endpoint_auth_method: 'client_secret_post' } });
    made = ok(await v3.createApplication({ ...full, appType: 'native' }));
    holds(made, { ...full, appType: 'native', customBrandingEnabled: true });
    holds(ok(await v3.getApplication({ appId: made.appId })), full);
    holds(ok(await v3.createApplication({ appName: 'Page', appType: 'spa' })), {
      oidcConfig: { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'RS256', grant_types: ['authorization_code', 'refresh_token'] },
    });
  });

  await t.test('createApplication refuses', async (t) => {
    for (const [name, parameters, statusCode, message] of [
      ['no name', {}, 400, '参数 appName 格式错误'],
      ['a blank name', { appName: ' ' }, 400, '参数 appName 格式错误'],
      ['a name with NUL', { appName: 'a\u0000' }, 400, '参数 appName 格式错误'],
      ['a taken identifier', { appName: 'x', appIdentifier: 'full-one' }, 409, '应用标识已被占用'],
      ['a wrong type', { appName: 'x', appType: 'car' }, 400, '参数 appType 格式错误'],
      ['a script as redirect', { appName: 'x', redirectUris: ['javascript:alert(1)'] }, 400, '回调地址 javascript:alert(1) 不合法'],
      ['a fragment', { appName: 'x', redirectUris: ['https://a.example.com/#x'] }, 400, /回调地址/],
      ['a relative redirect', { appName: 'x', redirectUris: ['/cb'] }, 400, /回调地址/],
      ['a scheme of its own on the web', { appName: 'x', redirectUris: ['app:cb'] }, 400, /回调地址/],
      ['endless redirects', { appName: 'x', redirectUris: Array(101).fill('https://a.example.com/') }, 400, /redirectUris/],
      ['SAML', { appName: 'x', samlProviderEnabled: true }, 501, '暂不支持协议 saml'],
      ['CAS', { appName: 'x', casProviderEnabled: true }, 501, '暂不支持协议 cas'],
      ['a template', { appName: 'x', template: 'jira', templateData: {} }, 404, '集成应用模版 jira 不存在'],
      ['a connection', { appName: 'x', loginConfig: { enabledExtIdpConnIds: [{ extIdpConnId: 'c' }] } }, 404, '身份源连接 c 不存在'],
      ['an unknown member', { appName: 'x', oidcConfig: { colour: 1 } }, 400, '参数 oidcConfig.colour 格式错误'],
      ['alg none', { appName: 'x', oidcConfig: { id_token_signed_response_alg: 'none' } }, 400, '参数 id_token_signed_response_alg 格式错误'],
      ['tokens in the front channel', { appName: 'x', oidcConfig: { grant_types: ['implicit'], response_types: ['id_token token'] } }, 422, /legacy/],
      ['a response type without grant', { appName: 'x', oidcConfig: { response_types: ['id_token'] } }, 422, '返回类型 id_token 需要授权模式 implicit'],
    ]) {
      await t.test(name, async () => refused(await v3.createApplication(parameters), statusCode, message));
    }
    assert.equal(ok(await v3.listApplications({})).totalCount, 4);
  });

  await t.test('updateApplication', async () => {
    assert.deepEqual(ok(await v3.updateApplication({ appId: plain.appId, ...full, appIdentifier: 'full-two' })), did);
    holds(ok(await v3.getApplication({ appId: plain.appId })), { ...full, appIdentifier: 'full-two', appType: 'web' });
    ok(await v3.updateApplication({ appId: plain.appId, appName: 'Plain', ssoEnabled: true, appDescription: '', redirectUris: [] }));
    holds(ok(await v3.getApplication({ appId: plain.appId })), {
      ...full,
      appName: 'Plain',
      appIdentifier: 'full-two',
      ssoEnabled: true,
      appDescription: '',
      redirectUris: [],
    });
    // What was read can be sent back whole.
    const { appName, oidcConfig, oauthConfig, loginConfig, registerConfig, brandingConfig } = ok(await v3.getApplication({ appId: plain.appId }));
    const { enabledExtIdpConns, ...login } = loginConfig;
    const { showAgreement, agreements, ...branding } = brandingConfig;
    ok(await v3.updateApplication({ appId: plain.appId, appName, oidcConfig, oauthConfig, loginConfig: login, registerConfig, brandingConfig: branding }));
    ok(await v3.updateApplication({ appId: plain.appId, ssoShowLaunchpad: true, enablePermissionApply: true }));
    for (const [parameters, statusCode, message] of [
      [{ appId: unknownID, appName: 'x' }, 404, noApp],
      [{ appId: plain.appId, appIdentifier: 'full-one' }, 409, '应用标识已被占用'],
      [{ appId: plain.appId, appName: '' }, 400, '参数 appName 格式错误'],
      [{ appId: plain.appId, redirectUris: ['data:text/html,x'] }, 400, /回调地址/],
      [{ appName: 'x' }, 400, '参数 appId 格式错误'],
    ]) {
      refused(await v3.updateApplication(parameters), statusCode, message);
    }
  });

  await t.test('lists and simple infos', async () => {
    assert.deepEqual(names(ok(await v3.listApplications({})).list), ['Page', 'Full', 'Plain', 'first']);
    assert.deepEqual(names(ok(await v3.listApplications({ page: 2, limit: 3 })).list), ['first']);
    assert.deepEqual(names(ok(await v3.listApplications({ keywords: 'PLA' })).list), ['Plain']);
    assert.deepEqual(names(ok(await v3.listApplications({ ssoEnabled: true })).list), ['Page', 'Plain', 'first']);
    assert.deepEqual(ok(await v3.listApplications({ isIntegrateApp: true })), { totalCount: 0, list: [] });
    assert.equal(ok(await v3.listApplications({ isIntegrateApp: true, all: true })).totalCount, 4);
    refused(await v3.listApplications({ limit: 51 }), 400, '参数 limit 格式错误');
    refused(await v3.getApplication({ appId: unknownID }), 404, noApp);
    const info = { appId: made.appId, appIdentifier: 'full-one', appName: 'Full', appType: 'native', isIntegrateApp: false };
    has(ok(await v3.getApplicationSimpleInfo({ appId: made.appId })), info);
    refused(await v3.getApplicationSimpleInfo({ appId: 'x' }), 404, noApp);
    has(ok(await v3.listApplicationSimpleInfo({ keywords: 'full-one' })).list[0], info);
    refused(await v3.listApplicationSimpleInfo({ page: 0 }), 400, '参数 page 格式错误');
    has(ok(await v3.listTenantApplications({ page: '1', limit: '10', keywords: 'full-one', ssoEnabled: false })).list[0], { appId: made.appId, tenantAppId: '' });
    refused(await v3.listTenantApplications({ page: 'x', limit: '10', keywords: '', ssoEnabled: true }), 400, '参数 page 格式错误');
    assert.deepEqual(names(ok(await v3.getVerifyConfigApp({ keywords: 'plain' })).list), ['Plain']);
    refused(await v3.getVerifyConfigApp({ keywords: 'x'.repeat(3000) }), 400, '参数 keywords 格式错误');
  });

  await t.test('secrets', async () => {
    const { secret } = ok(await v3.getApplicationSecret({ appId: plain.appId }));
    const fresh = ok(await v3.refreshApplicationSecret({ appId: plain.appId })).secret;
    assert.match(fresh, /^[0-9a-f]{32}$/);
    assert.notEqual(fresh, secret);
    assert.deepEqual(ok(await v3.getApplicationSecret({ appId: plain.appId })), { secret: fresh });
    refused(await v3.getApplicationSecret({ appId: unknownID }), 404, noApp);
    refused(await v3.refreshApplicationSecret({ appId: unknownID }), 404, noApp);
    const { list } = ok(await v3.getAdminAuditLogs({ resourceType: 'application' }));
    assert.ok(list.length > 3);
    for (const text of [secret, fresh]) assert.ok(!JSON.stringify(list).includes(text), 'the log holds no secret');
  });

  await t.test('checkDomainAvailable', async () => {
    assert.deepEqual(ok(await v3.checkDomainAvailable({ domain: 'full-one.example.com' })), { available: false });
    assert.deepEqual(ok(await v3.checkDomainAvailable({ domain: 'free-one' })), { available: true });
    refused(await v3.checkDomainAvailable({ domain: '' }), 400, '参数 domain 格式错误');
  });

  await t.test('who may enter, and has', async () => {
    const list = [{ targetType: 'USER', targetIdentifier: [ann], effect: 'ALLOW' }];
    assert.deepEqual(ok(await v3.updateApplicationPermissionStrategy({ appId: made.appId, permissionStrategy: 'DENY_ALL' })), did);
    ok(await v3.authorizeApplicationAccess({ appId: made.appId, list }));
    const apps = async (operation, userId) => names(ok(await v3[operation]({ userId })));
    assert.deepEqual(await apps('getUserAccessibleApps', ann), ['Page', 'Full', 'Plain', 'first']);
    assert.deepEqual(await apps('getUserAccessibleApps', bob), ['Page', 'Plain', 'first']);
    assert.deepEqual(await apps('getUserAuthorizedApps', ann), ['Full']);
    assert.deepEqual(await apps('getUserAuthorizedApps', bob), []);

    assert.deepEqual(ok(await v3.listApplicationActiveUsers({ appId })), { totalCount: 0, list: [] });
    const answer = await pool.v3answer('POST', '/api/v3/signin', {
      headers: { 'content-type': 'application/json', 'x-authing-app-id': appId },
      body: JSON.stringify({ connection: 'PASSWORD', passwordPayload: { username: 'ann', password: 'Passw0rd!' }, client_id: appId, client_secret: pool.appSecret }),
    });
    assert.equal(answer.statusCode, 200, JSON.stringify(answer));
    const active = ok(await v3.listApplicationActiveUsers({ appId, options: { pagination: { page: 1, limit: 10 }, withCustomData: true } }));
    assert.equal(active.totalCount, 1);
    has(active.list[0], { userId: ann, username: 'ann' });
    refused(await v3.listApplicationActiveUsers({ appId: unknownID }), 404, noApp);
  });

  await t.test('the page of a pool', async () => {
    has(ok(await v3.userpollTenantConfig()), { userPoolId: pool.userPoolId, isUserPoolAsTenant: false, createTenantScenes: [], enableJoinTenant: false });
    assert.deepEqual(ok(await v3.updateUserPoolTenantConfig({ update: { enableJoinTenant: true, joinTenantScenes: ['a'] } })), did);
    assert.deepEqual(ok(await v3.updateLoginPageConfig({ update: { enableCreateTenant: true, ssoPageCustomizationSettings: { x: 1 } } })), did);
    assert.deepEqual(ok(await v3.updateTenantQrCodeState({ enabled: true })), did);
    const page = ok(await v3.userpollTenantConfig());
    has(page, { enableCreateTenant: true, enableJoinTenant: true, joinTenantScenes: ['a'], ssoPageCustomizationSettings: { x: 1 } });
    assert.ok(page.loginConfig.enabledBasicLoginMethods.includes('SELF_BUILT_APP_QRCODE'));
    refused(await v3.updateLoginPageConfig({ update: { passwordTabConfig: [1] } }), 400, '参数 passwordTabConfig 格式错误');
    refused(await v3.updateUserPoolTenantConfig({}), 400, '参数 update 格式错误');
    refused(await v3.updateTenantQrCodeState({}), 400, '参数 enabled 格式错误');
    refused(await v3.changeUserpoolTenanExtIdpConnState({ enabled: true, connIds: ['c'] }), 404, '身份源连接 c 不存在');
  });

  await t.test('deleteApplication', async () => {
    assert.deepEqual(ok(await v3.deleteApplication({ appId: made.appId })), did);
    refused(await v3.getApplication({ appId: made.appId }), 404, noApp);
    refused(await v3.deleteApplication({ appId: made.appId }), 404, noApp);
    ok(await v3.createApplication({ appName: 'Again', appIdentifier: 'full-one' }));
  });

  await t.test('no operation was left out', () =>
    recorder.assertComplete('applications', {
      elsewhere: [
        'detailAuthSubject',
        'listAuthSubject',
        'listAuthApplication',
        'enabledAuth',
        'deleteAuth',
        'getApplicationPermissionStrategy',
        'updateApplicationPermissionStrategy',
        'authorizeApplicationAccess',
        'revokeApplicationAccess',
      ],
      neverSucceeds: ['changeUserpoolTenanExtIdpConnState'],
      neverRefuses: ['userpollTenantConfig'],
    }),
  );
});

onEachEngine('V3 security and MFA', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const { appId } = pool;
  const { userId } = ok(await v3.createUser({ username: 'ann', nickname: 'Annie' }));
  const fail = (limit) => ({ enabled: true, limit, timeInterval: 60, unit: 'Second' });
  const settings = {
    authingTokenExpiresIn: 3600,
    verifyCodeLength: 4,
    verifyCodeMaxAttempts: 3,
    changeEmailStrategy: { verifyOldEmail: false },
    changePhoneStrategy: { verifyOldPhone: false },
    cookieSettings: { cookieExpiresIn: 7200, cookieExpiresOnBrowserSession: true },
    registerDisabled: true,
    registerAnomalyDetection: { enabled: true, limit: 3, timeInterval: 60 },
    completePasswordAfterPassCodeLogin: true,
    loginAnomalyDetection: {
      loginFailStrategy: 'block-account',
      robotVerify: 'always_enable',
      accountLock: 'disable',
      loginFailCheck: fail(1),
      loginPasswordFailCheck: fail(2),
      accountLockLoginPasswordFailCheck: fail(3),
      robotVerifyLoginPasswordFailCheck: fail(4),
      robotVerifyLoginIpWhitelistCheck: { enabled: true, ipWhitelist: '192.0.2.0/24' },
      robotVerifyLoginTimeCheckEnable: true,
      robotVerifyloginWeekStartEndTime: ['1 08:00-18:00'],
    },
    loginRequireEmailVerified: true,
    selfUnlockAccount: { enabled: false, strategy: 'password-captcha' },
    enableLoginAccountSwitch: true,
    qrcodeLoginStrategy: {
      qrcodeExpiresIn: 60,
      qrcodeExpiresInUnit: 'Second',
      ticketExpiresIn: 70,
      ticketExpiresInUnit: 'Second',
      allowExchangeUserInfoFromBrowser: true,
      returnFullUserInfo: true,
    },
  };

  await t.test('security settings', async () => {
    holds(ok(await v3.getSecuritySettings()), { verifyCodeLength: 6, verifyCodeMaxAttempts: 5, registerDisabled: false, authingTokenExpiresIn: 1209600 });
    const allowedOrigins = ['https://a.example.com', 'https://*.b.example.com'];
    const answer = ok(await v3.updateSecuritySettings({ ...settings, allowedOrigins }));
    assert.deepEqual(answer, { ...settings, allowedOrigins: allowedOrigins.join('\n') });
    assert.deepEqual(ok(await v3.getSecuritySettings()), answer);
    assert.deepEqual(ok(await v3.updateSecuritySettings({ verifyCodeLength: 5 })), { ...answer, verifyCodeLength: 5 });
    has((await pool.data('{ userpool { registerDisabled tokenExpiresAfter verifyCodeLength } }')).userpool, { registerDisabled: true, tokenExpiresAfter: 3600, verifyCodeLength: 5 });
    for (const [parameters, message] of [
      [{ verifyCodeLength: 3 }, '参数 verifyCodeLength 格式错误'],
      [{ verifyCodeMaxAttempts: 0 }, '参数 verifyCodeMaxAttempts 格式错误'],
      [{ allowedOrigins: ['*'] }, '参数 allowedOrigins 格式错误'],
      [{ loginAnomalyDetection: { robotVerify: 'sometimes' } }, '参数 robotVerify 格式错误'],
      [{ cookieSettings: { cookieExpiresIn: 1, cookieExpiresOnBrowserSession: false } }, '参数 cookieExpiresIn 格式错误'],
      [{ registerDisabled: 'no' }, '参数 registerDisabled 格式错误'],
    ]) {
      refused(await v3.updateSecuritySettings(parameters), 400, message);
    }
    assert.equal(ok(await v3.getSecuritySettings()).verifyCodeLength, 5);
  });

  await t.test('second factors', async () => {
    const factors = (list) => ({ enabledFactors: list });
    const asked = async () => ok(await v3.getMfaTriggerData({ appId, userId })).applicationMfa.map(({ mfaPolicy }) => mfaPolicy);
    assert.deepEqual(ok(await v3.getGlobalMfaSettings()), factors([]));
    assert.deepEqual(ok(await v3.updateGlobalMfaSettings(factors(['OTP', 'EMAIL']))), factors(['OTP', 'EMAIL']));
    assert.deepEqual(await asked(), ['OTP', 'EMAIL']);
    assert.deepEqual(ok(await v3.closeGlobalMfaSettings({ disableFactors: ['OTP'] })), factors(['EMAIL']));
    assert.deepEqual(ok(await v3.getGlobalMfaSettings()), factors(['EMAIL']));
    assert.deepEqual(ok(await v3.updateApplicationMfaSettings({ appId, enabledFactors: ['SMS'], disabledFactors: ['EMAIL'] })), factors(['SMS']));
    assert.deepEqual(await asked(), ['SMS']);
    has(ok(await v3.getMfaTriggerData({ appId, userId: 'ann', userIdType: 'username' })), { mfaToken: '', nickname: 'Annie', totpMfaEnabled: false });
    refused(await v3.updateGlobalMfaSettings(factors(['FACE'])), 501, '暂不支持认证因素 FACE');
    refused(await v3.updateGlobalMfaSettings({}), 400, '参数 enabledFactors 格式错误');
    refused(await v3.closeGlobalMfaSettings({ disableFactors: ['PIN'] }), 400, '参数 disableFactors 格式错误');
    refused(await v3.updateApplicationMfaSettings({ appId: unknownID, enabledFactors: ['OTP'] }), 404, noApp);
    refused(await v3.getMfaTriggerData({ appId: unknownID, userId }), 404, noApp);
    refused(await v3.getMfaTriggerData({ appId, userId: unknownID }), 404, '用户不存在');
  });

  await t.test('no operation was left out', () => {
    recorder.assertComplete('security', { neverRefuses: ['getSecuritySettings'] });
    recorder.assertComplete('mfa', { neverRefuses: ['getGlobalMfaSettings'] });
  });
});
