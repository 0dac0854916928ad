// Why, who, and what if: our own endpoints beside the wire's questions about permissions.
import assert from 'node:assert/strict';
import { ok, refused } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { done, has, unknownID } from './lib/v2.mjs';

onEachEngine(
  'V3 explain',
  async (t, { pools: [pool, stranger] }) => {
    const { v2, v3 } = pool;
    const x = (name, parameters, options) => pool.bearer('POST', `/api/v3/x/${name}`, parameters, options);
    const english = { headers: { 'x-authing-lang': 'en-US' } };
    const check = async (...questions) =>
      ok(await x('batch-check', { list: questions.map(([userId, action, resource]) => ({ userId, action, resource })) })).allowed;

    const users = ok(
      await v3.createUsersBatch({
        list: [
          { username: 'ann', name: 'Ann', city: 'Berlin' },
          { username: 'bob', name: 'Bob' },
          { username: 'eve', name: 'Eve' },
        ],
      }),
    );
    const [ann, bob, eve] = users.map(({ userId }) => userId);
    ok(await v3.createGroup({ code: 'dev', name: 'Developers' }));
    ok(await v3.addGroupMembers({ code: 'dev', userIds: [ann] }));
    const { departmentId: root } = ok(await v3.createOrganization({ organizationCode: 'acme', organizationName: 'Acme' }));
    const department = async (code, name) =>
      ok(await v3.createDepartment({ organizationCode: 'acme', code, name, parentDepartmentId: 'root' })).departmentId;
    const sales = await department('sales', 'Sales');
    const stock = await department('stock', 'Stock');
    ok(await v3.addDepartmentMembers({ organizationCode: 'acme', departmentId: sales, userIds: [bob] }));
    ok(await v3.createRole({ code: 'editor', name: 'Editor' }));
    ok(await v3.assignRole({ code: 'editor', targets: [{ targetType: 'GROUP', targetIdentifier: 'dev' }] }));
    const statement = (resource, actions, effect = 'ALLOW', more = {}) => ({ resource, actions, effect, ...more });
    const policy = async (code, type, target, ...statements) => {
      await v2.policies.create({ code, statements });
      done(await v2.policies.addAssignments([code], type, [target], { inheritByChildren: true }));
    };
    await policy('edit-books', 'ROLE', 'editor', statement('books:*', ['books:read', 'books:edit']));
    await policy('not-nine', 'USER', ann, statement('books:9', ['books:edit'], 'DENY'));
    await policy('count-stock', 'ORG', root, statement('stock:*', ['stock:count']));

    await t.test('explain-permission', async () => {
      const yes = ok(await x('explain-permission', { userId: ann, resource: 'books:1', action: 'books:edit' }, english));
      has(yes, {
        allowed: true,
        reason: 'ALLOWED',
        summary: 'Allowed: Ann is in group Developers, which has role Editor, which may edit books:* by policy edit-books.',
        overridden: [],
        nearest: [],
      });
      has(yes.decidedBy, { kind: 'POLICY', policyCode: 'edit-books', statement: 0, targetType: 'ROLE', targetCode: 'editor', effect: 'ALLOW' });
      assert.deepEqual(
        yes.paths[0].steps.map(({ type, name }) => [type, name]),
        [
          ['USER', 'Ann'],
          ['GROUP', 'Developers'],
          ['ROLE', 'Editor'],
        ],
      );
      const no = ok(await x('explain-permission', { userId: ann, resource: 'books:9', action: 'edit' }));
      has(no, { allowed: false, reason: 'DENIED' });
      assert.match(no.summary, /^拒绝：Ann 不可以对 books:9 执行 edit（策略 not-nine）。拒绝优先于：/);
      assert.equal(no.overridden[0].rule.policyCode, 'edit-books');
      const above = ok(await x('explain-permission', { userId: bob, resource: 'stock:1', action: 'count' }, english));
      has(above, {
        allowed: true,
        summary: 'Allowed: Bob is in department Sales, which is below department Acme, which may count stock:* by policy count-stock.',
      });
      has(above.paths[0].steps[2], { type: 'DEPARTMENT', id: root, inherited: true });
      const nothing = ok(await x('explain-permission', { userId: eve, resource: 'moon', action: 'fly' }, english));
      has(nothing, { allowed: false, reason: 'NOT_GRANTED', decidedBy: null, paths: [], overridden: [] });
      assert.match(nothing.summary, /^Not allowed: nothing lets Eve fly moon\./);
    });

    await t.test('who-can', async () => {
      const who = ok(await x('who-can', { resource: 'books:1', action: 'edit' }));
      assert.equal(who.totalCount, 1);
      has(who.list[0], { userId: ann, username: 'ann', name: 'Ann' });
      assert.match(who.list[0].path.summary, /角色 Editor/);
      has(ok(await x('who-can', { resource: 'books:9', action: 'edit' })), { totalCount: 0, list: [] });
      assert.equal(ok(await x('who-can', { resource: 'stock:1', action: 'count' })).list[0].userId, bob);
      has(ok(await x('who-can', { resource: 'books:1', action: 'edit', page: 2, limit: 1 })), { totalCount: 1, list: [] });
    });

    await t.test('batch-check', async () => {
      assert.deepEqual(await check([ann, 'edit', 'books:1'], [ann, 'edit', 'books:9'], [bob, 'count', 'stock:3'], [eve, 'edit', 'books:1']), [
        true,
        false,
        true,
        false,
      ]);
      const many = Array.from({ length: 1000 }, (_, i) => [ann, 'edit', `books:${i}`]);
      assert.equal((await check(...many)).filter(Boolean).length, 999);
    });

    await t.test('what-if', async () => {
      const log = async () => ok(await v3.getAdminAuditLogs({ pagination: { page: 1, limit: 1 } })).totalCount;
      const before = await log();
      const join = ok(await x('what-if', { changes: [{ kind: 'ADD_TO_GROUP', groupCode: 'dev', userIds: [eve] }] }, english));
      has(join, { truncated: false });
      assert.equal(join.users.length, 1);
      has(join.users[0], { userId: eve, username: 'eve', name: 'Eve' });
      assert.match(join.users[0].summary, /^Eve could newly: /);
      assert.ok(join.users[0].decisions.every((d) => !d.before && d.after && d.resource.startsWith('books')));
      const grant = (inherit) => ({
        kind: 'GRANT',
        targets: [{ targetType: 'DEPARTMENT', targetIdentifier: root }],
        resource: 'till',
        actions: ['open'],
        inherit,
      });
      const affected = async (...changes) => ok(await x('what-if', { changes })).users.map(({ userId }) => userId);
      assert.deepEqual(await affected(grant(true)), [bob]);
      assert.deepEqual(await affected(grant(false)), []);
      assert.deepEqual(await affected({ kind: 'DELETE_ROLE', roleCode: 'editor' }), [ann]);
      assert.deepEqual(await affected({ kind: 'REMOVE_FROM_DEPARTMENT', departmentId: sales, userIds: [bob] }), [bob]);
      assert.deepEqual(await affected({ kind: 'MOVE_DEPARTMENT', departmentId: sales, parentDepartmentId: stock }), []);
      assert.equal(await log(), before, 'nothing is logged');
      assert.deepEqual(await check([eve, 'edit', 'books:1'], [ann, 'edit', 'books:1'], [bob, 'count', 'stock:1'], [bob, 'open', 'till']), [false, true, true, false]);
      assert.deepEqual(ok(await v3.listGroupMembers({ code: 'dev' })).list.map(({ userId }) => userId), [ann]);
    });

    await t.test('signed requests', async () => {
      has(ok(await pool.signed('POST', '/api/v3/x/explain-permission', { userId: ann, resource: 'books:1', action: 'edit' })), { allowed: true });
      has(ok(await pool.signed('POST', '/api/v3/x/what-if', { changes: [{ kind: 'DELETE_ROLE', roleCode: 'editor' }] })), { truncated: false });
    });

    const target = (targetType, targetIdentifier) => [{ targetType, targetIdentifier }];
    const long = 'x'.repeat(3000);
    await t.test('refusals', async (t) => {
      for (const [name, parameters, status] of [
        ['explain-permission', {}, 400],
        ['explain-permission', { userId: ann }, 400],
        ['explain-permission', { resource: 'books:1' }, 400],
        ['explain-permission', { userId: ann, resource: '' }, 400],
        ['explain-permission', { userId: ann, resource: ['books'] }, 400],
        ['explain-permission', { userId: ann, resource: long }, 400],
        ['explain-permission', { userId: ann, resource: 'books:1', action: long }, 400],
        ['explain-permission', { userId: ann, resource: 'books:1', action: 7 }, 400],
        ['explain-permission', { userId: ann, resource: 'books:1', resourceType: 'BOOK' }, 400],
        ['explain-permission', { userId: ann, resource: 'books:1', environment: 'here' }, 400],
        ['explain-permission', { userId: unknownID, resource: 'books:1', action: 'edit' }, 404],
        ['explain-permission', { userId: "a'b\"c;--", resource: 'books:1', action: 'edit' }, 404],
        ['explain-permission', { userId: ann, resource: 'books:1', action: 'edit', namespace: 'nowhere' }, 404],
        ['explain-permission', 'nonsense', 400],
        ['who-can', { action: 'edit' }, 400],
        ['who-can', { resource: 'books:1', limit: 51 }, 400],
        ['who-can', { resource: 'books:1', page: 0 }, 400],
        ['who-can', { resource: 'books:1', namespace: 'nowhere' }, 404],
        ['batch-check', {}, 400],
        ['batch-check', { list: [] }, 400],
        ['batch-check', { list: [{}] }, 400],
        ['batch-check', { list: Array.from({ length: 1001 }, () => ({ userId: ann, resource: 'books:1' })) }, 400],
        ['batch-check', { list: [{ userId: ann, resource: 'books:1' }, { userId: unknownID, resource: 'books:1' }] }, 404],
        ['what-if', {}, 400],
        ['what-if', { changes: [] }, 400],
        ['what-if', { changes: ['DELETE_ROLE'] }, 400],
        ['what-if', { changes: [{ kind: 'NONSENSE' }] }, 400],
        ['what-if', { changes: [{ kind: 'DELETE_ROLE' }] }, 400],
        ['what-if', { changes: [{ kind: 'DELETE_ROLE', roleCode: 'none' }] }, 404],
        ['what-if', { changes: Array.from({ length: 21 }, () => ({ kind: 'DELETE_ROLE', roleCode: 'editor' })) }, 400],
        ['what-if', { changes: [{ kind: 'ADD_TO_GROUP', groupCode: 'none', userIds: [ann] }] }, 404],
        ['what-if', { changes: [{ kind: 'ADD_TO_GROUP', groupCode: 'dev', userIds: [unknownID] }] }, 404],
        ['what-if', { changes: [{ kind: 'MOVE_DEPARTMENT', departmentId: root, parentDepartmentId: sales }] }, 422],
        ['what-if', { changes: [{ kind: 'MOVE_DEPARTMENT', departmentId: unknownID, parentDepartmentId: sales }] }, 404],
        ['what-if', { changes: [{ kind: 'GRANT', targets: target('ROLE', 'none'), resource: 'till', actions: ['open'] }] }, 404],
        ['what-if', { changes: [{ kind: 'GRANT', targets: target('USER', unknownID), resource: 'till', actions: ['open'] }] }, 404],
        ['what-if', { changes: [{ kind: 'GRANT', targets: target('USER', ann), resource: long, actions: ['open'] }] }, 400],
        ['what-if', { changes: [{ kind: 'GRANT', targets: target('USER', ann), actions: ['open'] }] }, 400],
        ['what-if', { changes: [{ kind: 'GRANT', targets: [], resource: 'till', actions: ['open'] }] }, 400],
        ['what-if', { changes: [{ kind: 'GRANT', namespace: 'nowhere', targets: target('USER', ann), resource: 'till', actions: ['open'] }] }, 404],
        ['what-if', { changes: [{ kind: 'ASSIGN_ROLE', roleCode: 'editor', targets: target('ROLE', 'editor') }] }, 400],
      ]) {
        await t.test(`${name} ${JSON.stringify(parameters).slice(0, 120)}`, async () => refused(await x(name, parameters), status));
      }
      for (const name of ['explain-permission', 'who-can', 'batch-check', 'what-if']) refused(await x(name, {}, { token: null }), 401);
      assert.deepEqual(await check([ann, 'edit', 'books:1']), [true], 'nothing has changed');
    });

    await t.test('another pool', async () => {
      const their = (name, parameters) => stranger.bearer('POST', `/api/v3/x/${name}`, parameters);
      refused(await their('explain-permission', { userId: ann, resource: 'books:1', action: 'edit' }), 404);
      refused(await their('batch-check', { list: [{ userId: ann, resource: 'books:1', action: 'edit' }] }), 404);
      has(ok(await their('who-can', { resource: 'books:1', action: 'edit' })), { totalCount: 0, list: [] });
      refused(await their('what-if', { changes: [{ kind: 'ADD_TO_GROUP', groupCode: 'dev', userIds: [ann] }] }), 404);
      refused(await their('what-if', { changes: [{ kind: 'DELETE_ROLE', roleCode: 'editor' }] }), 404);
      refused(await their('what-if', { changes: [{ kind: 'GRANT', targets: target('USER', ann), resource: 'till', actions: ['open'] }] }), 404);
      assert.deepEqual(await check([ann, 'edit', 'books:1'], [ann, 'open', 'till']), [true, false]);
    });
  },
  { pools: ['first', 'second'] },
);
