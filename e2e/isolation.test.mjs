// Two pools on one server: whoever belongs to the second sees, changes and counts nothing of the first, whatever id, code, header or token
// they send. The measure: for the second pool, what is the first's answers exactly as what does not exist. isolation-names.test.mjs has
// what happens when both use the same names.
import assert from 'node:assert/strict';
import { ok } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { furnish, nobody, showsNothing, snapshot } from './lib/two-pools.mjs';

const byEachID = (parameters = {}) => [
  (it) => ({ ...parameters, userId: it.userId }),
  ...['username', 'email', 'phone', ['external_id', 'externalId'], 'identity'].map((type) => {
    const [userIdType, name] = [type].flat().length === 2 ? type : [type, type];
    return (it) => ({ ...parameters, userId: it[name], userIdType });
  }),
];

// Operations of V3 with an id among their arguments. Where one has several ids, each row brings another one in.
const v3Rows = Object.entries({
  getUser: byEachID(),
  getUserIdentities: byEachID(),
  getUserRoles: [...byEachID(), (it, own) => ({ userId: own.userId, namespace: it.appId })],
  getUserGroups: byEachID(),
  getUserDepartments: byEachID(),
  getUserMfaInfo: byEachID(),
  getUserPrincipalAuthenticationInfo: byEachID(),
  getUserAccessibleApps: byEachID(),
  getUserAuthorizedApps: byEachID(),
  getUserLoginHistory: byEachID(),
  getUserLoggedinApps: byEachID(),
  getUserLoggedinIdentities: byEachID(),
  getUserAuthorizedResources: byEachID(),
  getOtpSecretByUser: byEachID(),
  getUserMfaStatus: byEachID(),
  getUserSyncRelations: byEachID(),
  getUserPasswordCiphertext: byEachID(),
  resignUser: byEachID(),
  deleteUserSyncRelations: byEachID({ provider: 'lark' }),
  setUsersMfaStatus: byEachID({ mfaTriggerData: { mfaToken: 'x', applicationMfa: [] } }),
  ...Object.fromEntries(
    ['getApplication', 'getApplicationSimpleInfo', 'getApplicationSecret', 'refreshApplicationSecret', 'deleteApplication', 'listApplicationActiveUsers'].map(
      (name) => [name, [(it) => ({ appId: it.appId })]],
    ),
  ),
  updateApplication: [(it) => ({ appId: it.appId, appName: 'x' })],
  updateApplicationMfaSettings: [(it) => ({ appId: it.appId, enabledFactors: ['OTP'] })],
  getMfaTriggerData: [(it, own) => ({ appId: own.appId, userId: it.userId }), (it, own) => ({ appId: it.appId, userId: own.userId })],
  getUserBatch: [(it) => ({ userIds: [it.userId] }), (it) => ({ userIds: [it.email], userIdType: 'email' })],
  updateUser: [
    (it) => ({ userId: it.userId, name: 'x' }),
    (it) => ({ userId: it.username, name: 'x', options: { userIdType: 'username' } }),
  ],
  updateUserBatch: [(it) => ({ list: [{ userId: it.userId, name: 'x' }] })],
  deleteUsersBatch: [(it) => ({ userIds: [it.userId] }), (it) => ({ userIds: [it.phone], options: { userIdType: 'phone' } })],
  resignUserBatch: [(it) => ({ userIds: [it.userId] }), (it) => ({ userIds: [it.externalId], userIdType: 'external_id' })],
  getUserEncryptPasswordBatch: [(it) => ({ userIds: [it.userId] })],
  setUserDepartments: [
    (it) => ({ userId: it.userId, departments: [{ departmentId: it.roleId }] }),
    (it, own) => ({ userId: own.userId, departments: [{ departmentId: it.departmentId }] }),
  ],
  createUser: [(it) => ({ username: 'x', departmentIds: [it.departmentId] })],
  resetUserPrincipalAuthenticationInfo: [(it) => ({ userId: it.userId })],
  importOtp: [(it) => ({ list: [{ userId: it.userId, otp: { secret: 'JBSWY3DPEHPK3PXP' } }] })],
  kickUsers: [(it) => ({ userId: it.userId, appIds: [it.appId] })],
  checkSessionStatus: [(it) => ({ userId: it.userId, appId: it.appId })],
  hasAnyRole: [(it) => ({ userId: it.userId, roles: [{ code: it.role }] })],
  isUserExists: ['username', 'email', 'phone', 'externalId'].map((name) => (it) => ({ [name]: it[name] })),
  linkIdentity: [(it) => ({ userId: it.userId, extIdpId: 'x', userIdInIdp: 'y' })],
  unlinkIdentity: [(it) => ({ userId: it.userId, extIdpId: 'marka-idp' })],
  listUsers: [
    ...['username', 'email', 'phone', 'externalId', 'group', 'field'].map((name) => (it) => ({ keywords: it[name] })),
    ...['username', 'email', 'phone', 'externalId'].map((name) => (it) => ({
      advancedFilter: [{ field: name, operator: 'EQUAL', value: it[name] }],
    })),
    (it) => ({ advancedFilter: [{ field: it.field, operator: 'NOT_NULL' }] }),
    (it) => ({ advancedFilter: [{ field: 'department', operator: 'IN', value: [{ departmentId: it.departmentId }] }] }),
  ],
  ...Object.fromEntries(
    ['getOrganization', 'updateOrganization', 'deleteOrganization'].map((operation) => [operation, [(it) => ({ organizationCode: it.organization })]]),
  ),
  getOrganizationsBatch: [(it) => ({ organizationCodeList: [it.organization] })],
  searchOrganizations: [(it) => ({ keywords: it.organization })],
  updateOrganizationStatus: [(it) => ({ rootNodeId: it.rootId, status: 'false' })],
  createOrganization: [(it) => ({ organizationCode: '', organizationName: 'x', postIdList: [it.postId] })],
  ...Object.fromEntries(
    [
      ['getDepartment'],
      ['updateDepartment', { name: 'x' }],
      ['deleteDepartment'],
      ['listChildrenDepartments'],
      ['getAllDepartments'],
      ['listDepartmentMembers'],
      ['listDepartmentMemberIds'],
      ['searchDepartmentMembers', { keywords: 'a' }],
      ['getParentDepartment'],
      ['getDepartmentSyncRelations'],
      ['deleteDepartmentSyncRelations', { provider: 'lark' }],
    ].map(([operation, parameters]) => [
      operation,
      [
        (it) => ({ ...parameters, organizationCode: it.organization, departmentId: it.departmentId }),
        (it, own) => ({ ...parameters, organizationCode: own.organization, departmentId: it.departmentId }),
      ],
    ]),
  ),
  getDepartmentById: [(it) => ({ departmentId: it.departmentId })],
  updateNodeStatus: [(it) => ({ departmentId: it.departmentId, status: false })],
  createDepartment: [
    (it) => ({ organizationCode: it.organization, name: 'x', parentDepartmentId: 'root' }),
    (it, own) => ({ organizationCode: own.organization, name: 'x', parentDepartmentId: it.departmentId }),
  ],
  searchDepartments: [(it) => ({ organizationCode: it.organization, keywords: 'a' })],
  searchDepartmentsList: [(it) => ({ organizationCode: it.organization })],
  ...Object.fromEntries(
    ['addDepartmentMembers', 'removeDepartmentMembers'].map((operation) => [
      operation,
      [
        (it, own) => ({ organizationCode: it.organization, departmentId: it.departmentId, userIds: [own.userId] }),
        (it, own) => ({ organizationCode: own.organization, departmentId: 'root', userIds: [it.userId] }),
      ],
    ]),
  ),
  isUserInDepartment: [
    (it, own) => ({ organizationCode: it.organization, departmentId: it.departmentId, userId: own.userId }),
    (it, own) => ({ organizationCode: own.organization, departmentId: 'root', userId: it.userId }),
  ],
  getPost: [(it) => ({ code: it.post })],
  getPostById: [(it) => ({ idList: it.postId })],
  postListBatch: [(it) => ({ postCodes: [it.post] })],
  createPost: [(it) => ({ code: 'x', name: 'x', departmentIdList: [it.departmentId] })],
  updatePost: [(it) => ({ code: it.post, name: 'x' })],
  removePost: [(it) => ({ code: it.post })],
  ...Object.fromEntries(['getUserPosts', 'getUserPost'].map((operation) => [operation, [(it) => ({ userId: it.userId })]])),
  setUserPosts: [(it, own) => ({ userId: own.userId, postIds: [it.postId] }), (it) => ({ userId: it.userId, postIds: [it.postId] })],
  userConnectionPost: [(it, own) => ({ userId: own.userId, postId: it.postId })],
  getGroup: [(it) => ({ code: it.group })],
  listGroups: [(it) => ({ keywords: it.group })],
  listGroupMembers: [(it) => ({ code: it.group })],
  updateGroup: [(it) => ({ code: it.group, name: 'x' })],
  deleteGroupsBatch: [(it) => ({ codeList: [it.group] })],
  getGroupAuthorizedResources: [(it) => ({ code: it.group })],
  addGroupMembers: [(it, own) => ({ code: it.group, userIds: [own.userId] }), (it, own) => ({ code: own.group, userIds: [it.userId] })],
  removeGroupMembers: [(it, own) => ({ code: it.group, userIds: [own.userId] }), (it, own) => ({ code: own.group, userIds: [it.userId] })],
  getRole: [(it) => ({ code: it.role }), (it, own) => ({ code: own.role, namespace: it.appId })],
  listRoles: [(it) => ({ keywords: it.role }), (it) => ({ namespace: it.appId })],
  listRoleMembers: [(it) => ({ code: it.role })],
  listRoleDepartments: [(it) => ({ code: it.role })],
  listRoleAssignments: [(it) => ({ roleCode: it.role }), (it, own) => ({ roleCode: own.role, namespaceCode: it.appId })],
  getRoleAuthorizedResources: [(it) => ({ code: it.role })],
  updateRole: [(it) => ({ code: it.role, newCode: 'x', status: 'DISABLE' })],
  deleteRolesBatch: [(it) => ({ codeList: [it.role] }), (it, own) => ({ codeList: [own.role, it.role] })],
  deleteRoles: [(it) => ({ roleList: [{ code: it.role, namespace: 'default' }] }), (it) => ({ roleList: [{ code: 'x', namespace: it.appId }] })],
  deleteAdminRolesBatch: [(it) => ({ codeList: [it.role] })],
  checkParamsNamespace: [(it) => ({ code: it.role, namespace: 'default' }), (it) => ({ code: 'x', namespace: it.appId })],
  checkMutualExclusion: [(it) => ({ roles: [{ code: it.role }] })],
  createRolesBatch: [(it) => ({ list: [{ code: 'x', namespace: it.appId }] })],
  ...Object.fromEntries(
    ['assignRole', 'revokeRole'].map((operation) => [
      operation,
      [
        (it, own) => ({ code: it.role, targets: [{ targetType: 'USER', targetIdentifier: own.userId }] }),
        (it, own) => ({ code: own.role, targets: [{ targetType: 'USER', targetIdentifier: it.userId }] }),
        (it, own) => ({ code: own.role, targets: [{ targetType: 'GROUP', targetIdentifier: it.group }] }),
      ],
    ]),
  ),
  ...Object.fromEntries(
    ['assignRoleBatch', 'revokeRoleBatch'].map((operation) => [
      operation,
      [
        (it, own) => ({ roles: [{ code: own.role }, { code: it.role }], targets: [{ targetType: 'USER', targetIdentifier: own.userId }] }),
        (it, own) => ({ roles: [{ code: own.role }], targets: [{ targetType: 'GROUP', targetIdentifier: it.group }] }),
      ],
    ]),
  ),
  getCustomData: [
    (it) => ({ targetType: 'USER', targetIdentifier: it.userId }),
    (it) => ({ targetType: 'GROUP', targetIdentifier: it.group }),
    (it) => ({ targetType: 'ROLE', targetIdentifier: it.role, namespace: 'default' }),
  ],
  setCustomData: [
    (it) => ({ targetType: 'USER', targetIdentifier: it.userId, list: [{ key: it.field, value: 'x' }] }),
    (it, own) => ({ targetType: 'USER', targetIdentifier: own.userId, list: [{ key: it.field, value: 'x' }] }),
  ],
  deleteCustomFields: [(it) => ({ list: [{ targetType: 'USER', key: it.field }] })],
  getAccessKeyList: [(it) => ({ userId: it.userId }), (it) => ({ userId: it.adminId })],
  getAccessKey: [
    (it) => ({ userId: it.userId, accessKeyId: it.accessKeyId }),
    (it, own) => ({ userId: own.userId, accessKeyId: it.accessKeyId }),
  ],
  createAccessKey: [(it) => ({ type: 'user', userId: it.userId }), (it) => ({ type: 'user', userId: it.adminId })],
  updateAccessKey: [(it) => ({ accessKeyId: it.accessKeyId, enable: false })],
  deleteAccessKey: [(it) => ({ accessKeyId: it.accessKeyId })],
  getAdminAuditLogs: [(it) => ({ requestId: it.requestId }), (it) => ({ userId: it.userId })],
  getUserActionLogs: [(it) => ({ requestId: it.requestId }), (it) => ({ userId: it.userId, appId: it.appId })],
}).flatMap(([operation, rows]) => rows.map((row, i) => [`${operation} ${i}`, operation, row]));

