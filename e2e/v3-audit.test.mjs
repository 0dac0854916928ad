// The audit log over authing-node-sdk: that what was done stands in it, whole, and what was refused does not.
import assert from 'node:assert/strict';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, isTime, unknownID } from './lib/v2.mjs';

onEachEngine('V3 audit', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const logs = async (parameters = {}) => ok(await v3.getAdminAuditLogs(parameters));
  const earlier = (await logs()).totalCount; // what making the pool has left

  const { userId } = ok(await v3.createUser({ username: 'zhangsan', password: 'a-Secret-1' }));
  ok(await v3.updateUser({ userId, nickname: 'Nick' }));
  refused(await v3.updateUser({ userId: unknownID, nickname: 'x' }), 404);
  refused(await v3.createUser({ username: 'zhangsan' }), 409);
  ok(await v3.getUser({ userId }));
  ok(await v3.createGroup({ code: 'developer', name: 'Developer' }));
  await pool.v2.users.update(userId, { nickname: 'Over V2' });
  ok(await v3.deleteUsersBatch({ userIds: [userId] }));

  await t.test('one line for each deed, newest first', async () => {
    const { totalCount, list } = await logs({ pagination: { page: 1, limit: 50 } });
    assert.equal(totalCount, earlier + 5);
    assert.deepEqual(
      list.slice(0, 5).map(({ operationType, resourceType }) => `${operationType} ${resourceType}`),
      ['delete user', 'update user', 'create userGroup', 'update user', 'create user'],
    );
    const [deleted, , , updated, created] = list;
    for (const line of list.slice(0, 5)) {
      has(line, { success: true, clientIp: '127.0.0.1' });
      isTime(line.timestamp);
      assert.ok(line.requestId);
    }
    assert.ok(updated.targetValue.includes('Nick') && !updated.targetValue.includes('zhangsan'), 'what changed, and no more');
    assert.ok(created.targetValue.includes('zhangsan'));
    assert.ok(deleted.originValue.includes('zhangsan'));
    assert.ok(!JSON.stringify(list).includes('a-Secret-1') && !JSON.stringify(list).includes('argon2'), 'no secret, nor its hash');
    assert.match(created.userAgent, /AuthingIdentityCloud/);
  });

  await t.test('getAdminAuditLogs filters', async (t) => {
    const { list } = await logs({ pagination: { page: 1, limit: 50 } });
    const now = Date.now();
    for (const [parameters, count] of [
      [{ operationType: 'delete', resourceType: 'user' }, 1],
      [{ resourceType: 'userGroup' }, 1],
      [{ operationType: 'update', resourceType: 'user' }, 2],
      [{ requestId: list[0].requestId }, 1],
      [{ requestId: 'nonsense' }, 0],
      [{ clientIp: '192.0.2.9' }, 0],
      [{ success: false }, 0],
      [{ start: now + 3_600_000 }, 0],
      [{ end: now - 3_600_000 }, 0],
      [{ start: now - 3_600_000, end: now + 3_600_000, resourceType: 'user' }, 4],
    ]) {
      await t.test(JSON.stringify(parameters), async () => {
        const page = await logs(parameters);
        assert.equal(page.totalCount, count);
        assert.equal(page.list.length, count);
      });
    }
    assert.deepEqual((await logs({ pagination: { page: 2, limit: 1 } })).list, [list[1]]);
  });

  await t.test('refusals', async (t) => {
    for (const operation of ['getAdminAuditLogs', 'getUserActionLogs']) {
      for (const [parameters, message] of [
        [{ pagination: { page: 0, limit: 10 } }, '参数 page 格式错误'],
        [{ pagination: { page: 1, limit: 0 } }, '参数 limit 格式错误'],
        [{ pagination: { page: 1, limit: 51 } }, /limit/],
        [{ start: 'yesterday' }, '参数 start 格式错误'],
        [{ success: 'yes' }, '参数 success 格式错误'],
      ]) {
        await t.test(`${operation} ${JSON.stringify(parameters)}`, async () => refused(await v3[operation](parameters), 400, message));
      }
    }
  });

  await t.test('getUserActionLogs has nothing while nobody signs in', async () => {
    assert.deepEqual(ok(await v3.getUserActionLogs({})), { totalCount: 0, list: [] });
    assert.deepEqual(ok(await v3.getUserActionLogs({ userId, eventType: 'login', success: true, pagination: { page: 1, limit: 50 } })), {
      totalCount: 0,
      list: [],
    });
  });

  await t.test('no operation was left out', () => recorder.assertComplete('audit'));
});
