// Organisations over authing-node-sdk: every operation of the domain.
import assert from 'node:assert/strict';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, isID, unknownID } from './lib/v2.mjs';

const long = 'c'.repeat(65);
const notFound = (code) => `organization not found for code: ${code}`;

onEachEngine('V3 organizations', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const ann = ok(await v3.createUser({ username: 'ann' })).userId;
  const post = ok(await v3.createPost({ code: 'chief', name: 'Chief' })).id;
  const acme = { organizationCode: 'acme', organizationName: 'Acme' };

  await t.test('createOrganization', async (t) => {
    const made = ok(await v3.createOrganization({ ...acme, description: 'd', openDepartmentId: 'open', postIdList: [post] }));
    has(made, { ...acme, description: 'd', openDepartmentId: 'open', membersCount: 0, hasChildren: false, postIdList: [post] });
    isID(made.departmentId);
    isID(ok(await v3.createOrganization({ organizationCode: '', organizationName: 'Picked' })).organizationCode);
    for (const [name, parameters, statusCode, message] of [
      ['a taken code', acme, 409, '组织标识符已存在'],
      ['other characters', { ...acme, organizationCode: '额！ ' }, 400, 'invalid organization code: 额！ '],
      ['a blank code', { ...acme, organizationCode: ' ' }, 400, 'invalid organization code:  '],
      ['a long code', { ...acme, organizationCode: long }, 400, '参数 organizationCode 格式错误'],
      ['a code that is none', { ...acme, organizationCode: 7 }, 400, '参数 organizationCode 格式错误'],
      ['no name', { organizationCode: 'n' }, 400, '参数 organizationName 格式错误'],
      ['a NUL', { organizationCode: 'n', organizationName: 'a\u0000b' }, 400, '参数 organizationName 格式错误'],
      ['an endless description', { organizationCode: 'n', organizationName: 'N', description: 'd'.repeat(100_000) }, 400, '参数 description 格式错误'],
      ['an unknown post', { organizationCode: 'n', organizationName: 'N', postIdList: [unknownID] }, 404, '岗位不存在'],
    ]) {
      await t.test(name, async () => refused(await v3.createOrganization(parameters), statusCode, message));
    }
  });

  await t.test('getOrganization', async () => {
    const i18n = { organizationName: { 'zh-CN': { enabled: true, value: '顶点' } } };
    ok(await v3.updateOrganization({ organizationCode: 'acme', i18n }));
    const found = ok(await v3.getOrganization({ organizationCode: 'acme', withCustomData: true, withPost: true }));
    has(found, { ...acme, postIdList: [post], customData: {} });
    assert.equal(found.i18n.organizationName['zh-CN'].value, '顶点');
    for (const code of ['nonsense', '', ' ']) refused(await v3.getOrganization({ organizationCode: code }), 404, notFound(code));
    refused(await v3.getOrganization({ organizationCode: long }), 400, '参数 organizationCode 格式错误');
  });

  await t.test('getOrganizationsBatch', async () => {
    assert.deepEqual(ok(await v3.getOrganizationsBatch({ organizationCodeList: ['nonsense', 'acme'] })).map((o) => o.organizationCode), ['acme']);
    refused(await v3.getOrganizationsBatch({ organizationCodeList: [''].concat(Array(50).fill('a')) }), 400);
  });

  await t.test('listOrganizations', async () => {
    has(ok(await v3.listOrganizations({})), { totalCount: 2 });
    assert.equal(ok(await v3.listOrganizations({ page: 2, limit: 1 })).list[0].organizationCode, 'acme');
    assert.equal(ok(await v3.listOrganizations({ fetchAll: true, limit: 1 })).list.length, 2);
    for (const [name, value] of [['page', 0], ['page', -1], ['limit', 0], ['limit', 51]])
      refused(await v3.listOrganizations({ [name]: value }), 400, `参数 ${name} 格式错误`);
  });

  await t.test('searchOrganizations', async () => {
    has(ok(await v3.searchOrganizations({ keywords: 'CME' })), { totalCount: 1 });
    has(ok(await v3.searchOrganizations({ keywords: '_' })), { totalCount: 0 });
    refused(await v3.searchOrganizations({ keywords: '' }), 400, '参数 keywords 格式错误');
    refused(await v3.searchOrganizations({ keywords: 'a', limit: 10000 }), 400, '参数 limit 格式错误');
  });

  await t.test('updateOrganization', async () => {
    const change = { organizationCode: 'acme', organizationName: 'Acme II', organizationNewCode: 'acme2', leaderUserIds: [ann] };
    has(ok(await v3.updateOrganization(change)), { organizationCode: 'acme2', organizationName: 'Acme II', leaderUserIds: [ann], membersCount: 1 });
    has(ok(await v3.updateOrganization({ organizationCode: 'acme2', organizationNewCode: '' })), { organizationCode: 'acme2' });
    for (const code of ['额！ ', ' '])
      refused(await v3.updateOrganization({ organizationCode: 'acme2', organizationNewCode: code }), 400, `invalid organization code: ${code}`);
    refused(await v3.updateOrganization({ organizationCode: 'acme2', organizationNewCode: long }), 400, '参数 organizationNewCode 格式错误');
    refused(await v3.updateOrganization({ organizationCode: 'acme' }), 404, notFound('acme'));
    refused(await v3.updateOrganization({ organizationCode: 'acme2', leaderUserIds: [unknownID] }), 404, '用户不存在');
  });

  await t.test('updateOrganizationStatus', async () => {
    const rootNodeId = ok(await v3.getOrganization({ organizationCode: 'acme2' })).departmentId;
    has(ok(await v3.updateOrganizationStatus({ rootNodeId, status: 'false' })), { success: true });
    has(ok(await v3.listOrganizations({ status: false })), { totalCount: 1 });
    refused(await v3.updateOrganizationStatus({ rootNodeId, status: 'perhaps' }), 400, '参数 status 格式错误');
    refused(await v3.updateOrganizationStatus({ rootNodeId: unknownID, status: 'true' }), 404, notFound(unknownID));
  });

  await t.test('deleteOrganization', async () => {
    ok(await v3.createDepartment({ organizationCode: 'acme2', name: 'Dev', parentDepartmentId: 'root' }));
    has(ok(await v3.deleteOrganization({ organizationCode: 'acme2' })), { success: true });
    refused(await v3.deleteOrganization({ organizationCode: 'acme2' }), 404, notFound('acme2'));
    has(ok(await v3.getUserDepartments({ userId: ann })), { totalCount: 0 });
    const log = ok(await v3.getAdminAuditLogs({ resourceType: 'org', pagination: { page: 1, limit: 50 } }));
    assert.deepEqual(log.list.slice(0, 2).map((r) => r.operationType), ['delete', 'create']);
  });

  await t.test('every operation', () => recorder.assertComplete('organizations'));
});
