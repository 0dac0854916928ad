// Two pools on one server: what is put into the first, to be looked for from the second.
import assert from 'node:assert/strict';
import { ok } from './contract.mjs';

/** The names of things that are nowhere. */
export const nobody = {
  userId: 'eeeeeeeeeeeeeeeeeeeeeeee',
  secondId: 'eeeeeeeeeeeeeeeeeeeeeef0',
  username: 'marka-none',
  email: 'marka-none@example.com',
  phone: '13700000000',
  externalId: 'marka-none-ext',
  identity: 'marka-none-idp:marka-none-account',
  group: 'marka-none-group',
  role: 'marka-none-role',
  roleId: 'eeeeeeeeeeeeeeeeeeeeeeed',
  field: 'marka_none',
  resource: 'marka-none:1',
  accessKeyId: 'eeeeeeeeeeeeeeeeeeeeeeec',
  appId: 'eeeeeeeeeeeeeeeeeeeeeeeb',
  requestId: 'eeeeeeeeeeeeeeeeeeeeeeea',
  adminId: 'eeeeeeeeeeeeeeeeeeeeeef1',
  token: 'marka-none-token',
  organization: 'marka-none-org',
  departmentId: 'eeeeeeeeeeeeeeeeeeeeeef2',
  rootId: 'eeeeeeeeeeeeeeeeeeeeeef3',
  post: 'marka-none-post',
  postId: 'eeeeeeeeeeeeeeeeeeeeeef4',
  namespace: 'marka-none-namespace',
  describedId: 'eeeeeeeeeeeeeeeeeeeeeef5',
  described: 'marka-none-thing',
  programmaticId: 'eeeeeeeeeeeeeeeeeeeeeef6',
};

/** Fills a pool with one of everything; answers the names of all of it. */
export async function furnish(pool) {
  const { v2, v3 } = pool;
  const mark = { username: 'marka-user', email: 'marka@example.com', phone: '13700000001', externalId: 'marka-ext' };
  const field = { targetType: 'USER', dataType: 'STRING', label: 'marka' };
  ok(
    await v3.setCustomFields({
      list: [
        { ...field, key: 'marka_field' },
        { ...field, key: 'marka_badge', isUnique: true },
      ],
    }),
  );
  const customData = { marka_field: 'marka-value' };
  const [{ userId }, { userId: secondId }] = ok(
    await v3.createUsersBatch({
      list: [
        { ...mark, nickname: 'marka-nick', password: 'marka-Secret-1', customData: { ...customData, marka_badge: 'marka-007' } },
        { username: 'marka-second', customData },
      ],
    }),
  );
  ok(await v3.linkIdentity({ userId, extIdpId: 'marka-idp', userIdInIdp: 'marka-account', type: 'openid' }));
  ok(await v3.createGroup({ code: 'marka-group', name: 'marka' }));
  ok(await v3.addGroupMembers({ code: 'marka-group', userIds: [userId] }));
  const { departmentId: rootId } = ok(await v3.createOrganization({ organizationCode: 'marka-org', organizationName: 'marka' }));
  const { departmentId } = ok(
    await v3.createDepartment({ organizationCode: 'marka-org', name: 'marka', code: 'marka-department', parentDepartmentId: 'root' }),
  );
  const { id: postId } = ok(await v3.createPost({ code: 'marka-post', name: 'marka', departmentIdList: [departmentId] }));
  ok(await v3.setUserPosts({ userId, postIds: [postId] }));
  ok(await v3.setUserDepartments({ userId, departments: [{ departmentId, isLeader: true, isMainDepartment: true }] }));
  const { createRole } = await pool.data('mutation { createRole(code: "marka-role", description: "marka") { id } }');
  await v2.users.addRoles(userId, ['marka-role']);
  await pool.data(
    `mutation ($u: String!) {
      user: allow(resource: "marka:1", action: "marka:read", userId: $u, namespace: "default") { code }
      role: allow(resource: "marka:2", action: "marka:read", roleCode: "marka-role", namespace: "default") { code }
      group: authorizeResource(namespace: "default", resourceType: DATA, resource: "marka:3",
        opts: [{ targetType: GROUP, targetIdentifier: "marka-group", actions: ["marka:read"] }]) { code }
    }`,
    { u: userId },
  );
  await v2.acl.createNamespace('marka-namespace', 'marka');
  const { id: describedId } = await v2.acl.createResource({
    code: 'marka-thing',
    type: 'DATA',
    namespace: 'default',
    actions: [{ name: 'marka:read', description: 'marka' }],
  });
  await v2.acl.allowAccessApplication({ appId: pool.appId, targetType: 'USER', targetIdentifiers: [userId] });
  const { id: programmaticId } = await v2.acl.createProgrammaticAccessAccount(pool.appId, { tokenLifetime: 60, remarks: 'marka' });
  const [{ accessKeyId }] = ok(await v3.createAccessKey({ type: 'user', userId }));
  const { token } = await v2.users.refreshToken(userId);
  const log = ok(await v3.getAdminAuditLogs({ pagination: { page: 1, limit: 50 } })).list;
  return {
    ...mark,
    userId,
    secondId,
    identity: 'marka-idp:marka-account',
    group: 'marka-group',
    organization: 'marka-org',
    departmentId,
    rootId,
    post: 'marka-post',
    postId,
    role: 'marka-role',
    roleId: createRole.id,
    field: 'marka_field',
    namespace: 'marka-namespace',
    describedId,
    described: 'marka-thing',
    programmaticId,
    resource: 'marka:1',
    accessKeyId,
    appId: pool.appId,
    requestId: log[0].requestId,
    adminId: log.find(({ adminUserDisplayName }) => adminUserDisplayName === 'admin').adminUserId,
    token,
  };
}

