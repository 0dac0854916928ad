// Roles over authing-node-sdk: every operation of the domain.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, isID, unknownID } from './lib/v2.mjs';

const unknown = 'nonsense';
const codes = (list) => list.map(({ code }) => code);
const did = { success: true };
const users = (...ids) => ids.map((id) => ({ targetType: 'USER', targetIdentifier: id }));

onEachEngine('V3 roles', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const made = ok(await v3.createUsersBatch({ list: ['ann', 'bob', 'eve'].map((username) => ({ username })) }));
  const [ann, bob, eve] = made.map(({ userId }) => userId);
  ok(await v3.createGroup({ code: 'developer', name: 'Developer' }));
  ok(await v3.addGroupMembers({ code: 'developer', userIds: [eve] }));
  const admin = { code: 'admin', name: 'Admin', description: 'who may all' };
  const badCodes = [
    ['a bad code', '额! ', 'invalid role code: 额! '],
    ['a blank code', ' ', 'invalid role code:  '],
    ['a long code', 'c'.repeat(100), '参数 code 格式错误'],
  ];

  await t.test('createRole and getRole', async () => {
    const role = ok(await v3.createRole({ ...admin, namespace: 'default' }));
    has(role, { ...admin, namespace: 'default', status: 'ENABLE', disableTime: null, enablePermissionApply: false });
    isID(role.id);
    assert.deepEqual(ok(await v3.getRole({ code: 'admin' })), role);
    assert.deepEqual(ok(await v3.getRole({ code: 'admin', namespace: 'default' })), role);
    has(ok(await v3.createRole({ code: 'admin', namespace: pool.appId })), { namespace: pool.appId, name: '' });
    const disableTime = Date.now() + 3_600_000;
    has(ok(await v3.createRole({ code: 'timed', disableTime: String(disableTime) })), { disableTime, status: 'ENABLE' });
    refused(await v3.getRole({ code: unknown, namespace: 'default' }), 404, '角色不存在');
    refused(await v3.getRole({ code: 'admin', namespace: unknown }), 404, '权限组不存在');
  });

  await t.test('createRole refuses', async (t) => {
    for (const [name, code, message] of [...badCodes, ['an empty code', '', '参数 code 格式错误']]) {
      await t.test(name, async () => refused(await v3.createRole({ code, namespace: 'default' }), 400, message));
    }
    for (const [name, parameters, statusCode, message] of [
      ['a taken code', admin, 409, '角色标识符已存在'],
      ['no code', {}, 400, '参数 code 格式错误'],
      ['an unknown namespace', { code: 'x', namespace: unknown }, 404, '权限组不存在'],
      ['a NUL', { code: 'x', name: 'a\u0000b' }, 400, '参数 name 格式错误'],
      ['an endless description', { code: 'x', description: 'd'.repeat(100_000) }, 400, '参数 description 格式错误'],
      ['no time', { code: 'x', disableTime: 'tomorrow' }, 400, '参数 disableTime 格式错误'],
      ['a wrong type', { code: 'x', name: ['N'] }, 400, '参数 name 格式错误'],
    ]) {
      await t.test(name, async () => refused(await v3.createRole(parameters), statusCode, message));
    }
    assert.equal(ok(await v3.listRoles({})).totalCount, 2);
  });

  await t.test('createRolesBatch', async () => {
    const list = ['one', 'two', 'three'].map((code) => ({ code, name: code.toUpperCase(), namespace: 'default', description: 'd' }));
    assert.deepEqual(ok(await v3.createRolesBatch({ list })), did);
    for (const [, code, message] of [...badCodes, ['', '', 'role code must not empty']]) {
      refused(await v3.createRolesBatch({ list: [{ code: 'fresh' }, { code }] }), 400, message);
    }
    refused(await v3.createRolesBatch({ list: [{ code: 'fresh' }, { code: 'one' }] }), 409, '角色标识符已存在');
    refused(await v3.createRolesBatch({ list: [] }), 400, '参数 list 格式错误');
    refused(await v3.createRolesBatch({ list: Array.from({ length: 51 }, (_, i) => ({ code: `many${i}` })) }), 400, /list/);
    refused(await v3.getRole({ code: 'fresh' }), 404, '角色不存在');
  });

  await t.test('listRoles, newest first', async () => {
    const { totalCount, list } = ok(await v3.listRoles({ namespace: 'default' }));
    assert.deepEqual([totalCount, codes(list)], [5, ['three', 'two', 'one', 'timed', 'admin']]);
    assert.deepEqual(codes(ok(await v3.listRoles({ page: 2, limit: 3 })).list), ['timed', 'admin']);
    assert.deepEqual(codes(ok(await v3.listRoles({ keywords: 'ADM' })).list), ['admin']);
    assert.deepEqual(ok(await v3.listRoles({ keywords: '%' })), { totalCount: 0, list: [] });
    assert.deepEqual(codes(ok(await v3.listRoles({ namespace: pool.appId })).list), ['admin']);
    for (const [parameters, statusCode, message] of [
      [{ namespace: unknown }, 404, '权限组不存在'],
      [{ page: -1 }, 400, '参数 page 格式错误'],
      [{ limit: -1 }, 400, '参数 limit 格式错误'],
      [{ limit: 10_000 }, 400, '参数 limit 格式错误'],
    ]) {
      refused(await v3.listRoles(parameters), statusCode, message);
    }
  });

  await t.test('updateRole', async () => {
    assert.deepEqual(ok(await v3.updateRole({ code: 'one', newCode: 'uno', name: 'Uno', description: 'uno' })), did);
    has(ok(await v3.getRole({ code: 'uno' })), { name: 'Uno', description: 'uno' });
    assert.deepEqual(ok(await v3.updateRole({ code: 'uno', newCode: '' })), did);
    has(ok(await v3.getRole({ code: 'uno' })), { name: 'Uno' });
    refused(await v3.updateRole({ code: 'one', name: 'x' }), 404, '角色不存在');
    refused(await v3.updateRole({ code: 'uno', newCode: 'two' }), 409, '角色标识符已存在');
    refused(await v3.updateRole({ code: 'uno', newCode: '额! ' }), 400, 'invalid role code: 额! ');
    refused(await v3.updateRole({ code: 'uno', newCode: ' ' }), 400, 'invalid role code:  ');
    refused(await v3.updateRole({ code: 'uno', newCode: 'c'.repeat(100) }), 400, '参数 newCode 格式错误');
    refused(await v3.updateRole({ code: 'uno', status: 'ASLEEP' }), 400, '参数 status 格式错误');
    refused(await v3.updateRole({ code: 'uno', namespace: unknown, name: 'x' }), 404, '权限组不存在');
    assert.deepEqual(ok(await v3.updateRole({ code: 'uno', enablePermissionApply: true })), did);
    has(ok(await v3.getRole({ code: 'uno' })), { enablePermissionApply: true, name: 'Uno' });
  });

  await t.test('checkParamsNamespace', async () => {
    const check = async (parameters) => ok(await v3.checkParamsNamespace({ namespace: 'default', ...parameters }));
    assert.deepEqual(await check({ code: 'free', name: 'Free' }), { isValid: true });
    assert.deepEqual(await check({ code: 'admin' }), { isValid: false, message: '角色标识符已存在' });
    assert.deepEqual(await check({ code: 'free', name: 'Admin' }), { isValid: false, message: '角色名称已存在' });
    assert.deepEqual(await check({ code: 'a b' }), { isValid: false, message: 'invalid role code: a b' });
    refused(await v3.checkParamsNamespace({ code: 'free', namespace: unknown }), 404, '权限组不存在');
  });

  await t.test('assignRole, listRoleMembers and revokeRole', async () => {
    assert.deepEqual(ok(await v3.assignRole({ code: 'admin', namespace: 'default', targets: users(ann, bob) })), did);
    assert.deepEqual(ok(await v3.assignRole({ code: 'admin', targets: users(ann, bob) })), did);
    const group = [{ targetType: 'GROUP', targetIdentifier: 'developer' }];
    assert.deepEqual(ok(await v3.assignRole({ code: 'admin', targets: group })), did);
    const { totalCount, list } = ok(await v3.listRoleMembers({ code: 'admin', namespace: 'default' }));
    assert.deepEqual([totalCount, list.map(({ username }) => username).toSorted()], [2, ['ann', 'bob']]);
    const second = ok(
      await v3.listRoleMembers({ code: 'admin', page: 2, limit: 1, withCustomData: true, withIdentities: true, withDepartmentIds: true }),
    );
    assert.deepEqual([second.totalCount, second.list.length], [2, 1]);
    has(second.list[0], { customData: {}, identities: [], departmentIds: [] });
    const roles = [{ code: 'admin' }];
    for (const userId of [ann, bob, eve]) has(ok(await v3.hasAnyRole({ userId, roles })), { hasAnyRole: true });
    has(ok(await v3.getUserRoles({ userId: ann })).list[0], { code: 'admin', status: 'ENABLE' });
    assert.deepEqual(ok(await v3.revokeRole({ code: 'admin', namespace: 'default', targets: [...users(bob), ...group] })), did);
    assert.deepEqual(ok(await v3.revokeRole({ code: 'admin', targets: users(bob) })), did);
    for (const userId of [bob, eve]) has(ok(await v3.hasAnyRole({ userId, roles })), { hasAnyRole: false });
    assert.equal(ok(await v3.listRoleMembers({ code: 'admin' })).totalCount, 1);
    for (const [parameters, statusCode, message] of [
      [{ code: unknown }, 404, '角色不存在'],
      [{ code: 'admin', namespace: unknown }, 404, '权限组不存在'],
      [{ code: 'admin', limit: 51 }, 400, '参数 limit 格式错误'],
    ]) {
      refused(await v3.listRoleMembers(parameters), statusCode, message);
    }
  });

  await t.test('assignments refuse', async (t) => {
    for (const operation of ['assignRole', 'revokeRole']) {
      for (const [name, parameters, statusCode, message] of [
        ['an unknown code', { code: unknown, targets: users(ann) }, 404, '角色不存在'],
        ['an unknown namespace', { code: 'admin', namespace: unknown, targets: users(ann) }, 404, '权限组不存在'],
        ['an unknown user', { code: 'admin', targets: users(ann, unknownID) }, 404, '用户不存在'],
        ['nonsense for a user', { code: 'admin', targets: users(unknown) }, 404, '用户不存在'],
        ['an unknown group', { code: 'admin', targets: [{ targetType: 'GROUP', targetIdentifier: unknown }] }, 404, '分组不存在'],
        ['a role', { code: 'admin', targets: [{ targetType: 'ROLE', targetIdentifier: 'uno' }] }, 400, '参数 targets 格式错误'],
        ['an unknown type', { code: 'admin', targets: [{ targetType: 'TENANT', targetIdentifier: ann }] }, 400, /targetType/],
        ['nobody', { code: 'admin', targets: [] }, 400, '参数 targets 格式错误'],
        ['too many', { code: 'admin', targets: users(...Array(51).fill(ann)) }, 400, /targets/],
        ['an unknown department', { code: 'admin', targets: [{ targetType: 'DEPARTMENT', targetIdentifier: unknownID }] }, 404],
      ]) {
        await t.test(`${operation} ${name}`, async () => refused(await v3[operation](parameters), statusCode, message));
      }
    }
    for (const times of [{ endTime: Date.now() - 1000 }, { endTime: 0 }, { enableTime: Date.now() + 2000, endTime: Date.now() + 1000 }]) {
      refused(await v3.assignRole({ code: 'admin', targets: users(bob), ...times }), 400, '参数 endTime 格式错误');
    }
    has(ok(await v3.hasAnyRole({ userId: ann, roles: [{ code: 'admin' }] })), { hasAnyRole: true });
    assert.equal(ok(await v3.listRoleMembers({ code: 'admin' })).totalCount, 1, 'all or none');
  });

  await t.test('batches', async () => {
    const roles = [{ code: 'uno' }, { code: 'admin', namespace: pool.appId }];
    assert.deepEqual(ok(await v3.assignRoleBatch({ roles, targets: users(bob, eve) })), did);
    assert.equal(ok(await v3.getUserRoles({ userId: bob })).totalCount, 2);
    refused(await v3.assignRoleBatch({ roles: [...roles, { code: unknown }], targets: users(ann) }), 404, '角色不存在');
    assert.equal(ok(await v3.getUserRoles({ userId: ann })).totalCount, 1, 'all or none');
    refused(await v3.assignRoleBatch({ roles: [], targets: users(ann) }), 400, '参数 roles 格式错误');
    assert.deepEqual(ok(await v3.revokeRoleBatch({ roles, targets: users(bob, eve) })), did);
    assert.equal(ok(await v3.getUserRoles({ userId: bob })).totalCount, 0);
    refused(await v3.revokeRoleBatch({ roles, targets: users(unknownID) }), 404, '用户不存在');
  });

  await t.test('a membership begins and ends by itself', async () => {
    const roles = [{ code: 'two' }];
    const start = Date.now();
    const [enableTime, endTime] = [start + 1500, start + 3000];
    assert.deepEqual(ok(await v3.assignRole({ code: 'two', targets: users(ann), enableTime, endTime })), did);
    const state = async () => [
      ok(await v3.hasAnyRole({ userId: ann, roles })).hasAnyRole,
      ok(await v3.listRoleMembers({ code: 'two' })).totalCount,
      ok(await v3.listRoleAssignments({ roleCode: 'two' })).data[0]?.status,
    ];
    const [before, listed] = [await state(), ok(await v3.listRoleAssignments({ roleCode: 'two' }))];
    if (Date.now() < enableTime) assert.deepEqual(before, [false, 0, 'DISABLE']);
    has(listed, { totalCount: 1 });
    has(listed.data[0], { roleCode: 'two', roleName: 'TWO', enableTime, endTime });
    await sleep(enableTime - Date.now() + 50);
    const during = await state();
    if (Date.now() < endTime) assert.deepEqual(during, [true, 1, 'ENABLE']);
    await sleep(endTime - Date.now() + 50);
    assert.deepEqual((await state()).slice(0, 2), [false, 0]);
  });

  await t.test('a disabled role gives nothing', async () => {
    const has_ = async () => ok(await v3.hasAnyRole({ userId: ann, roles: [{ code: 'admin' }] })).hasAnyRole;
    for (const [update, expected, status] of [
      [{ status: 'DISABLE' }, false, 'DISABLE'],
      [{ status: 'ENABLE' }, true, 'ENABLE'],
      [{ disableTime: '1' }, false, 'DISABLE'],
      [{ status: 'ENABLE' }, true, 'ENABLE'],
      [{ disableTime: Date.now() + 3_600_000 }, true, 'ENABLE'],
      [{ disableTime: '' }, true, 'ENABLE'],
    ]) {
      ok(await v3.updateRole({ code: 'admin', ...update }));
      assert.equal(await has_(), expected, JSON.stringify(update));
      has(ok(await v3.getRole({ code: 'admin' })), { status });
      assert.equal(ok(await v3.getUserRoles({ userId: ann })).totalCount, expected ? 1 : 0);
      assert.equal(ok(await v3.listRoleMembers({ code: 'admin' })).totalCount, 1, 'who has it has it still');
    }
  });

  await t.test('listRoleAssignments', async () => {
    const all = ok(await v3.listRoleAssignments({ roleCode: 'admin', namespaceCode: 'default' }));
    assert.deepEqual([all.totalCount, all.data.length], [1, 1]);
    has(all.data[0], { userPoolId: pool.userPoolId, roleCode: 'admin', roleName: 'Admin', status: 'ENABLE', enableTime: null, endTime: null });
    assert.equal(ok(await v3.listRoleAssignments({ roleCode: 'admin', query: 'ADM', targetType: ['USER'] })).totalCount, 1);
    assert.equal(ok(await v3.listRoleAssignments({ roleCode: 'admin', targetType: ['ORG'] })).totalCount, 0);
    assert.equal(ok(await v3.listRoleAssignments({ roleCode: 'admin', query: unknown })).totalCount, 0);
    refused(await v3.listRoleAssignments({ roleCode: unknown }), 404, '角色不存在');
    refused(await v3.listRoleAssignments({ roleCode: 'admin', namespaceCode: unknown }), 404, '权限组不存在');
    refused(await v3.listRoleAssignments({ roleCode: 'admin', targetType: ['TENANT'] }), 400, /targetType/);
  });

  await t.test('listRoleDepartments', async () => {
    const organizationCode = 'acme';
    const { departmentId: root } = ok(await v3.createOrganization({ organizationCode, organizationName: 'Acme' }));
    const { departmentId } = ok(
      await v3.createDepartment({ organizationCode, parentDepartmentId: root, name: 'Shop', code: 'shop' }),
    );
    const targets = [{ targetType: 'DEPARTMENT', targetIdentifier: departmentId }];
    assert.deepEqual(ok(await v3.assignRole({ code: 'three', targets })), did);
    const { totalCount, list } = ok(await v3.listRoleDepartments({ code: 'three', namespace: 'default' }));
    assert.deepEqual([totalCount, list], [1, [{ id: departmentId, code: 'shop', name: 'Shop', description: '' }]]);
    has(ok(await v3.hasAnyRole({ userId: eve, roles: [{ code: 'three' }] })), { hasAnyRole: false });
    ok(await v3.addDepartmentMembers({ organizationCode, departmentId, userIds: [eve] }));
    has(ok(await v3.hasAnyRole({ userId: eve, roles: [{ code: 'three' }] })), { hasAnyRole: true });
    assert.equal(ok(await v3.listRoleAssignments({ roleCode: 'three', targetType: ['ORG'] })).totalCount, 1);
    assert.deepEqual(ok(await v3.revokeRole({ code: 'three', targets })), did);
    has(ok(await v3.hasAnyRole({ userId: eve, roles: [{ code: 'three' }] })), { hasAnyRole: false });
    assert.deepEqual(ok(await v3.listRoleDepartments({ code: 'admin', namespace: 'default' })), { totalCount: 0, list: [] });
    refused(await v3.listRoleDepartments({ code: unknown }), 404, '角色不存在');
    refused(await v3.listRoleDepartments({ code: 'admin', namespace: unknown }), 404, '权限组不存在');
  });

  await t.test('getRoleAuthorizedResources', async () => {
    assert.deepEqual(ok(await v3.getRoleAuthorizedResources({ code: 'admin' })), { totalCount: 0, list: [] });
    await pool.data('mutation { allow(resource: "cars:1", action: "cars:drive", roleCode: "admin", namespace: "default") { code } }');
    const { totalCount, list } = ok(await v3.getRoleAuthorizedResources({ code: 'admin', namespace: 'default', resourceType: 'DATA' }));
    assert.equal(totalCount, 1);
    has(list[0], { resourceCode: 'cars:1', resourceType: 'DATA', actions: ['cars:drive'] });
    assert.equal(ok(await v3.getRoleAuthorizedResources({ code: 'admin', resourceType: 'API' })).totalCount, 0);
    assert.equal(ok(await v3.getRoleAuthorizedResources({ code: 'admin', namespace: pool.appId })).totalCount, 0);
    assert.equal(ok(await v3.getUserAuthorizedResources({ userId: ann })).totalCount, 1);
    ok(await v3.updateRole({ code: 'admin', status: 'DISABLE' }));
    assert.equal(ok(await v3.getUserAuthorizedResources({ userId: ann })).totalCount, 0, 'nor does it grant');
    ok(await v3.updateRole({ code: 'admin', status: 'ENABLE' }));
    refused(await v3.getRoleAuthorizedResources({ code: unknown }), 404, '角色不存在');
    refused(await v3.getRoleAuthorizedResources({ code: 'admin', namespace: unknown }), 404, '权限组不存在');
    refused(await v3.getRoleAuthorizedResources({ code: 'admin', resourceType: 'NONSENSE' }), 400, '参数 resourceType 格式错误');
  });

  await t.test('custom data', async () => {
    ok(await v3.setCustomFields({ list: [{ targetType: 'ROLE', dataType: 'NUMBER', key: 'rank' }] }));
    const target = { targetType: 'ROLE', targetIdentifier: 'admin' };
    ok(await v3.setCustomData({ ...target, namespace: 'default', list: [{ key: 'rank', value: 7 }] }));
    ok(await v3.setCustomData({ ...target, namespace: pool.appId, list: [{ key: 'rank', value: 8 }] }));
    assert.deepEqual(ok(await v3.getCustomData(target)), { rank: 7 });
    assert.deepEqual(ok(await v3.getCustomData({ ...target, namespace: pool.appId })), { rank: 8 });
    refused(await v3.setCustomData({ ...target, list: [{ key: 'rank', value: 'seven' }] }), 400);
    refused(await v3.setCustomData({ ...target, targetIdentifier: unknown, list: [{ key: 'rank', value: 7 }] }), 404, '角色不存在');
  });

  await t.test('checkMutualExclusion', async () => {
    const roles = [{ code: 'admin' }, { code: 'admin', namespace: pool.appId }];
    assert.deepEqual(ok(await v3.checkMutualExclusion({ roles })), { existMutuallyExclusive: false });
    refused(await v3.checkMutualExclusion({ roles: [{ code: unknown }] }), 404, '角色不存在');
    refused(await v3.checkMutualExclusion({ roles: [] }), 400, '参数 roles 格式错误');
  });

  await t.test('roles of administrators', async () => {
    has(ok(await v3.createAdminRole({ code: 'boss', name: 'Boss', description: 'd' })), { isValid: true });
    refused(await v3.createAdminRole({ code: 'boss', name: 'Boss' }), 409, '角色标识符已存在');
    refused(await v3.createAdminRole({ code: 'a b', name: 'Boss' }), 400, 'invalid role code: a b');
    refused(await v3.createAdminRole({ code: 'chief' }), 400, '参数 name 格式错误');
    refused(await v3.getRole({ code: 'boss' }), 404, '角色不存在');
    refused(await v3.deleteAdminRolesBatch({ codeList: ['boss', unknown] }), 404, '角色不存在');
    assert.deepEqual(ok(await v3.deleteAdminRolesBatch({ codeList: ['boss'] })), did);
    refused(await v3.deleteAdminRolesBatch({ codeList: ['boss'] }), 404, '角色不存在');
    refused(await v3.deleteAdminRolesBatch({ codeList: [] }), 400, '参数 codeList 格式错误');
  });

  await t.test('deleteRolesBatch and deleteRoles', async () => {
    refused(await v3.deleteRolesBatch({ codeList: ['timed', unknown] }), 404, '角色不存在');
    refused(await v3.deleteRolesBatch({ codeList: ['timed'], namespace: unknown }), 404, '权限组不存在');
    refused(await v3.deleteRolesBatch({ codeList: [] }), 400, '参数 codeList 格式错误');
    refused(await v3.deleteRolesBatch({ codeList: Array(51).fill('timed') }), 400, /codeList/);
    assert.deepEqual(ok(await v3.deleteRolesBatch({ codeList: ['timed', 'admin'], namespace: 'default' })), did);
    assert.equal(ok(await v3.getUserRoles({ userId: ann })).totalCount, 0, 'nobody has it any more');
    const two = { code: 'two', namespace: 'default' };
    refused(await v3.deleteRoles({ roleList: [two, { code: unknown, namespace: pool.appId }] }), 404, '角色不存在');
    refused(await v3.deleteRoles({ roleList: [{ code: 'two' }] }), 400, '参数 namespace 格式错误');
    assert.deepEqual(ok(await v3.deleteRoles({ roleList: [two, { code: 'admin', namespace: pool.appId }] })), did);
    assert.deepEqual(codes(ok(await v3.listRoles({})).list), ['three', 'uno']);
    assert.equal(ok(await v3.listRoles({ namespace: pool.appId })).totalCount, 0);
  });

  await t.test('no operation was left out', () => recorder.assertComplete('roles'));
});
