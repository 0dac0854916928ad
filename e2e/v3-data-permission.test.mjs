// Data permission over authing-node-sdk: every operation of the domain, and what users ask of themselves.
import assert from 'node:assert/strict';
import * as sdk from 'authing-node-sdk';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, unknownID } from './lib/v2.mjs';

onEachEngine('V3 data permission', async (t, { url, pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const [ann, bob] = ok(await v3.createUsersBatch({ list: [{ username: 'ann', externalId: 'ann-x' }, { username: 'bob' }] })).map(({ userId }) => userId);
  const group = ok(await v3.createGroup({ code: 'dev', name: 'Dev' }));
  ok(await v3.addGroupMembers({ code: 'dev', userIds: [bob] }));
  const test = { code: 'test', name: 'test', description: 'test' };
  const resource = { namespaceCode: 'test', resourceName: 'Doc', resourceCode: 'doc', type: 'STRING', struct: 'text', actions: ['read', 'get'], description: 'd' };

  await t.test('namespaces', async () => {
    has(ok(await v3.createPermissionNamespace(test)), test);
    for (const code of ['default', 'system']) {
      refused(await v3.createPermissionNamespace({ code, name: 'x' }), 403, "can't use permission namespace code 'default' or 'system'");
      refused(await v3.createPermissionNamespacesBatch({ list: [{ code, name: 'x' }] }), 409, "can't use built-in namespace code 'default' and 'system'");
    }
    refused(await v3.createPermissionNamespace({ code: '', name: 'x' }), 400, 'code should not be empty');
    refused(await v3.createPermissionNamespace({ code: '好', name: 'x' }), 400, 'invalid namespace code: 好');
    refused(await v3.createPermissionNamespace({ code: 'x', name: '' }), 400, 'name should not be empty');
    assert.deepEqual(ok(await v3.createPermissionNamespacesBatch({ list: [{ code: 'one', name: 'One' }] })), { success: true });
    refused(await v3.createPermissionNamespacesBatch({ list: [{ code: '好', name: 'x' }] }), 400, 'invalid namespace code: 好');
    has(ok(await v3.getPermissionNamespace({ code: 'one' })), { code: 'one', name: 'One' });
    refused(await v3.getPermissionNamespace({ code: '' }), 400, 'code should not be empty');
    assert.equal(ok(await v3.getPermissionNamespacesBatch({ codes: ['test'] }))[0].code, 'test');
    refused(await v3.getPermissionNamespacesBatch({ codes: [''] }), 404, '有不存在的权限空间');
    has(ok(await v3.listPermissionNamespaces({ page: 1, limit: 10, query: 'one' })), { totalCount: 1 });
    refused(await v3.listPermissionNamespaces({ page: 1, limit: 51 }), 400, 'limit must not be greater than 50');
    assert.equal(ok(await v3.checkPermissionNamespaceExists({ code: 'free', name: 'free' })).isValid, true);
    assert.equal(ok(await v3.checkPermissionNamespaceExists({ code: 'one', name: 'one' })).isValid, false);
    refused(await v3.checkPermissionNamespaceExists({}), 400);
    has(ok(await v3.updatePermissionNamespace({ code: 'one', newCode: 'uno', name: 'Uno', description: 'd' })), { code: 'uno', name: 'Uno', description: 'd' });
    refused(await v3.updatePermissionNamespace({ code: '好', newCode: 'uno', name: 'x' }), 409, 'namespace with code uno already exists.');
    refused(await v3.updatePermissionNamespace({ code: '好', newCode: 'free', name: 'x' }), 404, 'namespace not found');
    ok(await v3.createRole({ code: 'role', name: 'Role', namespace: 'test' }));
    has(ok(await v3.listPermissionNamespaceRoles({ code: 'test', page: 1, limit: 10 })).list[0], { code: 'role', name: 'Role', namespace: 'test' });
    refused(await v3.listPermissionNamespaceRoles({ code: '', page: 1, limit: 10 }), 400, 'code should not be empty,code must be longer than or equal to 1 characters');
    assert.deepEqual(ok(await v3.deletePermissionNamespace({ code: 'uno' })), { success: true });
    refused(await v3.deletePermissionNamespace({ code: '' }), 400, 'code should not be empty');
    ok(await v3.createPermissionNamespace({ code: 'two', name: 'Two' }));
    assert.deepEqual(ok(await v3.deletePermissionNamespacesBatch({ codes: ['two'] })), { success: true });
    refused(await v3.deletePermissionNamespacesBatch({ codes: [''] }), 404, '权限空间不存在');
  });

  await t.test('resources', async () => {
    const { namespaceCode, ...shown } = resource;
    has(ok(await v3.createDataResource(resource)), shown);
    for (const [field, value, message] of [
      ['namespaceCode', '', 'namespaceCode should not be empty'],
      ['resourceName', '', 'resourceName should not be empty'],
      ['resourceCode', '', 'resourceCode should not be empty'],
      ['struct', '', 'struct should not be empty'],
      ['actions', [], 'actions should not be empty'],
    ]) {
      refused(await v3.createDataResource({ ...resource, [field]: value }), 400, message);
    }
    const plain = { namespaceCode, actions: ['get', 'set'] };
    has(ok(await v3.createDataResourceByString({ ...plain, resourceCode: 'text', resourceName: 'Text', struct: 't' })), { struct: 't' });
    refused(await v3.createDataResourceByString({ ...plain, resourceCode: 'x', resourceName: 'X', struct: '' }), 400, 'struct should not be empty');
    assert.deepEqual(ok(await v3.createDataResourceByArray({ ...plain, resourceCode: 'list', resourceName: 'List', struct: ['a', 'b'] })).struct, ['a', 'b']);
    refused(await v3.createDataResourceByArray({ ...plain, resourceCode: 'x', resourceName: 'X', struct: [] }), 400, 'struct must contain at least 1 elements,struct should not be empty');
    const struct = [{ code: 'a', name: 'A', value: '', children: [{ code: 'b', name: 'B' }] }, { code: 'c', name: 'C' }];
    assert.deepEqual(ok(await v3.createDataResourceByTree({ ...plain, resourceCode: 'tree', resourceName: 'Tree', struct })).struct, struct);
    refused(await v3.createDataResourceByTree({ ...plain, resourceCode: 'x', resourceName: 'X', struct: [] }), 400, 'struct must contain at least 1 elements');
    has(ok(await v3.listDataResources({ page: 1, limit: 10, query: 'doc', namespaceCodes: ['test'] })).list[0], { resourceCode: 'doc', namespaceName: 'test' });
    refused(await v3.listDataResources({ page: 1, limit: 51 }), 400, 'limit must not be greater than 50');
    has(ok(await v3.getDataResource({ namespaceCode, resourceCode: 'doc' })), resource);
    refused(await v3.getDataResource({ namespaceCode, resourceCode: '' }), 400, 'resourceCode should not be empty');
    has(ok(await v3.updateDataResource({ namespaceCode, resourceCode: 'text', struct: 'u', resourceName: 'Text 2' })), { struct: 'u', resourceName: 'Text 2' });
    refused(await v3.updateDataResource({ namespaceCode: '', resourceCode: 'text' }), 400, 'namespaceCode should not be empty');
    assert.deepEqual(ok(await v3.checkDataResourceExists({ namespaceCode, resourceCode: 'free', resourceName: 'Free' })), { isValid: true });
    assert.deepEqual(ok(await v3.checkDataResourceExists({ namespaceCode, resourceCode: 'doc', resourceName: 'Free' })), { isValid: false, message: '数据资源 code 已经存在' });
    refused(await v3.checkDataResourceExists({ namespaceCode: '' }), 400, 'namespaceCode should not be empty');
    assert.equal(ok(await v3.deleteDataResource({ namespaceCode, resourceCode: 'text' })), undefined);
    refused(await v3.deleteDataResource({ namespaceCode, resourceCode: '' }), 400, 'resourceCode should not be empty');

    const tree = { namespaceCode, resourceCode: 'tree' };
    const field = { key: 'level', label: 'Level', valueType: 'SELECT', config: { options: [{ value: 'low' }] } };
    assert.deepEqual(ok(await v3.createDnef({ ...tree, ...field })), { success: true });
    refused(await v3.createDnef({ ...tree, ...field }), 409);
    ok(await v3.batchCreateDnef({ ...tree, fieldList: [{ key: 'note', label: 'Note', valueType: 'STRING' }] }));
    refused(await v3.batchCreateDnef({ ...tree, fieldList: [] }), 400);
    ok(await v3.updateDnef({ ...tree, key: 'level', label: 'Rank' }));
    refused(await v3.updateDnef({ ...tree, key: 'none' }), 404);
    has(ok(await v3.listDnef({ ...tree, startIndex: 1, maxSize: 1 })), { truncated: true, nextStartIndex: 2, list: [{ ...field, label: 'Rank' }] });
    refused(await v3.listDnef({ ...tree, resourceCode: 'none' }), 404);
    ok(await v3.deleteDnef({ ...tree, key: 'note' }));
    refused(await v3.deleteDnef({ ...tree, key: 'note' }), 404);
  });

  let docs;
  await t.test('policies', async () => {
    const policy = { policyName: 'docs', description: 'd', statementList: [{ effect: 'ALLOW', permissions: ['test/doc/*', 'test/tree/a/get'] }] };
    docs = ok(await v3.createDataPolicy(policy)).policyId;
    refused(await v3.createDataPolicy({ statementList: policy.statementList }), 400, 'policyName should not be empty');
    refused(await v3.createDataPolicy({ policyName: 'x', statementList: [] }), 400, 'statementList must contain at least 1 elements');
    refused(await v3.createDataPolicy({ policyName: 'x', statementList: [{ effect: 'ALLOW', permissions: [] }] }), 400);
    ok(await v3.authorizeDataPolicies({ policyIds: [docs], targetList: [{ id: ann, type: 'USER' }, { id: group.id, type: 'GROUP' }] }));
    refused(await v3.authorizeDataPolicies({ policyIds: [], targetList: [{ id: '', type: 'USER' }] }), 400, 'policyIds must contain at least 1 elements');
    refused(await v3.authorizeDataPolicies({ policyIds: [docs], targetList: [] }), 400, 'targetList should not be empty');
    const listed = ok(await v3.listDataPolices({ page: 1, limit: 10, query: 'docs' }));
    assert.equal(listed.totalCount, 1);
    assert.deepEqual([listed.list[0].policyId, listed.list[0].resourceList.length, listed.list[0].targetList.length], [docs, 2, 2]);
    refused(await v3.listDataPolices({ page: 1, limit: 51 }), 400, 'limit must not be greater than 50');
    has(ok(await v3.listSimpleDataPolices({ page: 1, limit: 10, query: 'docs' })).list[0], { policyId: docs, policyName: 'docs' });
    refused(await v3.listSimpleDataPolices({ page: 1, limit: 51 }), 400, 'limit must not be greater than 50');
    has(ok(await v3.getDataPolicy({ policyId: docs })), { policyId: docs, policyName: 'docs' });
    refused(await v3.getDataPolicy({ policyId: '' }), 400, 'policyId should not be empty');
    has(ok(await v3.updateDataPolicy({ policyId: docs, policyName: 'documents', description: 'e' })), { policyId: docs, policyName: 'documents', description: 'e' });
    refused(await v3.updateDataPolicy({ policyId: '' }), 400, 'policyId should not be empty');
    assert.equal(ok(await v3.checkDataPolicyExists({ policyName: 'free' })).isValid, true);
    assert.equal(ok(await v3.checkDataPolicyExists({ policyName: 'documents' })).isValid, false);
    refused(await v3.checkDataPolicyExists({ policyName: '' }), 400, 'policyName should not be empty');
    has(ok(await v3.listDataPolicyTargets({ policyId: docs, targetType: ['USER'] })).list[0], { targetName: 'ann', targetIdentifier: ann, targetType: 'USER' });
    refused(await v3.listDataPolicyTargets({ policyId: '' }), 400, 'policyId should not be empty');
  });

  await t.test('questions', async () => {
    const namespaceCode = 'test';
    const results = (body) => ok(body).checkResultList.map(({ enabled }) => enabled);
    const ask = { namespaceCode, userId: ann, action: 'get' };
    assert.deepEqual(results(await v3.checkPermission({ ...ask, resources: ['doc', 'tree/a', 'tree/a/b', 'none'] })), [true, true, false, false]);
    assert.deepEqual(results(await v3.checkPermission({ ...ask, userId: bob, resources: ['doc'] })), [true]);
    refused(await v3.checkPermission({ ...ask, resources: [] }), 400, 'resources must contain at least 1 elements,resources should not be empty');
    refused(await v3.checkPermission({ ...ask, userId: '', resources: ['doc'] }), 400, 'userId should not be empty');
    assert.deepEqual(results(await v3.checkExternalUserPermission({ namespaceCode, externalId: 'ann-x', action: 'get', resources: ['doc'] })), [true]);
    refused(await v3.checkExternalUserPermission({ namespaceCode, externalId: 'none', action: 'get', resources: ['doc'] }), 404, '用户不存在');
    assert.deepEqual(ok(await v3.getUserPermissionList({ userIds: [ann], namespaceCodes: ['test'] })).userPermissionList[0].resourceList, [
      { resourceCode: 'doc', resourceType: 'STRING', strAuthorize: { value: 'text', actions: ['read', 'get'] } },
      { resourceCode: 'tree', resourceType: 'TREE', treeAuthorize: { authList: [{ nodePath: '/a', nodeName: 'A', nodeActions: ['get'], nodeValue: '' }] } },
    ]);
    refused(await v3.getUserPermissionList({ userIds: [] }), 400, 'userIds should not be empty');
    assert.deepEqual(ok(await v3.getUserResourcePermissionList({ namespaceCode, userId: ann, resources: ['doc'] })).permissionList, [{ namespaceCode, actions: ['read', 'get'], resource: 'doc' }]);
    refused(await v3.getUserResourcePermissionList({ namespaceCode: '', userId: ann, resources: ['doc'] }), 400, 'namespaceCode should not be empty');
    assert.deepEqual(ok(await v3.listResourceTargets({ namespaceCode, resources: ['doc'], actions: ['get'] })).authUserList[0].actionAuthList[0].userIds.sort(), [ann, bob].sort());
    refused(await v3.listResourceTargets({ namespaceCode, resources: ['doc'], actions: [] }), 400, 'actions should not be empty');
    const tree = [{ code: 'a', name: 'A', value: '', actions: ['get'], children: [{ code: 'b', name: 'B', actions: [] }] }, { code: 'c', name: 'C', actions: [] }];
    assert.deepEqual(ok(await v3.getUserResourceStruct({ namespaceCode, userId: ann, resourceCode: 'tree' })).treeResourceAuthAction.nodeAuthActionList, tree);
    refused(await v3.getUserResourceStruct({ namespaceCode, userId: ann, resourceCode: 'none' }), 404);
    ok(await v3.getExternalUserResourceStruct({ namespaceCode, externalId: 'ann-x', resourceCode: 'doc' }));
    refused(await v3.getExternalUserResourceStruct({ namespaceCode, externalId: 'none', resourceCode: 'doc' }), 404);
    const level = ok(await v3.checkUserSameLevelPermission({ ...ask, resource: 'tree', resourceNodeCodes: ['a', 'c'] })).checkLevelResultList;
    assert.deepEqual(level.map(({ enabled }) => enabled), [true, false]);
    has(ok(await v3.checkUserSameLevelPermission({ ...ask, resource: 'doc' })).checkLevelResultList[0], { action: 'get', enabled: true });
    refused(await v3.checkUserSameLevelPermission({ ...ask, resource: '' }), 400, 'resource should not be empty');
    assert.equal(ok(await v3.listPermissionView({ page: 1, limit: 10 })).totalCount, 4);
    refused(await v3.listPermissionView({ limit: 51 }), 400);
  });

  await t.test('users ask of themselves', async () => {
    const app = pool.appId;
    ok(await v3.createDataResourceByString({ namespaceCode: app, resourceCode: 'own', resourceName: 'Own', struct: 't', actions: ['get'] }));
    const { policyId } = ok(await v3.createDataPolicy({ policyName: 'own', statementList: [{ effect: 'ALLOW', permissions: [`${app}/own/*`] }] }));
    ok(await v3.authorizeDataPolicies({ policyIds: [policyId], targetList: [{ id: ann, type: 'USER' }] }));
    const { token } = await pool.v2.users.refreshToken(ann);
    const own = new sdk.AuthenticationClient({ appId: app, appSecret: pool.appSecret, appHost: url, accessToken: token });
    assert.deepEqual(ok(await own.checkPermissionByStringResource({ resources: ['own'], action: 'get' })).checkResultList, [{ namespaceCode: app, resource: 'own', action: 'get', enabled: true }]);
    assert.equal(ok(await own.checkPermissionByArrayResource({ resources: ['own'], action: 'get' })).checkResultList[0].enabled, false);
    assert.equal(ok(await own.checkPermissionByTreeResource({ resources: ['/own'], action: 'get' })).checkResultList[0].enabled, false);
    assert.equal(ok(await own.getUserAuthorizedResourcesList()).userPermissionList[0].resourceList[0].resourceCode, 'own');
    assert.deepEqual(ok(await own.getUserAuthResourcePermissionList({ resources: ['own', '123'] })).permissionList.map(({ actions }) => actions), [['get'], []]);
    assert.equal(ok(await own.getUserAuthResourceStruct({ resource: 'own' })).strResourceAuthAction.value, 't');
    assert.equal(ok(await own.getAuthorizedResources({})).totalCount, 0);
  });

  await t.test('revokeDataPolicy and deleteDataPolicy', async () => {
    ok(await v3.revokeDataPolicy({ policyId: docs, targetType: 'USER', targetIdentifier: ann }));
    refused(await v3.revokeDataPolicy({ policyId: docs, targetType: 'USER', targetIdentifier: '' }), 400, 'targetIdentifier should not be empty');
    refused(await v3.revokeDataPolicy({ policyId: unknownID, targetType: 'USER', targetIdentifier: ann }), 404);
    assert.equal(ok(await v3.checkPermission({ namespaceCode: 'test', userId: ann, action: 'get', resources: ['doc'] })).checkResultList[0].enabled, false);
    assert.equal(ok(await v3.deleteDataPolicy({ policyId: docs })), undefined);
    refused(await v3.deleteDataPolicy({ policyId: '' }), 400, 'policyId should not be empty');
  });

  await t.test('no operation was left out', () => recorder.assertComplete('data-permission'));
});