/** All that a pool shows to its own keys, but for times of use. */
export async function snapshot({ v2, v3, appId }, { userId, accessKeyId, group }) {
  const { lastDate, ...key } = ok(await v3.getAccessKey({ userId, accessKeyId }))[0];
  return {
    key,
    keys: ok(await v3.getAccessKeyList({})).length,
    users: ok(await v3.listUsers({ options: { withCustomData: true, withIdentities: true, withDepartmentIds: true, withPost: true } })),
    groups: ok(await v3.getAllGroups({ fetchMembers: true })),
    members: ok(await v3.listGroupMembers({ code: group })),
    organizations: ok(await v3.listOrganizations({ withPost: true })),
    departments: ok(await v3.getAllDepartments({ organizationCode: 'marka-org' })),
    ofDepartment: ok(await v3.listDepartmentMembers({ organizationCode: 'marka-org', departmentId: 'root', includeChildrenDepartments: true })),
    posts: ok(await v3.postList({})),
    fields: ok(await v3.getCustomFields({ targetType: 'USER' })),
    roles: await v2.makeGraphqlRequest({
      query: '{ roles { totalCount list { id code users { list { id } } authorizedResources { list { code actions } } } } }',
    }),
    namespaces: await v2.acl.listNamespaces(),
    resources: await v2.acl.listResources({ namespace: 'default' }),
    access: await v2.acl.getApplicationAccessPolicies({ appId }),
    programmatic: await v2.acl.programmaticAccessAccountList(appId),
    ofUser: [await v2.users.listRoles(userId), await v2.users.listAuthorizedResources(userId, 'default')],
    log: ok(await v3.getAdminAuditLogs({})),
  };
}

/** Checks that an answer's data holds nothing that furnish has put into the first pool. */
export function showsNothing(data, theirs, where) {
  const text = JSON.stringify(data ?? null);
  for (const [name, id] of Object.entries(theirs)) assert.ok(!text.includes(id), `${where} shows their ${name}`);
  assert.ok(!text.includes('marka'), `${where} shows something of theirs: ${text.slice(0, 300)}`);
}