const ask = (query) => (v2, it, own) =>
  v2.makeGraphqlRequest({ query, variables: { ...it, own: own.userId, ownGroup: own.group, ownRole: own.role } });

const options = (targetType, identifier) => ({
  targetType,
  targetIdentifiers: [identifier],
  resources: [{ code: 'a:1', actions: ['read'], resourceType: 'DATA' }],
});

// The same for V2, by calls of its client.
const v2Rows = Object.entries({
  detail: ({ users }, it) => users.detail(it.userId),
  update: ({ users }, it) => users.update(it.userId, { name: 'x' }),
  delete: ({ users }, it) => users.delete(it.userId),
  deleteMany: ({ users }, it) => users.deleteMany([it.userId]),
  batch: ({ users }, it) => users.batch([it.userId]),
  'batch by name': ({ users }, it) => users.batch([it.username], { queryField: 'username' }),
  exists: ({ users }, it) => users.exists({ username: it.username }),
  'exists by phone': ({ users }, it) => users.exists({ phone: it.phone }),
  find: ({ users }, it) => users.find({ email: it.email }),
  'find by externalId': ({ users }, it) => users.find({ externalId: it.externalId }),
  search: ({ users }, it) => users.search(it.username),
  refreshToken: ({ users }, it) => users.refreshToken(it.userId),
  'find by identity': ({ users }, it) =>
    users.find({ identity: { provider: it.identity.split(':')[0], userIdInIdp: it.identity.split(':')[1] } }),
  'search in a group': ({ users }, it) => users.search('own', { groupOpts: [{ code: it.group }] }),
  listGroups: ({ users }, it) => users.listGroups(it.userId),
  listRoles: ({ users }, it) => users.listRoles(it.userId),
  addGroup: ({ users }, it, own) => users.addGroup(own.userId, it.group),
  'addGroup of another': ({ users }, it, own) => users.addGroup(it.userId, own.group),
  removeGroup: ({ users }, it, own) => users.removeGroup(it.userId, own.group),
  addRoles: ({ users }, it, own) => users.addRoles(own.userId, [it.role]),
  'addRoles to another': ({ users }, it, own) => users.addRoles(it.userId, [own.role]),
  removeRoles: ({ users }, it, own) => users.removeRoles(it.userId, [own.role]),
  listAuthorizedResources: ({ users }, it) => users.listAuthorizedResources(it.userId, 'default'),
  getUdfValue: ({ users }, it) => users.getUdfValue(it.userId),
  getUdfValueBatch: ({ users }, it) => users.getUdfValueBatch([it.userId]),
  setUdfValue: ({ users }, it) => users.setUdfValue(it.userId, { [it.field]: 'x' }),
  removeUdfValue: ({ users }, it) => users.removeUdfValue(it.userId, it.field),
  kick: ({ users }, it) => users.kick([it.userId]),
  listOrgs: ({ users }, it) => users.listOrgs(it.userId),
  getUserTenants: ({ users }, it) => users.getUserTenants(it.userId),
  checkLoginStatus: ({ users }, it) => users.checkLoginStatus(it.userId, it.appId),
  resignUser: ({ users }, it) => users.resignUser(it.userId),
  linkIdentity: ({ users }, it) =>
    users.linkIdentity({ userId: it.userId, userIdInIdp: 'a', isSocial: true, identifier: 'b', extIdpId: 'c' }),
  listUserActions: ({ users }, it) => users.listUserActions({ userIds: [it.userId] }),
  'group detail': ({ groups }, it) => groups.detail(it.group),
  'group update': ({ groups }, it) => groups.update(it.group, { name: 'x' }),
  'group delete': ({ groups }, it) => groups.delete(it.group),
  'group users': ({ groups }, it) => groups.listUsers(it.group),
  'group resources': ({ groups }, it) => groups.listAuthorizedResources(it.group, 'default'),
  'field remove': ({ udf }, it) => udf.remove('USER', it.field),
  'field values': ({ udf }, it) => udf.listUdv('USER', it.userId),
  'role users': (v2, it) => v2.roles.listUsers(it.role),
  'role findUsers': (v2, it) => v2.roles.findUsers(it.role),
  'role findUsers in a namespace': (v2, it, own) => v2.roles.findUsers(own.role, { namespace: it.appId }),
  'role setUdfValue': (v2, it) => v2.roles.setUdfValue(it.roleId, { [it.field]: 'x' }),
  'role values': ({ udf }, it) => udf.listUdv('ROLE', it.roleId),
  'org findById': ({ org }, it) => org.findById(it.rootId),
  'org deleteById': ({ org }, it) => org.deleteById(it.rootId),
  'org exportByOrgId': ({ org }, it) => org.exportByOrgId(it.rootId),
  'org rootNode': ({ org }, it) => org.rootNode(it.rootId),
  'org isRootNode': ({ org }, it) => org.isRootNode(it.rootId, it.departmentId),
  'org addNode': ({ org }, it) => org.addNode(it.rootId, it.departmentId, { name: 'x' }),
  'org getNodeById': ({ org }, it) => org.getNodeById(it.departmentId),
  'org getNodeByCode': ({ org }, it) => org.getNodeByCode(it.rootId, it.organization),
  'org listChildren': ({ org }, it) => org.listChildren(it.rootId),
  'org updateNode': ({ org }, it) => org.updateNode(it.departmentId, { name: 'x' }),
  'org moveNode': ({ org }, it) => org.moveNode(it.rootId, it.departmentId, it.rootId),
  'org deleteNode': ({ org }, it) => org.deleteNode(it.rootId, it.departmentId),
  'org addMembers': ({ org }, it, own) => org.addMembers(it.departmentId, [own.userId]),
  'org removeMembers': ({ org }, it) => org.removeMembers(it.departmentId, [it.userId]),
  'org moveMembers': ({ org }, it) => org.moveMembers({ userIds: [it.userId], sourceNodeId: it.rootId, targetNodeId: it.departmentId }),
  'org setMainDepartment': ({ org }, it, own) => org.setMainDepartment(own.userId, it.departmentId),
  'node values': ({ udf }, it) => udf.listUdv('NODE', it.departmentId),
  'assignRole to a node': ask('mutation ($ownRole: String!, $organization: String!) { assignRole(roleCode: $ownRole, nodeCodes: [$organization]) { code } }'),
  role: ask('query ($role: String!) { role(code: $role) { id code } }'),
  updateRole: ask('mutation ($role: String!) { updateRole(code: $role, description: "x") { code } }'),
  'updateRole to a taken code': ask('mutation ($role: String!, $ownRole: String!) { updateRole(code: $role, newCode: $ownRole) { code } }'),
  deleteRole: ask('mutation ($role: String!) { deleteRole(code: $role) { code } }'),
  deleteRoles: ask('mutation ($role: String!) { deleteRoles(codeList: [$role]) { code } }'),
  'createRole below another': ask('mutation ($role: String!) { createRole(code: "child", parent: $role) { code } }'),
  assignRole: ask('mutation ($role: String!, $own: String!) { assignRole(roleCode: $role, userIds: [$own]) { code } }'),
  'assignRole to another': ask(
    'mutation ($ownRole: String!, $userId: String!) { assignRole(roleCode: $ownRole, userIds: [$userId]) { code } }',
  ),
  'assignRole to a group': ask(
    'mutation ($ownRole: String!, $group: String!) { assignRole(roleCode: $ownRole, groupCodes: [$group]) { code } }',
  ),
  revokeRole: ask('mutation ($role: String!, $own: String!) { revokeRole(roleCode: $role, userIds: [$own]) { code } }'),
  'allow a user': ask('mutation ($userId: String!) { allow(resource: "a:1", action: "a:b", userId: $userId) { code } }'),
  'allow a role': ask('mutation ($role: String!) { allow(resource: "a:1", action: "a:b", roleCode: $role) { code } }'),
  'allow in a namespace': ask(
    'mutation ($own: String!, $appId: String!) { allow(resource: "a:1", action: "a:b", userId: $own, namespace: $appId) { code } }',
  ),
  'createRole in a namespace': ask('mutation ($appId: String!) { createRole(code: "x", namespace: $appId) { code } }'),
  'roles of a namespace': ask('query ($appId: String!) { roles(namespace: $appId) { totalCount } }'),
  'resources of a user': ask(
    'query ($userId: String!) { authorizedResources(targetType: USER, targetIdentifier: $userId) { totalCount list { code } } }',
  ),
  'resources of a group': ask(
    'query ($group: String!) { authorizedResources(targetType: GROUP, targetIdentifier: $group) { totalCount list { code } } }',
  ),
  'resources of a role': ask(
    'query ($role: String!) { authorizedResources(targetType: ROLE, targetIdentifier: $role) { totalCount list { code } } }',
  ),
  'own roles in a namespace': ({ users }, it, own) => users.listRoles(own.userId, it.appId),
  'own resources in a namespace': ({ users }, it, own) => users.listAuthorizedResources(own.userId, it.appId),
  'own group in a namespace': ({ groups }, it, own) => groups.listAuthorizedResources(own.group, it.appId),
  'search with a role': ({ users }, it) => users.search('o', { roleOpts: [{ code: it.role }] }),
  'acl isAllowed': ({ acl }, it) => acl.isAllowed(it.userId, it.resource, 'marka:read'),
  'acl isAllowed in a namespace': ({ acl }, it, own) => acl.isAllowed(own.userId, 'a:1', 'read', { namespace: it.namespace }),
  isActionDenied: ask('query ($userId: String!) { isActionDenied(resource: "marka:1", action: "marka:read", userId: $userId) }'),
  'acl getAuthorizedTargets': ({ acl }, it) => acl.getAuthorizedTargets({ namespace: 'default', resource: it.resource, resourceType: 'DATA' }),
  'acl getAuthorizedTargets in a namespace': ({ acl }, it) =>
    acl.getAuthorizedTargets({ namespace: it.namespace, resource: 'a:1', resourceType: 'DATA' }),
  ...Object.fromEntries(
    [
      ['USER', 'userId'],
      ['GROUP', 'group'],
      ['ROLE', 'role'],
      ['ORG', 'departmentId'],
    ].flatMap(([targetType, name]) => [
      [`acl authorizeResources of ${targetType}`, ({ acl }, it) => acl.authorizeResources({ namespace: 'default', opts: [options(targetType, it[name])] })],
      [`acl revokeResources of ${targetType}`, ({ acl }, it) => acl.revokeResources({ namespace: 'default', opts: [options(targetType, it[name])] })],
      [
        `acl revokeResource of ${targetType}`,
        ({ acl }, it) => acl.revokeResource({ namespace: 'default', resource: it.resource, opts: [{ targetType, targetIdentifier: it[name] }] }),
      ],
      [
        `acl listAuthorizedResourcesBatch of ${targetType}`,
        ({ acl }, it) => acl.listAuthorizedResourcesBatch({ namespace: 'default', targets: [{ targetType, targetIdentifier: it[name] }] }),
      ],
      [`acl access of ${targetType}`, (v2, it, own) => v2.acl.allowAccessApplication({ appId: own.appId, targetType, targetIdentifiers: [it[name]] })],
      [`acl access of ${targetType} revoked`, (v2, it, own) => v2.acl.deleteApplicationAccessPolicy({ appId: own.appId, targetType, targetIdentifiers: [it[name]] })],
    ]),
  ),
  'acl authorizeResources in a namespace': ({ acl }, it, own) =>
    acl.authorizeResources({ namespace: it.namespace, opts: [options('USER', own.userId)] }),
  'acl revokeResources in a namespace': ({ acl }, it, own) => acl.revokeResources({ namespace: it.namespace, opts: [options('USER', own.userId)] }),
  'acl updateNamespace': ({ acl }, it) => acl.updateNamespace(it.namespace, { name: 'x' }),
  'acl deleteNamespace': ({ acl }, it) => acl.deleteNamespace(it.namespace),
  'acl listResources': ({ acl }, it) => acl.listResources({ namespace: it.namespace }),
  'acl getResourceById': ({ acl }, it) => acl.getResourceById(it.describedId),
  'acl getResourceByCode': ({ acl }, it) => acl.getResourceByCode({ namespace: 'default', code: it.described }),
  'acl createResource': ({ acl }, it) => acl.createResource({ namespace: it.namespace, code: 'x', type: 'DATA', actions: [{ name: 'a' }] }),
  'acl updateResource': ({ acl }, it) => acl.updateResource(it.described, { namespace: 'default', description: 'x' }),
  'acl deleteResource': ({ acl }, it) => acl.deleteResource(it.described, 'default'),
  'acl getApplicationAccessPolicies': ({ acl }, it) => acl.getApplicationAccessPolicies({ appId: it.appId }),
  ...Object.fromEntries(
    ['allowAccessApplication', 'denyAccessApplication', 'enableApplicationAccessPolicy', 'disableApplicationAccessPolicy', 'deleteApplicationAccessPolicy'].map(
      (method) => [`acl ${method}`, ({ acl }, it, own) => acl[method]({ appId: it.appId, targetType: 'USER', targetIdentifiers: [own.userId] })],
    ),
  ),
  'acl updateDefaultApplicationAccessPolicy': ({ acl }, it) =>
    acl.updateDefaultApplicationAccessPolicy({ appId: it.appId, defaultStrategy: 'DENY_ALL' }),
  'acl programmaticAccessAccountList': ({ acl }, it) => acl.programmaticAccessAccountList(it.appId),
  'acl createProgrammaticAccessAccount': ({ acl }, it) => acl.createProgrammaticAccessAccount(it.appId),
  'acl disableProgrammaticAccessAccount': ({ acl }, it) => acl.disableProgrammaticAccessAccount(it.programmaticId),
  'acl refreshProgrammaticAccessAccountSecret': ({ acl }, it) => acl.refreshProgrammaticAccessAccountSecret(it.programmaticId),
  'acl deleteProgrammaticAccessAccount': ({ acl }, it) => acl.deleteProgrammaticAccessAccount(it.programmaticId),
});

