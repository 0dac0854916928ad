// Policies over authing-js-sdk: every method of its PoliciesManagementClient, and what roles have of policies.
import assert from 'node:assert/strict';
import { PolicyAssignmentTargetType as Target, PolicyEffect } from 'authing-js-sdk';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, done, has, isTime, refuses, unknownID } from './lib/v2.mjs';

const statements = [{ resource: 'books:123', effect: PolicyEffect.Allow, actions: ['books:edit'] }];
const answered = statements.map((statement) => ({ ...statement, condition: null }));
const codes = (page) => page.list.map(({ code }) => code);

onEachEngine(
  'V2 policies',
  async (t, { pools: [pool, other] }) => {
    const tracker = new Tracker(pool.v2.policies);
    const policies = tracker.client;
    const { users, groups, roles } = pool.v2;
    const [ann, bob] = [await users.create({ username: 'ann' }), await users.create({ username: 'bob' })];
    await groups.create('dev', 'Developers');
    await roles.create('admin', 'Administrators');

    await t.test('create and detail', async () => {
      const policy = await policies.create({ code: 'edit', statements, description: 'who edit' });
      has(policy, { code: 'edit', namespace: 'default', isDefault: false, description: 'who edit', statements: answered, assignmentsCount: 0 });
      isTime(policy.createdAt);
      has(await policies.detail('edit'), { code: 'edit', statements: answered });
      assert.equal(await policies.detail('nonsense'), null);
      const condition = [{ param: 'ip', operator: 'In', value: ['10.0.0.1', { x: 1 }] }];
      const denying = [{ resource: '*', actions: ['b', 'a'], effect: PolicyEffect.Deny, condition }];
      has(await policies.create({ code: 'deny', statements: denying }), { statements: denying });
      has(await policies.create({ code: 'edit', statements, namespace: pool.appId }), { namespace: pool.appId });
      has(await policies.detail('AdministratorAccess'), { isDefault: true });
      assert.equal(await other.v2.policies.detail('edit'), null);
    });

    await t.test('create refuses', async (t) => {
      for (const [name, input] of [
        ['a taken code', { code: 'edit', statements }],
        ['the built-in code', { code: 'AdministratorAccess', statements }],
        ['no code', { code: '', statements }],
        ['a long code', { code: 'c'.repeat(100), statements }],
        ['no statements', { code: 'x', statements: [] }],
        ['no actions', { code: 'x', statements: [{ resource: 'a', actions: [] }] }],
        ['another effect', { code: 'x', statements: [{ ...statements[0], effect: 'MAYBE' }] }],
        ['an unknown namespace', { code: 'x', statements, namespace: 'nonsense' }],
        ["another pool's namespace", { code: 'x', statements, namespace: other.appId }],
      ]) {
        await t.test(name, () => refuses(policies.create(input)));
      }
    });

    await t.test('list, newest first', async () => {
      const page = await policies.list();
      assert.deepEqual([page.totalCount, codes(page)], [3, ['deny', 'edit', 'AdministratorAccess']]);
      assert.deepEqual(codes(await policies.list({ page: 2, limit: 1 })), ['edit']);
      assert.deepEqual(codes(await policies.list({ namespace: pool.appId })), ['edit']);
      await refuses(policies.list({ page: -1 }));
    });

    await t.test('update', async () => {
      const wider = [{ resource: 'books:123', effect: PolicyEffect.Allow, actions: ['books:*'] }];
      has(await policies.update('edit', { statements: wider }), { code: 'edit', statements: [{ ...wider[0], condition: null }] });
      has(await policies.update('edit', { description: 'others' }), { description: 'others' });
      has(await policies.update('edit', { newCode: 'write' }), { code: 'write', description: 'others' });
      assert.equal(await policies.detail('edit'), null);
      await refuses(policies.update('AdministratorAccess', { description: 'mine' }));
      await refuses(policies.update('write', { newCode: 'deny' }));
      await refuses(policies.update('nonsense', { description: 'x' }));
    });

    await t.test('assignments', async () => {
      done(await policies.addAssignments(['write', 'deny'], Target.User, [ann.id, bob.id], { inheritByChildren: true }));
      done(await policies.addAssignments(['write'], Target.User, [ann.id]));
      done(await policies.addAssignments(['write'], Target.Group, ['dev']));
      done(await policies.addAssignments(['write'], Target.Role, ['admin']));
      const page = await policies.listAssignments({ code: 'write' });
      assert.deepEqual([page.totalCount, page.list.length], [4, 4]);
      const named = page.list.map(({ targetType, targetIdentifier }) => `${targetType} ${targetIdentifier}`).toSorted();
      assert.deepEqual(named, ['GROUP dev', 'ROLE admin', ...[`USER ${ann.id}`, `USER ${bob.id}`].toSorted()]);
      assert.equal((await policies.listAssignments({ code: 'deny', page: 2, limit: 1 })).list.length, 1);
      assert.equal((await policies.listAssignments({ code: 'nonsense' })).totalCount, 0);
      assert.deepEqual((await roles.listPolicies('admin')).list, [{ code: 'write', targetType: 'ROLE', targetIdentifier: 'admin' }]);

      await refuses(policies.addAssignments(['write'], Target.User, [unknownID]));
      await refuses(policies.addAssignments(['write'], Target.User, ['nonsense']));
      await refuses(policies.addAssignments(['write'], Target.Role, ['nonsense']));
      await refuses(policies.addAssignments(['write'], Target.Group, ['nonsense']));
      await refuses(policies.addAssignments(['write'], Target.Org, [unknownID]));
      await refuses(policies.addAssignments(['nonsense'], Target.User, [ann.id]));
      await refuses(policies.addAssignments(['write'], Target.User, []));
      await refuses(roles.addPolicies('admin', ['write'])); // the client sends the role's code as a user
      assert.equal((await policies.listAssignments({ code: 'write' })).totalCount, 4);
    });

    await t.test('enable and disable', async () => {
      done(await policies.disableAssignment('write', Target.User, ann.id));
      done(await policies.enableAssignment('write', Target.User, ann.id));
      await refuses(policies.disableAssignment('deny', Target.Group, 'dev'), 404);
      await refuses(policies.enableAssignment('nonsense', Target.User, ann.id), 404);
    });

    await t.test('remove assignments', async () => {
      done(await policies.removeAssignments(['write', 'deny'], Target.User, [ann.id]));
      done(await policies.removeAssignments(['write'], Target.User, [ann.id]));
      done(await policies.removeAssignments(['write'], Target.Role, ['nonsense']));
      assert.equal((await policies.listAssignments({ code: 'write' })).totalCount, 3);
      await refuses(policies.removeAssignments(['nonsense'], Target.User, [bob.id]), 404);
    });

    await t.test('assignments go with whom they were made to', async () => {
      await users.delete(bob.id);
      assert.equal((await policies.listAssignments({ code: 'write' })).totalCount, 2);
      await groups.deleteMany(['dev']);
      assert.equal((await policies.listAssignments({ code: 'write' })).totalCount, 1);
      await roles.delete('admin');
      assert.equal((await policies.listAssignments({ code: 'write' })).totalCount, 0);
    });

    await t.test('delete', async () => {
      await refuses(policies.delete('AdministratorAccess'));
      await refuses(policies.deleteMany(['write', 'nonsense']), 404);
      has(await policies.detail('write'), { code: 'write' });
      done(await policies.delete('write'));
      assert.equal(await policies.detail('write'), null);
      done(await policies.deleteMany(['deny']));
      await refuses(policies.deleteMany([]));
      assert.deepEqual(codes(await policies.list()), ['AdministratorAccess']);
    });

    tracker.assertAllCalled();
  },
  { pools: ['first', 'second'] },
);
