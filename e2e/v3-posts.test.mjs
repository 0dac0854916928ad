// Posts over authing-node-sdk: every operation of the domain.
import assert from 'node:assert/strict';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, isID, unknownID } from './lib/v2.mjs';

onEachEngine('V3 posts', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const userId = ok(await v3.createUser({ username: 'ann' })).userId;
  const root = ok(await v3.createOrganization({ organizationCode: 'acme', organizationName: 'Acme' })).departmentId;
  const chief = { code: 'chief', name: 'Chief', description: 'd' };
  let id, second;

  await t.test('createPost', async (t) => {
    const made = ok(await v3.createPost({ ...chief, departmentIdList: [root] }));
    has(made, { ...chief, departmentIdList: [root] });
    isID((id = made.id));
    second = ok(await v3.createPost({ code: 'clerk', name: 'Clerk' })).id;
    for (const [name, parameters, statusCode, message] of [
      ['a taken code', chief, 409, '岗位标识符已存在'],
      ['an empty code', { ...chief, code: '' }, 400, '参数 code 格式错误'],
      ['a long code', { ...chief, code: 'c'.repeat(65) }, 400, '参数 code 格式错误'],
      ['no name', { code: 'n' }, 400, '参数 name 格式错误'],
      ['an unknown department', { code: 'n', name: 'N', departmentIdList: [unknownID] }, 404, `存在不合法的 departmentId: ${unknownID}`],
      ['departments that are none', { code: 'n', name: 'N', departmentIdList: 7 }, 400, '参数 departmentIdList 格式错误'],
    ]) {
      await t.test(name, async () => refused(await v3.createPost(parameters), statusCode, message));
    }
  });

  await t.test('reads', async () => {
    has(ok(await v3.getPost({ code: 'chief' })), { id, ...chief });
    refused(await v3.getPost({ code: 'nonsense' }), 404, '岗位不存在');
    has(ok(await v3.getPostById({ idList: id })), chief);
    refused(await v3.getPostById({ idList: unknownID }), 404, '岗位不存在');
    refused(await v3.getPostById({ idList: [id, second] }), 400, '参数 idList 格式错误');
    const { totalCount, list } = ok(await v3.postList({}));
    assert.equal(totalCount, 2);
    has(list[1], { code: 'chief', userCount: 0, departmentCount: 1 });
    has(ok(await v3.postList({ keywords: 'CLE' })), { totalCount: 1 });
    refused(await v3.postList({ limit: 51 }), 400, '参数 limit 格式错误');
    has(ok(await v3.postListBatch({ postCodes: ['chief', 'nonsense'] })), { totalCount: 1 });
    refused(await v3.postListBatch({ page: -1 }), 400, '参数 page 格式错误');
  });

  await t.test('updatePost', async () => {
    has(ok(await v3.updatePost({ code: 'chief', name: 'Head', departmentIdList: [] })), { id, name: 'Head', departmentIdList: [] });
    refused(await v3.updatePost({ code: 'nonsense', name: 'N' }), 404, '岗位不存在');
  });

  await t.test('posts of users', async () => {
    refused(await v3.getUserPost({ userId }), 404, '岗位不存在');
    ok(await v3.setUserPosts({ userId, postIds: [id] }));
    refused(await v3.setUserPosts({ userId, postIds: [id, unknownID] }), 404, '岗位不存在');
    refused(await v3.setUserPosts({ userId: unknownID, postIds: [id] }), 404, '用户不存在');
    ok(await v3.userConnectionPost({ userId, postId: second }));
    refused(await v3.userConnectionPost({ userId, postId: unknownID }), 404, '岗位不存在');
    assert.deepEqual(ok(await v3.getUserPosts({ userId })).map((p) => p.id), [id, second]);
    refused(await v3.getUserPosts({ userId: unknownID }), 404, '用户不存在');
    has(ok(await v3.getUserPost({ userId })), { id });
    assert.deepEqual(ok(await v3.getUser({ userId, withPost: true })).postIdList, [id, second]);
  });

  await t.test('removePost', async () => {
    ok(await v3.removePost({ code: 'clerk' }));
    refused(await v3.removePost({ code: 'clerk' }), 404, '岗位不存在');
    assert.deepEqual(ok(await v3.getUser({ userId, withPost: true })).postIdList, [id]);
  });

  await t.test('every operation', () => recorder.assertComplete('posts'));
});