onEachEngine(
  'isolation of pools',
  async (t, { pools: [first, second] }) => {
    const theirs = await furnish(first);
    const own = { userId: ok(await second.v3.createUser({ username: 'own' })).userId, group: 'own-group', role: 'own-role', organization: 'own-org', appId: second.appId };
    ok(await second.v3.createGroup({ code: own.group, name: 'Own' }));
  ok(await second.v3.createOrganization({ organizationCode: own.organization, organizationName: 'Own' }));
    await second.data('mutation { createRole(code: "own-role") { id } }');
    const before = await snapshot(first, theirs);

    /** An answer or an error as text, without what differs by nature: request ids, and the names that were asked for. */
    const told = (value, asked) => {
      let text = JSON.stringify(value instanceof Error ? { message: value.message } : (value ?? null), (key, item) =>
        key === 'requestId' ? undefined : item,
      );
      for (const [name, id] of Object.entries(asked).toSorted(([, a], [, b]) => b.length - a.length))
        text = text.replaceAll(id, `<${name}>`);
      return text;
    };
    const attempt = (call) => call.catch((error) => error);

    await t.test('V3: what is theirs answers as what is not there', async (t) => {
      for (const [name, operation, row] of v3Rows) {
        await t.test(name, async () => {
          const [absent, foreign] = [await second.v3[operation](row(nobody, own)), await second.v3[operation](row(theirs, own))];
          assert.notEqual(absent.statusCode, 500);
          assert.equal(told(foreign, theirs), told(absent, nobody));
        });
      }
    });

    await t.test('V2: what is theirs answers as what is not there', async (t) => {
      for (const [name, call] of v2Rows) {
        await t.test(name, async () => {
          const [absent, foreign] = [await attempt(call(second.v2, nobody, own)), await attempt(call(second.v2, theirs, own))];
          assert.notEqual(absent?.code, 500);
          assert.equal(told(foreign, theirs), told(absent, nobody));
        });
      }
    });

    await t.test('headers of theirs open nothing', async (t) => {
      const lists = [
        ['POST', '/api/v3/list-users'],
        ['GET', '/api/v3/list-groups'],
        ['GET', '/api/v3/list-access-key'],
        ['POST', '/api/v3/get-admin-audit-logs'],
        ['GET', '/api/v3/get-user', { userId: theirs.userId }],
      ];
      for (const headers of [
        { 'x-authing-userpool-id': first.userPoolId },
        { 'x-authing-app-id': first.appId },
        { 'x-authing-userpool-id': first.userPoolId, 'x-authing-app-id': first.appId },
        { 'x-authing-app-tenant-id': theirs.userId },
      ]) {
        await t.test(JSON.stringify(Object.keys(headers)), async () => {
          for (const [method, path, parameters] of lists) {
            for (const scheme of ['signed', 'bearer']) {
              const answer = await second[scheme](method, path, parameters, { headers });
              assert.notEqual(answer.statusCode, 500);
              showsNothing(answer.data, theirs, `${scheme} ${path}`);
            }
          }
          const { data } = await second.graphql(
            '{ users { totalCount list { id username email } } groups { list { code } } }',
            {},
            { headers },
          );
          showsNothing(data, theirs, 'GraphQL');
          showsNothing((await second.rest('GET', `/api/v2/users/${theirs.userId}`, undefined, { headers })).data, theirs, 'REST');
        });
      }
    });

    await t.test('credentials of one pool are none in the other', async () => {
      const token = (userPoolId, secret) =>
        second.graphql(
          'query($p: String!, $s: String!) { accessToken(userPoolId: $p, secret: $s) { accessToken } }',
          { p: userPoolId, s: secret },
          { token: null },
        );
      assert.equal((await token(first.userPoolId, second.userPoolSecret)).data, null);
      assert.equal((await token(first.userPoolId, second.accessKeySecret)).data, null);
      const mixed = Object.assign(Object.create(Object.getPrototypeOf(second)), second, { accessKeyId: first.accessKeyId });
      assert.equal((await mixed.signed('POST', '/api/v3/list-users')).statusCode, 401);
      const answer = await second.graphql('{ users { totalCount } }', {}, { token: theirs.token });
      assert.equal(answer.data, null, "a user's token is no key");
    });

    await t.test('the first pool is as it was', async () => assert.deepEqual(await snapshot(first, theirs), before));
  },
  { pools: ['first', 'second'] },
);
