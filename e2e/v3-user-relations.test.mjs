// What hangs on a user, over authing-node-sdk: groups, roles, grants, identities, factors, sessions, resignation. Users
// themselves are in v3-users.test.mjs and v3-users-list.test.mjs.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, isID, isTime, unknownID } from './lib/v2.mjs';

const none = { totalCount: 0, list: [] };

// Operations that read something of one user: what they answer for a user of whom there is nothing to tell.
const readers = [
  ['getUserIdentities', []],
  ['getUserRoles', none],
  ['getUserPrincipalAuthenticationInfo', none],
  ['getUserDepartments', none],
  ['getUserGroups', none],
  ['getUserMfaInfo', { totpStatus: 'disabled', faceMfaStatus: 'disabled', smsMfaStatus: 'disabled', emailMfaStatus: 'disabled' }],
  ['getUserLoginHistory', none],
  ['getUserLoggedinApps', []],
  ['getUserLoggedinIdentities', []],
  ['getUserAuthorizedResources', none],
  ['getUserSyncRelations', []],
  ['getUserAccessibleApps'],
  ['getUserAuthorizedApps'],
  ['getUserMfaStatus'],
];

onEachEngine('V3 user relations', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const [user, other] = ok(
    await v3.createUsersBatch({
      list: [
        { username: 'zhangsan', email: 'zhang@example.com', phone: '13800000001', externalId: 'ext-1', password: 'a-Secret-1' },
        { username: 'lisi' },
      ],
    }),
  );
  const { userId } = user;

  for (const [operation, expected] of readers) {
    await t.test(operation, async (t) => {
      for (const [userIdType, value] of [
        ['user_id', userId],
        ['email', 'ZHANG@example.com'],
        ['phone', '13800000001'],
        ['username', 'zhangsan'],
        ['external_id', 'ext-1'],
      ]) {
        const data = ok(await v3[operation]({ userId: value, userIdType }));
        if (expected) assert.deepEqual(data, expected);
      }
      for (const [name, parameters, statusCode, message] of [
        ['an empty id', { userId: '' }, 400, '参数 userId 格式错误'],
        ['an unknown id', { userId: unknownID }, 404, '用户不存在'],
        ['no id at all', { userId: 'nonsense' }, 404, '用户不存在'],
        ['a malformed email', { userId: 'a', userIdType: 'email' }, 400, '参数 userId 格式错误'],
        ['a wrong type of id', { userId, userIdType: 'nonsense' }, 400, '参数 userIdType 格式错误'],
      ]) {
        await t.test(`refuses ${name}`, async () => refused(await v3[operation](parameters), statusCode, message));
      }
    });
  }

  await t.test('paging of what a user has', async () => {
    for (const operation of ['getUserDepartments', 'getUserLoginHistory']) {
      refused(await v3[operation]({ userId, page: 0 }), 400, '参数 page 格式错误');
      refused(await v3[operation]({ userId, limit: 51 }), 400, /limit/);
    }
    refused(await v3.getUserDepartments({ userId, sortBy: 'Nonsense' }), 400, '参数 sortBy 格式错误');
  });

  await t.test('isUserExists', async (t) => {
    for (const [by, exists] of [
      [{ username: 'zhangsan' }, true],
      [{ username: 'Zhangsan' }, false],
      [{ email: 'ZHANG@example.com' }, true],
      [{ phone: '13800000001' }, true],
      [{ externalId: 'ext-1' }, true],
      [{ externalId: 'ext-9' }, false],
      [{ username: 'nobody', phone: '13800000001' }, true],
    ]) {
      await t.test(JSON.stringify(by), async () => assert.deepEqual(ok(await v3.isUserExists(by)), { exists }));
    }
    refused(await v3.isUserExists({}), 400, '参数 username, email, phone, externalId 格式错误');
  });

  await t.test('getUserGroups tells each group whole', async () => {
    const made = ok(await v3.createGroup({ code: 'developer', name: 'Developer', description: 'who develop', type: 'static' }));
    ok(await v3.addGroupMembers({ code: 'developer', userIds: [userId] }));
    const { totalCount, list } = ok(await v3.getUserGroups({ userId }));
    assert.deepEqual([totalCount, list.length], [1, 1]);
    assert.deepEqual(Object.keys(list[0]).toSorted(), ['code', 'description', 'id', 'members', 'metadataSource', 'name', 'type']);
    has(list[0], { id: made.id, code: 'developer', name: 'Developer', description: 'who develop', type: 'static', metadataSource: [] });
    has(list[0].members[0], {
      userId,
      username: 'zhangsan',
      status: 'Activated',
      workStatus: 'Active',
      gender: 'U',
      email: 'zhang@example.com',
    });
    assert.deepEqual(ok(await v3.getUserGroups({ userId: other.userId })), none);
  });

  await t.test('roles', async () => {
    const { createRole } = await pool.data('mutation { createRole(code: "admin", description: "all") { id } }');
    await pool.v2.users.addRoles(userId, ['admin']);
    for (const namespace of [undefined, 'default']) {
      const { totalCount, list } = ok(await v3.getUserRoles({ userId, namespace }));
      assert.deepEqual([totalCount, list.length], [1, 1]);
      has(list[0], { id: createRole.id, code: 'admin', description: 'all', namespace: 'default' });
    }
    refused(await v3.getUserRoles({ userId, namespace: 'nonsense' }), 404, '权限组不存在');
    for (const [roles, hasAnyRole] of [
      [[{ namespace: 'default', code: 'admin' }], true],
      [[{ code: 'admin' }], true],
      [[{ code: 'other' }, { code: 'admin' }], true],
      [[{ code: 'other' }], false],
    ]) {
      assert.deepEqual(ok(await v3.hasAnyRole({ userId, roles })), { hasAnyRole });
    }
    assert.deepEqual(ok(await v3.hasAnyRole({ userId: 'lisi', roles: [{ code: 'admin' }], options: { userIdType: 'username' } })), {
      hasAnyRole: false,
    });
    refused(await v3.hasAnyRole({ userId, roles: [] }), 400, '参数 roles 格式错误');
    refused(await v3.hasAnyRole({ userId: unknownID, roles: [{ code: 'admin' }] }), 404, '用户不存在');
  });

  await t.test('authorized resources', async () => {
    await pool.data(
      'mutation($u: String) { allow(resource: "books:1", action: "books:read", userId: $u, namespace: "default") { code } }',
      { u: userId },
    );
    await pool.data('mutation { allow(resource: "books:2", action: "books:edit", roleCode: "admin", namespace: "default") { code } }');
    const codes = async (parameters) =>
      ok(await v3.getUserAuthorizedResources({ userId, ...parameters }))
        .list.map(({ resourceCode }) => resourceCode)
        .toSorted();
    assert.deepEqual(await codes(), ['books:1', 'books:2'], 'own ones and those through a role');
    assert.deepEqual(await codes({ namespace: 'default', resourceType: 'DATA' }), ['books:1', 'books:2']);
    assert.deepEqual(await codes({ resourceType: 'MENU' }), []);
    const { list } = ok(await v3.getUserAuthorizedResources({ userId }));
    has(
      list.find(({ resourceCode }) => resourceCode === 'books:1'),
      { resourceType: 'DATA', actions: ['books:read'], effect: 'ALLOW' },
    );
    refused(await v3.getUserAuthorizedResources({ userId, namespace: 'nonsense' }), 404, '权限组不存在');
    refused(await v3.getUserAuthorizedResources({ userId, resourceType: 'NONSENSE' }), 400, '参数 resourceType 格式错误');
  });

  await t.test('identities', async () => {
    const identity = { userId, extIdpId: unknownID, userIdInIdp: 'wx-1', type: 'openid', isSocial: true };
    assert.deepEqual(ok(await v3.linkIdentity(identity)), { success: true });
    const [linked] = ok(await v3.getUserIdentities({ userId }));
    has(linked, { extIdpId: unknownID, userIdInIdp: 'wx-1', type: 'openid' });
    isID(linked.identityId);
    has(ok(await v3.getUser({ userId: `${unknownID}:wx-1`, userIdType: 'identity' })), { userId });
    refused(await v3.linkIdentity({ ...identity, userId: other.userId }), 409);
    refused(await v3.linkIdentity({ ...identity, userId: unknownID }), 404, '用户不存在');
    refused(await v3.linkIdentity({ ...identity, userIdInIdp: '' }), 400, '参数 userIdInIdp 格式错误');
    assert.deepEqual(ok(await v3.unlinkIdentity({ userId, extIdpId: unknownID, type: 'openid', isSocial: true })), { success: true });
    assert.deepEqual(ok(await v3.getUserIdentities({ userId })), []);
    refused(await v3.unlinkIdentity({ userId, extIdpId: unknownID, type: 'openid', isSocial: true }), 404);
  });

  await t.test('second factors', async () => {
    const secret = 'JBSWY3DPEHPK3PXP';
    refused(await v3.getOtpSecretByUser({ userId }), 404);
    assert.equal(ok(await v3.importOtp({ list: [{ userId, otp: { secret, recoveryCode: 'b471-8ec0-874a-087f-bccb-cd54' } }] })), undefined);
    assert.deepEqual(ok(await v3.getOtpSecretByUser({ userId })), { secret });
    has(ok(await v3.getUserMfaInfo({ userId })), { totpStatus: 'enabled', faceMfaStatus: 'disabled' });
    refused(await v3.importOtp({ list: [{ userId: unknownID, otp: { secret } }] }), 404, '用户不存在');
    refused(await v3.importOtp({ list: [] }), 400, '参数 list 格式错误');
    refused(await v3.importOtp({ list: [{ userId, otp: {} }] }), 400, /secret/);
    refused(await v3.getOtpSecretByUser({ userId: unknownID }), 404, '用户不存在');
    const mfaTriggerData = { mfaToken: 'token', mfaEmail: 'm@example.com', applicationMfa: [{ mfaPolicy: 'EMAIL', status: 1, sort: 1 }] };
    assert.deepEqual(ok(await v3.setUsersMfaStatus({ userId, mfaTriggerData })), { success: true });
    has(ok(await v3.getUserMfaStatus({ userId })), { mfaEmail: 'm@example.com', applicationMfa: mfaTriggerData.applicationMfa });
    refused(await v3.setUsersMfaStatus({ userId: unknownID, mfaTriggerData }), 404, '用户不存在');
    refused(await v3.setUsersMfaStatus({ userId, mfaTriggerData: { mfaToken: 'x', applicationMfa: 'none' } }), 400, /applicationMfa/);
  });

  await t.test('passwords only as hashes', async () => {
    const { ciphertext } = ok(await v3.getUserPasswordCiphertext({ userId }));
    assert.ok(ciphertext && !ciphertext.includes('a-Secret-1'));
    refused(await v3.getUserPasswordCiphertext({ userId: unknownID }), 404, '用户不存在');
    const text = JSON.stringify(ok(await v3.getUserEncryptPasswordBatch({ userIds: [userId] })));
    assert.ok(text.includes(userId) && !text.includes('a-Secret-1'));
    refused(await v3.getUserEncryptPasswordBatch({ userIds: [] }), 400, '参数 userIds 格式错误');
  });

  await t.test('userFieldDecrypt', async () => {
    const { publicKey, privateKey } = crypto.generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const encryptedContent = crypto
      .publicEncrypt({ key: publicKey, padding: crypto.constants.RSA_PKCS1_PADDING }, Buffer.from('秘密'))
      .toString('base64');
    const data = [{ userId, fieldName: 'idcard', encryptedContent }];
    assert.deepEqual(ok(await v3.userFieldDecrypt({ data, privateKey })), [{ userId, fieldName: 'idcard', decryptedContent: '秘密' }]);
    refused(await v3.userFieldDecrypt({ data, privateKey: 'no key' }), 400);
    refused(await v3.userFieldDecrypt({ data: [{ encryptedContent: 'AAAA' }], privateKey }), 400);
    refused(await v3.userFieldDecrypt({ data: [], privateKey }), 400);
  });

  await t.test('sessions', async () => {
    assert.deepEqual(ok(await v3.checkSessionStatus({ appId: pool.appId, userId })), { active: false });
    refused(await v3.checkSessionStatus({ appId: '', userId }), 400, '参数 appId 格式错误');
    assert.deepEqual(ok(await v3.kickUsers({ userId, appIds: [pool.appId] })), { success: true });
    refused(await v3.kickUsers({ userId, appIds: [] }), 400, '参数 appIds 格式错误');
    refused(await v3.kickUsers({ userId: unknownID, appIds: [pool.appId] }), 404, '用户不存在');
  });

  await t.test('what needs parts that are not there', async () => {
    refused(await v3.setUserDepartments({ userId, departments: [] }), 400, '参数 departments 格式错误');
    refused(
      await v3.setUserDepartments({ userId, departments: [{ departmentId: unknownID }] }),
      404,
      `存在不合法的 departmentId: ${unknownID}`,
    );
    refused(await v3.resetUserPrincipalAuthenticationInfo({ userId }), 499, '没有认证记录');
    refused(await v3.resetUserPrincipalAuthenticationInfo({ userId: '' }), 400, '参数 userId 格式错误');
    assert.deepEqual(ok(await v3.deleteUserSyncRelations({ userId, provider: 'lark' })), { success: true });
    refused(await v3.deleteUserSyncRelations({ userId: unknownID, provider: 'lark' }), 404, '用户不存在');
  });

  await t.test('resign and archive', async () => {
    assert.deepEqual(ok(await v3.resignUser({ userId })), { success: true });
    has(ok(await v3.getUser({ userId })), { status: 'Resigned', workStatus: 'Closed', username: 'zhangsan' });
    assert.deepEqual(ok(await v3.getUserGroups({ userId })), none);
    assert.deepEqual(ok(await v3.getUserRoles({ userId })), none);
    assert.deepEqual(ok(await v3.getUserAuthorizedResources({ userId })), none);
    refused(await v3.updateUser({ userId, status: 'Activated' }), 422);
    assert.deepEqual(ok(await v3.resignUserBatch({ userIds: ['lisi'], userIdType: 'username' })), { success: true });
    refused(await v3.resignUser({ userId: unknownID }), 404, '用户不存在');
    refused(await v3.resignUserBatch({ userIds: [] }), 400, '参数 userIds 格式错误');
    assert.deepEqual(ok(await v3.listArchivedUsers({})), none);
    ok(await v3.updateUser({ userId, status: 'Archived' }));
    const { totalCount, list } = ok(await v3.listArchivedUsers({}));
    assert.deepEqual([totalCount, list.length, list[0].userId], [1, 1, userId]);
    isTime(list[0].archivedAt);
    assert.deepEqual(ok(await v3.listArchivedUsers({ startAt: Date.now() + 3_600_000 })), none);
    refused(await v3.listArchivedUsers({ page: 0 }), 400, '参数 page 格式错误');
    refused(await v3.listArchivedUsers({ limit: 0 }), 400, '参数 limit 格式错误');
    refused(await v3.listArchivedUsers({ limit: 51 }), 400, 'limit must less than 50');
  });

  await t.test('no operation was left out', () =>
    recorder.assertComplete('users', {
      elsewhere: [
        'createUser',
        'createUsersBatch',
        'getUser',
        'getUserBatch',
        'listUsers',
        'listUsersLegacy',
        'updateUser',
        'updateUserBatch',
        'deleteUsersBatch',
      ],
      neverSucceeds: ['setUserDepartments', 'resetUserPrincipalAuthenticationInfo'], // there are no departments and no records yet
    }),
  );
});
