// Permissions over authing-js-sdk: every method of its AclManagementClient, what its clients of users, groups, roles, organisations and policies
// have of them, and the methods of its ApplicationsManagementClient that are those of permissions and roles under another name.
import assert from 'node:assert/strict';
import { PolicyAssignmentTargetType as Target, ResourceType, PolicyEffect } from 'authing-js-sdk';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, done, has, isID, isTime, refuses, unknownID } from './lib/v2.mjs';

const codes = (page) => page.list.map(({ code }) => code);
const actions = [
  { name: 'ec2:Start', description: 'start' },
  { name: 'ec2:Delete', description: 'delete' },
];

onEachEngine(
  'V2 permissions',
  async (t, { pools: [pool, other] }) => {
    const tracker = new Tracker(pool.v2.acl);
    const acl = tracker.client;
    const { users, groups, roles, org, policies } = pool.v2;
    const [ann, bob] = [await users.create({ username: 'ann' }), await users.create({ username: 'bob' })];
    const eve = await other.v2.users.create({ username: 'eve' });
    await groups.create('dev', 'Developers');
    await users.addGroup(ann.id, 'dev');
    const root = (await org.create('Acme', 'acme', 'acme')).rootNode;
    const north = await org.addNode(root.id, root.id, { name: 'North', code: 'north' });
    await org.addMembers(north.id, [ann.id]);

    await t.test('namespaces', async () => {
      const made = await acl.createNamespace('shop', 'Shop', 'books and more');
      has(made, { code: 'shop', name: 'Shop', description: 'books and more', status: 1 });
      assert.ok(Number.isSafeInteger(made.id), 'its identifier is a number');
      const page = await acl.listNamespaces();
      assert.deepEqual([page.total, page.list[0]], [3, made]);
      assert.equal((await acl.listNamespaces(2, 2)).list.length, 1);
      has(
        page.list.find(({ code }) => code === pool.appId),
        { appId: pool.appId },
      );
      has(await acl.updateNamespace('shop', { name: 'Store' }), { code: 'shop', name: 'Store', id: made.id });
      has(await acl.updateNamespace('shop', { code: 'store' }), { code: 'store', id: made.id });
      await refuses(acl.createNamespace('store', 'Another'), 409);
      await refuses(acl.createNamespace('', 'Nameless'), 400);
      await refuses(acl.updateNamespace('shop', { name: 'x' }), 3005);
      await refuses(acl.deleteNamespace('shop'), 3003);
      await refuses(acl.deleteNamespace('default'));
      await refuses(acl.deleteNamespace(pool.appId));
      await refuses(other.v2.acl.updateNamespace('store', { name: 'x' }), 3005);
      assert.equal((await other.v2.acl.listNamespaces()).total, 2);
      await acl.createNamespace('spare', 'Spare');
      assert.equal(await acl.deleteNamespace('spare'), true);
      assert.equal((await acl.listNamespaces()).total, 3);
    });

    await t.test('resources', async () => {
      const resource = { namespace: 'store', code: 'ec2', type: 'DATA', description: 'a server', actions };
      const made = await acl.createResource(resource);
      has(made, { ...resource, userPoolId: pool.userPoolId });
      isID(made.id);
      isTime(made.createdAt);
      await acl.createResource({ namespace: 'store', code: 'menu', type: 'MENU', actions });
      const page = await acl.listResources({ namespace: 'store' });
      assert.deepEqual([page.totalCount, codes(page)], [2, ['menu', 'ec2']]);
      const menus = await acl.getResources({ namespaceCode: 'store', type: 'MENU' });
      assert.deepEqual([menus.totalCount, codes(menus)], [1, ['menu']]);
      assert.equal((await acl.listResources()).totalCount, 0, 'the default namespace has none');
      assert.deepEqual(await acl.getResourceById(made.id), made);
      assert.deepEqual(await acl.getResourceByCode({ namespace: 'store', code: 'ec2' }), made);
      assert.equal(await acl.getResourceByCode({ namespace: 'store', code: 'nonsense' }), null);
      assert.equal(await acl.getResourceById(unknownID), null);
      assert.equal(await other.v2.acl.getResourceById(made.id), null);
      const fewer = [{ name: 'ec2:Stop', description: 'stop' }];
      has(await acl.updateResource('ec2', { namespace: 'store', actions: fewer, type: 'API', apiIdentifier: 'https://example.com/ec2' }), {
        actions: fewer,
        type: 'API',
        apiIdentifier: 'https://example.com/ec2',
        description: 'a server',
      });
      await refuses(acl.createResource(resource), 409);
      await refuses(acl.createResource({ ...resource, namespace: 'nonsense' }), 404);
      await refuses(acl.createResource({ ...resource, namespace: other.appId }), 404);
      await refuses(acl.createResource({ ...resource, code: 'x', type: 'NONSENSE' }), 400);
      await refuses(acl.updateResource('nonsense', { namespace: 'store', description: 'x' }), 404);
      assert.equal(await acl.deleteResource('menu', 'store'), true);
      await refuses(acl.deleteResource('menu', 'store'), 404);
      assert.equal((await acl.listResources({ namespace: 'store' })).totalCount, 1);
      assert.equal(await pool.v2.tenant.batchInsertResource({ bulk: [{ ...resource, code: 'disk' }, { ...resource, code: 'net' }] }), true);
      assert.equal((await acl.listResources({ namespace: 'store' })).totalCount, 3);
    });

    await roles.create('admin', 'Administrators', 'store');
    await roles.addUsers('admin', [ann.id], 'store');
    const everybody = [
      { targetType: Target.User, targetIdentifier: ann.id },
      { targetType: Target.Group, targetIdentifier: 'dev' },
      { targetType: Target.Role, targetIdentifier: 'admin' },
      { targetType: Target.Org, targetIdentifier: north.id },
    ];
    const verbs = ['ec2:Start', 'ec2:Stop', 'ec2:Update', 'ec2:View'];
    const opts = everybody.map(({ targetType, targetIdentifier }, i) => ({
      targetType,
      targetIdentifiers: [targetIdentifier],
      resources: [{ code: 'ec2:1', actions: [verbs[i]], resourceType: ResourceType.Data }],
    }));
    const may = (user, resource, action, namespace) => acl.isAllowed(user.id, resource, action, { namespace });

    await t.test('allow and isAllowed', async () => {
      done(await acl.allow(ann.id, 'books:1', 'books:edit', 'default'));
      assert.equal(await may(ann, 'books:1', 'books:edit'), true);
      assert.equal(await may(ann, 'books:1', 'edit', 'default'), true);
      assert.equal(await may(ann, 'books:1', 'books:delete'), false);
      assert.equal(await may(ann, 'books:1', 'books:edit', 'store'), false);
      assert.equal(await may(bob, 'books:1', 'books:edit'), false);
      done(await acl.allow(bob.id, 'books:*', 'books:*', 'default'));
      assert.equal(await may(bob, 'books:7', 'books:burn'), true);
      assert.equal(await may(bob, 'books:*', 'books:burn'), true);
      await refuses(acl.allow(ann.id, 'books', 'books:edit', 'default'), 400);
      await refuses(acl.allow(eve.id, 'books:1', 'books:edit', 'default'), 2004);
      await refuses(acl.allow(ann.id, 'books:1', 'books:edit', 'nonsense'), 404);
      await refuses(may(eve, 'books:1', 'books:edit'), 2004);
      await refuses(may(ann, 'books:1', 'books:edit', 'nonsense'), 404);
      await refuses(may(ann, 'books:1', 'books:edit', other.appId), 404);
      const ask = 'query ($u: String!, $a: String!) { yes: isActionAllowed(resource: "books:1", action: $a, userId: $u) no: isActionDenied(resource: "books:1", action: $a, userId: $u) }';
      assert.deepEqual(await pool.data(ask, { u: ann.id, a: 'books:edit' }), { yes: true, no: false });
      assert.deepEqual(await pool.data(ask, { u: ann.id, a: 'books:delete' }), { yes: false, no: false });
    });

    await t.test('authorizeResources', async () => {
      assert.equal(await acl.authorizeResources({ namespace: 'store', opts }), true);
      for (const verb of verbs) assert.equal(await may(ann, 'ec2:1', verb, 'store'), true, verb);
      assert.equal(await may(bob, 'ec2:1', 'ec2:Start', 'store'), false);
      await refuses(acl.authorizeResources({ namespace: 'store', opts: [{ ...opts[0], targetIdentifiers: [ann.id, unknownID] }] }), 2004);
      await refuses(acl.authorizeResources({ namespace: 'default', opts: [opts[2]] }), 404);
      await refuses(acl.authorizeResources({ namespace: 'store', opts: [] }), 400);
      await refuses(other.v2.acl.authorizeResources({ namespace: 'default', opts: [opts[0]] }), 2004);
    });

    await t.test('what is authorized, for one and for many', async () => {
      const { list } = await acl.listAuthorizedResourcesBatch({ namespace: 'store', targets: everybody });
      assert.deepEqual(
        list.map((page) => [page.totalCount, page.list[0].code, page.list[0].actions]),
        [
          [1, 'ec2:1', verbs],
          [1, 'ec2:1', ['ec2:Stop']],
          [1, 'ec2:1', ['ec2:Update']],
          [1, 'ec2:1', ['ec2:View']],
        ],
      );
      const own = { totalCount: 1, list: [{ code: 'ec2:1', type: 'DATA', actions: verbs }] };
      assert.deepEqual(await acl.listAuthorizedResources(Target.User, ann.id, 'store'), own);
      assert.deepEqual(await users.listAuthorizedResources(ann.id, 'store', { resourceType: ResourceType.Data }), own);
      assert.equal((await users.listAuthorizedResources(ann.id, 'store', { resourceType: ResourceType.Menu })).totalCount, 0);
      assert.equal((await users.listAuthorizedResources(ann.id)).totalCount, 2, 'of all namespaces');
      assert.deepEqual((await groups.listAuthorizedResources('dev', 'store')).list[0].actions, ['ec2:Stop']);
      assert.deepEqual((await roles.listAuthorizedResources('admin', 'store')).list[0].actions, ['ec2:Update']);
      assert.deepEqual((await org.listAuthorizedResourcesByNodeId(north.id, 'store')).list[0].actions, ['ec2:View']);
      assert.deepEqual((await org.listAuthorizedResourcesByNodeCode(root.id, 'north', 'store')).list[0].actions, ['ec2:View']);
      assert.equal((await org.listAuthorizedResourcesByNodeId(root.id, 'store')).totalCount, 0);
      await refuses(acl.listAuthorizedResources(Target.User, eve.id, 'store'), 2004);
      await refuses(acl.listAuthorizedResources(Target.Org, 'north', 'store'), 404);
      await refuses(acl.listAuthorizedResourcesBatch({ namespace: 'nonsense', targets: everybody.slice(0, 1) }), 404);
    });

    await t.test('authorizeResource and getAuthorizedTargets', async () => {
      done(
        await acl.authorizeResource({
          namespace: 'store',
          resource: 'disk',
          opts: everybody.slice(1).map((target, i) => ({ ...target, actions: ['disk:read', ...(i === 0 ? ['disk:write'] : [])] })),
        }),
      );
      assert.equal(await may(ann, 'disk:9', 'disk:write', 'store'), true);
      const ask = { namespace: 'store', resource: 'disk', resourceType: 'DATA' };
      const page = await acl.getAuthorizedTargets(ask);
      assert.deepEqual([page.totalCount, page.list.length], [3, 3]);
      assert.deepEqual(await acl.getAuthorizedTargets({ ...ask, targetType: 'GROUP' }), {
        totalCount: 1,
        list: [{ targetType: 'GROUP', targetIdentifier: 'dev', actions: ['disk:read', 'disk:write'] }],
      });
      const both = ['disk:read', 'disk:write'];
      assert.equal((await acl.getAuthorizedTargets({ ...ask, actions: { op: 'AND', list: both } })).totalCount, 1);
      assert.equal((await acl.getAuthorizedTargets({ ...ask, actions: { op: 'OR', list: both } })).totalCount, 3);
      assert.equal((await acl.getAuthorizedTargets({ ...ask, resource: 'nonsense' })).totalCount, 0);
      await refuses(acl.getAuthorizedTargets({ ...ask, namespace: 'nonsense' }), 404);
      await refuses(acl.authorizeResource({ namespace: 'store', resource: 'disk', opts: [{ ...everybody[0], targetIdentifier: eve.id, actions: ['a'] }] }), 2004);
    });

    await t.test('revoke', async () => {
      assert.equal(await acl.revokeResources({ namespace: 'store', opts: [opts[0]] }), true);
      assert.equal(await may(ann, 'ec2:1', 'ec2:Start', 'store'), false);
      assert.equal(await may(ann, 'ec2:1', 'ec2:Stop', 'store'), true);
      assert.equal(await acl.revokeResources({ namespace: 'store', opts }), true);
      for (const verb of verbs) assert.equal(await may(ann, 'ec2:1', verb, 'store'), false, verb);
      await acl.allow(ann.id, 'disk:1', 'disk:own', 'store');
      const mine = { namespace: 'store', opts: [everybody[0]] };
      assert.equal(await acl.revokeResource({ ...mine, resource: 'disk' }), true);
      assert.equal(await may(ann, 'disk:1', 'disk:own', 'store'), false, 'a type is taken with its items');
      assert.equal(await may(ann, 'disk:1', 'disk:write', 'store'), true, 'the group keeps its own');
      assert.equal(await acl.revokeResource({ ...mine, resource: 'disk' }), true);
      await refuses(acl.revokeResource({ ...mine, namespace: 'nonsense', resource: 'disk' }), 404);
      await refuses(acl.revokeResources({ namespace: 'store', opts: [] }), 400);
    });

    await t.test('policies decide', async () => {
      const tools = (effect) => [{ resource: 'tools:*', actions: ['tools:use'], effect }];
      await policies.create({ code: 'use', statements: tools(PolicyEffect.Allow) });
      await policies.create({ code: 'never', statements: tools(PolicyEffect.Deny) });
      assert.equal(await may(ann, 'tools:1', 'tools:use'), false);
      await policies.addAssignments(['use'], Target.Group, ['dev']);
      assert.equal(await may(ann, 'tools:1', 'tools:use'), true);
      assert.equal(await may(bob, 'tools:1', 'tools:use'), false);
      await policies.addAssignments(['never'], Target.User, [ann.id]);
      assert.equal(await may(ann, 'tools:1', 'tools:use'), false, 'a denial wins');
      const denied = 'query ($u: String!) { isActionDenied(resource: "tools:1", action: "tools:use", userId: $u) }';
      assert.deepEqual(await pool.data(denied, { u: ann.id }), { isActionDenied: true });
      assert.deepEqual(await pool.data(denied, { u: bob.id }), { isActionDenied: false });
      await policies.disableAssignment('never', Target.User, ann.id);
      assert.equal(await may(ann, 'tools:1', 'tools:use'), true);
      await policies.removeAssignments(['use'], Target.Group, ['dev']);
      assert.equal(await may(ann, 'tools:1', 'tools:use'), false);
      await policies.addAssignments(['use'], Target.Org, [root.id]);
      assert.equal(await may(ann, 'tools:1', 'tools:use'), false, 'a node above has it alone');
      await policies.removeAssignments(['use'], Target.Org, [root.id]);
      await policies.addAssignments(['use'], Target.Org, [root.id], { inheritByChildren: true });
      assert.equal(await may(ann, 'tools:1', 'tools:use'), true);
      assert.equal((await acl.getPoliciesAssignmentsCondition('default', 'use', 'ORG')).totalCount, 1);
      await policies.delete('use');
      assert.equal(await may(ann, 'tools:1', 'tools:use'), false);
    });

    await t.test('who may enter an application', async () => {
      const who = { appId: pool.appId, targetType: 'USER', targetIdentifiers: [ann.id] };
      assert.deepEqual(await acl.getApplicationAccessPolicies({ appId: pool.appId }), { totalCount: 0, list: [] });
      done(await acl.allowAccessApplication(who));
      const [record] = (await acl.getApplicationAccessPolicies({ appId: pool.appId })).list;
      has(record, { targetType: 'USER', targetIdentifier: ann.id, enabled: true, inheritByChildren: false, namespace: pool.appId });
      has(record.policy.statements[0], { effect: 'ALLOW' });
      has(record.target, { id: ann.id, username: 'ann' });
      isTime(record.assignedAt);
      done(await acl.denyAccessApplication({ ...who, targetType: 'ORG', targetIdentifiers: [root.id], inheritByChildren: true }));
      const page = await acl.getApplicationAccessPolicies({ appId: pool.appId, page: 1, limit: 1 });
      assert.equal(page.totalCount, 2);
      has(page.list[0], { targetType: 'ORG', targetIdentifier: root.id, inheritByChildren: true });
      done(await acl.disableApplicationAccessPolicy(who));
      assert.equal((await acl.getApplicationAccessPolicies({ appId: pool.appId })).list[1].enabled, false);
      done(await acl.enableApplicationAccessPolicy(who));
      done(await acl.deleteApplicationAccessPolicy(who));
      assert.equal((await acl.getApplicationAccessPolicies({ appId: pool.appId })).totalCount, 1);
      await refuses(acl.enableApplicationAccessPolicy(who), 404);
      await refuses(acl.allowAccessApplication({ ...who, targetIdentifiers: [eve.id] }), 2004);
      for (const method of ['allowAccessApplication', 'denyAccessApplication', 'enableApplicationAccessPolicy', 'disableApplicationAccessPolicy', 'deleteApplicationAccessPolicy']) {
        await refuses(acl[method]({ ...who, appId: other.appId }), 2011);
      }
      await refuses(acl.getApplicationAccessPolicies({ appId: other.appId }), 2011);
      for (const defaultStrategy of ['DENY_ALL', 'ALLOW_ALL']) {
        has(await acl.updateDefaultApplicationAccessPolicy({ appId: pool.appId, defaultStrategy }), { id: pool.appId, userPoolId: pool.userPoolId });
        has((await pool.v2.applications.updateDefaultAccessPolicy(pool.appId, defaultStrategy)).permissionStrategy, { defaultStrategy });
      }
      await refuses(acl.updateDefaultApplicationAccessPolicy({ appId: pool.appId, defaultStrategy: 'MAYBE' }), 400);
      await refuses(acl.updateDefaultApplicationAccessPolicy({ appId: other.appId, defaultStrategy: 'DENY_ALL' }), 2011);
    });

    await t.test('programmatic access accounts', async () => {
      assert.deepEqual(await acl.programmaticAccessAccountList(pool.appId), { totalCount: 0, list: [] });
      const made = await acl.createProgrammaticAccessAccount(pool.appId, { tokenLifetime: 60, remarks: 'backup' });
      has(made, { appId: pool.appId, tokenLifetime: 60, remarks: 'backup', enabled: true });
      isID(made.id);
      isTime(made.createdAt);
      assert.ok(made.secret.length >= 32, 'the secret is shown once');
      has(await acl.createProgrammaticAccessAccount(pool.appId), { tokenLifetime: 600, remarks: null });
      const page = await acl.programmaticAccessAccountList(pool.appId, 2, 1);
      assert.deepEqual([page.totalCount, page.list[0].id, page.list[0].secret], [2, made.id, null]);
      has(await acl.disableProgrammaticAccessAccount(made.id), { id: made.id, enabled: false, secret: null });
      has(await acl.enableProgrammaticAccessAccount(made.id), { enabled: true });
      const fresh = await acl.refreshProgrammaticAccessAccountSecret(made.id);
      assert.ok(fresh.secret.length === 32 && fresh.secret !== made.secret);
      has(await acl.refreshProgrammaticAccessAccountSecret(made.id, 'a'.repeat(20)), { secret: 'a'.repeat(20) });
      await refuses(acl.refreshProgrammaticAccessAccountSecret(made.id, 'short'), 400);
      await refuses(acl.createProgrammaticAccessAccount(pool.appId, { tokenLifetime: 0 }), 400);
      await refuses(acl.createProgrammaticAccessAccount(other.appId), 2011);
      await refuses(acl.programmaticAccessAccountList(other.appId), 2011);
      await refuses(other.v2.acl.disableProgrammaticAccessAccount(made.id), 404);
      await refuses(other.v2.acl.deleteProgrammaticAccessAccount(made.id), 404);
      assert.equal(await acl.deleteProgrammaticAccessAccount(made.id), true);
      await refuses(acl.deleteProgrammaticAccessAccount(made.id), 404);
      assert.equal((await acl.programmaticAccessAccountList(pool.appId)).totalCount, 1);
    });

    await t.test("the application's own permissions", async () => {
      const { applications } = pool.v2;
      const app = pool.appId;
      const chair = { code: 'chair', type: 'DATA', description: 'chair', actions };
      has(await applications.createResource(app, chair), { code: 'chair', namespace: app });
      assert.deepEqual(codes(await applications.listResources(app)), ['chair']);
      const others = [
        { name: 'b', description: 'second' },
        { name: 'a', description: 'first' },
      ];
      has(await applications.updateResource(app, { code: 'chair', type: 'API', description: 'new', actions: others }), { actions: others, description: 'new' });
      assert.equal(await applications.deleteResource(app, 'chair'), true);

      has(await applications.createRole(app, { code: 'guest' }), { code: 'guest' });
      has(await applications.findRole(app, 'guest'), { code: 'guest', namespace: app });
      has(await applications.updateRole(app, { code: 'guest', description: 'who visits', newCode: 'visitor' }), { code: 'visitor', description: 'who visits' });
      assert.equal(await applications.findRole(app, 'guest'), null);
      assert.equal((await applications.getRoles(app)).totalCount, 1);
      done(await applications.addUsersToRole(app, 'visitor', [ann.id]));
      assert.deepEqual((await applications.getUsersByRoleCode(app, 'visitor')).list.map(({ id }) => id), [ann.id]);
      await acl.authorizeResources({ namespace: app, opts: [{ targetType: Target.Role, targetIdentifiers: ['visitor'], resources: [{ code: 'chair:1', actions: ['sit'], resourceType: 'DATA' }] }] });
      assert.deepEqual(codes(await applications.listAuthorizedResourcesByRole(app, 'visitor', ResourceType.Data)), ['chair:1']);
      assert.equal(await may(ann, 'chair:1', 'chair:sit', app), true);
      done(await applications.removeUsersFromRole(app, 'visitor', [ann.id]));
      assert.equal(await may(ann, 'chair:1', 'chair:sit', app), false);
      await applications.createRole(app, { code: 'second' });
      done(await applications.deleteRoles(app, ['second']));
      done(await applications.deleteRole(app, 'visitor'));
      assert.equal((await applications.getRoles(app)).totalCount, 0);

      const who = { targetType: 'GROUP', targetIdentifiers: ['dev'] };
      done(await applications.allowAccess(app, who));
      done(await applications.enableAccessPolicy(app, who));
      done(await applications.disableAccessPolicy(app, who));
      done(await applications.denyAccess(app, who));
      has((await applications.getAccessPolicies(app)).list[0], { targetIdentifier: 'dev', enabled: true });
      done(await applications.deleteAccessPolicy(app, who));
    });

    await t.test('what is granted goes with whom it was granted to', async () => {
      await acl.allow(bob.id, 'lamp:1', 'lamp:light', 'store');
      const lamp = { namespace: 'store', resource: 'lamp:1', resourceType: 'DATA' };
      assert.equal((await acl.getAuthorizedTargets(lamp)).totalCount, 1);
      await users.delete(bob.id);
      assert.equal((await acl.getAuthorizedTargets(lamp)).totalCount, 0);
      await acl.deleteNamespace('store');
      await refuses(may(ann, 'disk:1', 'disk:write', 'store'), 404);
      await acl.createNamespace('store', 'Store');
      assert.equal(await may(ann, 'disk:1', 'disk:write', 'store'), false, 'a namespace of the same code begins empty');
    });

    tracker.assertAllCalled();
  },
  { pools: ['first', 'second'] },
);
