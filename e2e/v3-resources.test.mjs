// Resources, namespaces and who may enter applications over authing-node-sdk: every operation of the domain.
import assert from 'node:assert/strict';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, unknownID } from './lib/v2.mjs';

const unknown = 'nonsense';
const did = { success: true };
const long = 'c'.repeat(100);
const codes = (list) => list.map(({ code }) => code);

onEachEngine('V3 resources', async (t, { pools: [pool, other] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const [ann, bob] = ok(await v3.createUsersBatch({ list: [{ username: 'ann' }, { username: 'bob' }] })).map(({ userId }) => userId);
  ok(await v3.createGroup({ code: 'developer', name: 'Developer' }));
  ok(await v3.addGroupMembers({ code: 'developer', userIds: [bob] }));
  ok(await v3.createRole({ code: 'cook', name: 'Cook' }));

  await t.test('namespaces', async () => {
    has(ok(await v3.createNamespace({ code: 'shop', name: 'Shop' })), { code: 'shop', name: 'Shop' });
    refused(await v3.createNamespace({ code: '额！', name: 'N' }), 400, 'invalid namespace code: 额！');
    refused(await v3.createNamespace({ code: ' ', name: 'N' }), 400, 'invalid namespace code:  ');
    refused(await v3.createNamespace({ code: '', name: 'N' }), 400, '参数 code 格式错误');
    refused(await v3.createNamespace({ code: long, name: 'N' }), 400, '参数 code 格式错误');
    refused(await v3.createNamespace({ code: 'shop', name: 'N' }), 409);
    assert.deepEqual(ok(await v3.createNamespacesBatch({ list: [{ code: 'one', name: 'One' }, { code: 'two', name: 'Two' }] })), did);
    refused(await v3.createNamespacesBatch({ list: [{ code: '', name: 'N' }] }), 400, 'namespace name must not be empty');
    refused(await v3.createNamespacesBatch({ list: [{ code: long, name: 'N' }] }), 400, `invalid namespace code: ${long}`);
    has(ok(await v3.getNamespace({ code: 'one' })), { code: 'one', name: 'One' });
    refused(await v3.getNamespace({ code: '额！' }), 404, 'namespace not exists');
    refused(await v3.getNamespace({ code: long }), 400, '参数 code 格式错误');
    assert.deepEqual(codes(ok(await v3.getNamespacesBatch({ codeList: ['two', '额！', 'one', long] }))), ['two', 'one']);
    refused(await v3.getNamespacesBatch({ codeList: [] }), 400, '参数 codeList 格式错误');
    assert.equal(ok(await v3.updateNamespace({ code: 'one', name: 'Uno', newCode: 'uno' })).code, 'uno');
    refused(await v3.updateNamespace({ code: 'uno', name: 'N', newCode: '额！' }), 400, 'invalid namespace code: 额！');
    refused(await v3.updateNamespace({ code: 'uno', name: 'N', newCode: long }), 400, '参数 newCode 格式错误');
    refused(await v3.updateNamespace({ code: pool.appId, newCode: 'mine' }), 403);
    assert.deepEqual(codes(ok(await v3.listNamespaces({ keywords: 'uno' })).list), ['uno']);
    refused(await v3.listNamespaces({ limit: 51 }), 400, '参数 limit 格式错误');
    ok(await v3.createRole({ code: 'seller', namespace: 'shop' }));
    assert.deepEqual(codes(ok(await v3.listNamespaceRoles({ code: 'shop' })).list), ['seller']);
    refused(await v3.listNamespaceRoles({ code: unknown }), 404, '权限组不存在');
  });

  const actions = [{ name: 'edit', description: 'to change' }, { name: 'read', description: 'to see' }];
  await t.test('resources', async () => {
    has(ok(await v3.createResource({ type: 'DATA', code: 'books', description: 'of paper', actions })), { code: 'books', description: 'of paper', actions });
    ok(await v3.createResource({ type: 'DATA', code: '', description: 'nameless' }));
    refused(await v3.createResource({ type: 'DATA', code: '额！' }), 400, 'invalid resource code: 额！');
    refused(await v3.createResource({ type: 'DATA', code: ' ' }), 400, 'invalid resource code:  ');
    refused(await v3.createResource({ type: 'DATA', code: long }), 400, '参数 code 格式错误');
    refused(await v3.createResource({ type: 'DATA', code: 'books' }), 409);
    assert.deepEqual(ok(await v3.createResourcesBatch({ list: [{ code: 'pens', type: 'DATA' }, { code: 'menu', type: 'MENU' }], namespace: 'shop' })), did);
    refused(await v3.createResourcesBatch({ list: [{ code: long, type: 'DATA' }] }), 400, `invalid resource code: ${long}`);
    refused(await v3.createResourcesBatch({ list: [{ type: 'DATA' }] }), 400);
    has(ok(await v3.getResource({ code: 'books' })), { code: 'books', namespace: 'default' });
    refused(await v3.getResource({ code: '' }), 404, '资源不存在');
    refused(await v3.getResource({ code: '额！' }), 404, '资源不存在');
    assert.deepEqual(codes(ok(await v3.getResourcesBatch({ codeList: ['menu', '额！ ', 'pens'], namespace: 'shop' }))), ['menu', 'pens']);
    refused(await v3.getResourcesBatch({ codeList: [] }), 400, '参数 codeList 格式错误');
    assert.deepEqual(codes(ok(await v3.listResources({ namespace: 'shop', type: 'MENU' })).list), ['menu']);
    refused(await v3.listResources({ namespace: unknown }), 404, '权限组不存在');
    has(ok(await v3.updateResource({ code: 'books', type: 'API', description: 'new', actions: [actions[1]] })), { type: 'API', description: 'new', actions: [actions[1]] });
    refused(await v3.updateResource({ code: '', type: 'DATA' }), 404, '资源不存在');
    const [pens] = ok(await v3.listCommonResource({ keyword: 'pen', namespaceCodeList: 'shop' })).list;
    has(pens, { code: 'pens', namespaceName: 'Shop', userPoolId: pool.userPoolId });
    refused(await v3.listCommonResource({ namespaceCodeList: unknown }), 404, '权限组不存在');
    assert.deepEqual(ok(await v3.batchDeleteCommonResource({ ids: [pens.id, unknownID] })), did);
    refused(await v3.batchDeleteCommonResource({ ids: [] }), 400, '参数 ids 格式错误');
    ok(await v3.createResource({ type: 'MENU', code: 'menu', namespace: pool.appId }));
    assert.deepEqual(ok(await v3.associateTenantResource({ appId: pool.appId, code: 'menu', association: true })), did);
    refused(await v3.associateTenantResource({ appId: unknown, code: 'menu', association: true }), 404);
  });

  const everything = [{ code: '*', actions: ['*'], resourceType: 'DATA' }];
  await t.test('grants', async () => {
    const grant = (targetType, targetIdentifier, resources) => ({ targetType, targetIdentifiers: [targetIdentifier], resources });
    const list = [grant('USER', ann, [{ code: 'cars:1', actions: ['cars:drive'], resourceType: 'DATA' }]), grant('GROUP', 'developer', everything), grant('ROLE', 'cook', everything)];
    assert.deepEqual(ok(await v3.authorizeResources({ list, namespace: 'default' })), did);
    refused(await v3.authorizeResources({ list }), 404, '权限组不存在');
    const asked = { resource: 'cars:1', action: 'drive', namespace: 'default' };
    assert.equal(ok(await v3.isActionAllowed({ ...asked, userId: ann })).allowed, true);
    assert.equal(ok(await v3.isActionAllowed({ ...asked, userId: ann, action: 'burn' })).allowed, false);
    assert.equal(ok(await v3.isActionAllowed({ ...asked, userId: bob, action: 'burn' })).allowed, true);
    refused(await v3.isActionAllowed({ ...asked, userId: unknownID }), 404, '用户不存在');
    const held = ok(await v3.getAuthorizedResources({ targetType: 'GROUP', targetIdentifier: 'developer', namespace: 'default' }));
    assert.equal(held.totalCount, 1);
    has(held.list[0], { resourceCode: '*', actions: ['*'], effect: 'ALLOW' });
    assert.equal(ok(await v3.getAuthorizedResources({ targetType: 'USER', targetIdentifier: ann, resourceList: ['cars:*'] })).totalCount, 1);
    assert.equal(ok(await v3.getAuthorizedResources({ targetType: 'USER', targetIdentifier: ann, resourceList: ['pens'], withDenied: true })).totalCount, 0);
    for (const code of ['', '额！ ']) {
      refused(await v3.getAuthorizedResources({ targetType: 'GROUP', targetIdentifier: code, namespace: 'default' }), 404, `group not exists with code: ${code}`);
    }
    assert.equal(ok(await v3.getUserAuthorizedResources({ userId: ann, namespace: 'default' })).totalCount, 1);
    assert.equal(ok(await v3.getGroupAuthorizedResources({ code: 'developer' })).length, 1);
    assert.equal(ok(await v3.getRoleAuthorizedResources({ code: 'cook' })).totalCount, 1);
    const targets = ok(await v3.getResourceAuthorizedTargets({ resource: 'cars:1' }));
    assert.deepEqual(targets, { totalCount: 1, list: [{ targetType: 'USER', targetIdentifier: ann, actions: ['cars:drive'] }] });
    refused(await v3.getResourceAuthorizedTargets({ resource: 'cars:1', namespace: unknown }), 404, '权限组不存在');
  });

  await t.test('applications', async () => {
    const { appId } = pool;
    assert.equal(ok(await v3.getApplicationPermissionStrategy({ appId })).permissionStrategy, 'ALLOW_ALL');
    assert.deepEqual(ok(await v3.updateApplicationPermissionStrategy({ appId, permissionStrategy: 'DENY_ALL' })), did);
    refused(await v3.getApplicationPermissionStrategy({ appId: other.appId }), 404);
    const list = [
      { targetType: 'USER', targetIdentifier: [ann], effect: 'ALLOW' },
      { targetType: 'ROLE', namespaceCode: 'default', targetIdentifier: ['cook'], effect: 'DENY' },
    ];
    assert.deepEqual(ok(await v3.authorizeApplicationAccess({ appId, list })), did);
    refused(await v3.authorizeApplicationAccess({ appId: unknown, list }), 404);
    assert.equal(ok(await v3.listAuthApplication({ appId })).totalCount, 2);
    const [record] = ok(await v3.listAuthApplication({ appId, targetTypeList: ['USER'] })).list;
    has(record, { targetId: ann, targetName: 'ann', effect: 'ALLOW', enabled: true });
    has(ok(await v3.detailAuthSubject({ appId, targetId: ann, targetType: 'USER' })), { authType: 'SELF', allowed: true });
    assert.equal(ok(await v3.listAuthSubject({ targetId: ann, targetType: 'USER' })).list[0].appId, appId);
    assert.deepEqual(ok(await v3.enabledAuth({ id: record.id, enabled: false })), did);
    has(ok(await v3.detailAuthSubject({ appId, targetId: ann, targetType: 'USER' })), { authType: 'DEFAULT', allowed: false });
    assert.deepEqual(ok(await v3.deleteAuth([record.id])), did);
    assert.deepEqual(ok(await v3.revokeApplicationAccess({ appId, list: [{ targetType: 'ROLE', namespaceCode: 'default', targetIdentifier: ['cook'] }] })), did);
    assert.equal(ok(await v3.listAuthApplication({ appId })).totalCount, 0);
    ok(await v3.updateApplicationPermissionStrategy({ appId, permissionStrategy: 'ALLOW_ALL' }));
  });

  await t.test('another pool sees nothing', async () => {
    refused(await other.v3.getResource({ code: 'books' }), 404, '资源不存在');
    refused(await other.v3.getNamespace({ code: 'shop' }), 404, 'namespace not exists');
    assert.equal(ok(await other.v3.listCommonResource({})).totalCount, 0);
    assert.equal(ok(await other.v3.getResourceAuthorizedTargets({ resource: 'cars:1' })).totalCount, 0);
    refused(await other.v3.isActionAllowed({ resource: 'cars:1', action: 'drive', userId: ann }), 404, '用户不存在');
  });

  await t.test('deleting', async () => {
    for (const code of ['额！', '', ' ', 'books']) assert.deepEqual(ok(await v3.deleteResource({ code })), did);
    refused(await v3.deleteResource({ code: long }), 400, '参数 code 格式错误');
    assert.deepEqual(ok(await v3.deleteResourcesBatch({ codeList: ['menu', '额！', '', long], namespace: 'shop' })), did);
    refused(await v3.deleteResourcesBatch({ codeList: ['menu'], namespace: unknown }), 404, '权限组不存在');
    assert.deepEqual(ok(await v3.deleteNamespace({ code: 'shop' })), did);
    for (const code of ['额！', ' ', 'shop']) refused(await v3.deleteNamespace({ code }), 404, '权限组不存在');
    for (const code of ['', long]) refused(await v3.deleteNamespace({ code }), 400, '参数 code 格式错误');
    refused(await v3.deleteNamespace({ code: 'default' }), 403);
    assert.deepEqual(ok(await v3.deleteNamespacesBatch({ codeList: ['uno', 'two', '额！', '', long] })), did);
    refused(await v3.deleteNamespacesBatch({ codeList: [] }), 400, '参数 codeList 格式错误');
  });

  await t.test('no operation was left out', () => recorder.assertComplete('resources'));
}, { pools: ['first', 'second'] });
