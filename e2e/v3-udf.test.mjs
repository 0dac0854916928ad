// Custom fields over authing-node-sdk: every operation of the domain.
import assert from 'node:assert/strict';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, unknownID } from './lib/v2.mjs';

const moment = Date.UTC(2022, 6, 3, 3, 20, 30);
const options = [
  { value: 'S', label: 'Small' },
  { value: 'XL', label: 'Very large' },
];

// [key, data type, a value, values of a wrong type]
const fields = [
  ['school', 'STRING', '大学 "x"', [11, {}]],
  ['age', 'NUMBER', 20.5, ['18', true]],
  ['graduated', 'BOOLEAN', false, ['ok', 0]],
  ['born', 'DATETIME', new Date(moment).toISOString(), ['yesterday', {}]],
  ['size', 'ENUM', 'XL', ['XXL', 3]],
];

onEachEngine('V3 custom fields', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const target = { targetType: 'USER', targetIdentifier: ok(await v3.createUser({ username: 'ann' })).userId };
  const bob = { targetType: 'USER', targetIdentifier: ok(await v3.createUser({ username: 'bob' })).userId };
  const values = async (whom = target) => ok(await v3.getCustomData(whom));

  await t.test('setCustomFields and getCustomFields', async () => {
    const list = fields.map(([key, dataType]) => ({
      targetType: 'USER',
      key,
      dataType,
      label: `Label of ${key}`,
      description: `about ${key}`,
      userEditable: true,
      visibleInAdminConsole: true,
      visibleInUserCenter: false,
      isUnique: false,
      ...(dataType === 'ENUM' && { options }),
    }));
    const made = ok(await v3.setCustomFields({ list }));
    const read = ok(await v3.getCustomFields({ targetType: 'USER' }));
    for (const [i, field] of list.entries()) {
      has(made[i], field);
      has(
        read.find(({ key }) => key === field.key),
        field,
      );
    }
    ok(await v3.setCustomFields({ list: [{ targetType: 'USER', key: 'school', label: 'School' }] }));
    has(
      ok(await v3.getCustomFields({ targetType: 'USER' })).find(({ key }) => key === 'school'),
      { label: 'School', dataType: 'STRING' },
    );
    ok(await v3.setCustomFields({ list: [{ targetType: 'GROUP', key: 'school', dataType: 'NUMBER', label: 'Rank' }] }));
    assert.deepEqual(
      ok(await v3.getCustomFields({ targetType: 'GROUP' })).map(({ key, dataType }) => [key, dataType]),
      [['school', 'NUMBER']],
    );
    assert.deepEqual(ok(await v3.getCustomFields({ targetType: 'ROLE' })), []);
  });

  await t.test('setCustomFields refuses', async (t) => {
    const field = { targetType: 'USER', key: 'k', dataType: 'STRING', label: 'L' };
    for (const [name, change, message] of [
      ['an unknown target', { targetType: 'NONSENSE' }, '参数 targetType 格式错误'],
      ['an unknown data type', { dataType: 'NONSENSE' }, '参数 dataType 格式错误'],
      ['an empty key', { key: '' }, '参数 key 格式错误'],
      ['a NUL', { key: 'a\u0000' }, '参数 key 格式错误'],
      ['a long key', { key: 'k'.repeat(10_000) }, '参数 key 格式错误'],
    ]) {
      await t.test(name, async () => refused(await v3.setCustomFields({ list: [field, { ...field, ...change }] }), 400, message));
    }
    refused(await v3.setCustomFields({ list: [] }), 400, '参数 list 格式错误');
    refused(await v3.setCustomFields({ list: Array.from({ length: 51 }, (_, i) => ({ ...field, key: `k${i}` })) }), 400, /list/);
    refused(await v3.getCustomFields({ targetType: 'NONSENSE' }), 400, '参数 targetType 格式错误');
    assert.ok(!ok(await v3.getCustomFields({ targetType: 'USER' })).some(({ key }) => key.startsWith('k')), 'all or none');
  });

  await t.test('listCustFields', async () => {
    const keys = async (parameters) => JSON.stringify(ok(await pool.v3.listCustFields(parameters))); // the contract has the request's model for its answer
    assert.ok((await keys({ targetType: 'USER', dataType: 'NUMBER' })).includes('"age"'));
    assert.ok(!(await keys({ targetType: 'USER', dataType: 'NUMBER' })).includes('"school"'));
    assert.ok(!(await keys({ targetType: 'USER', dataType: 'STRING', page: 9 })).includes('"school"'));
    for (const [parameters, message] of [
      [{ targetType: 'NONSENSE', dataType: 'STRING' }, '参数 targetType 格式错误'],
      [{ targetType: 'USER', dataType: 'NONSENSE' }, '参数 dataType 格式错误'],
      [{ targetType: 'USER', dataType: 'STRING', page: 0 }, '参数 page 格式错误'],
      [{ targetType: 'USER', dataType: 'STRING', limit: 51 }, /limit/],
    ]) {
      refused(await v3.listCustFields(parameters), 400, message);
    }
  });

  for (const [key, dataType, value, wrong] of fields) {
    await t.test(`a value of type ${dataType}`, async () => {
      assert.deepEqual(ok(await v3.setCustomData({ ...target, list: [{ key, value }] })), { success: true });
      const read = (await values())[key];
      if (dataType === 'DATETIME') assert.equal(new Date(read).getTime(), moment);
      else assert.deepEqual(read, value);
      for (const bad of wrong) refused(await v3.setCustomData({ ...target, list: [{ key, value: bad }] }), 400);
      assert.deepEqual((await values())[key], read, 'a refused value changes nothing');
    });
  }

  await t.test('setCustomData and getCustomData', async () => {
    assert.deepEqual(await values(bob), {});
    const custom = ok(await v3.getUser({ userId: target.targetIdentifier, withCustomData: true })).customData;
    assert.deepEqual(custom, await values());
    ok(await v3.createGroup({ code: 'developer', name: 'Developer' }));
    const group = { targetType: 'GROUP', targetIdentifier: 'developer' };
    ok(await v3.setCustomData({ ...group, list: [{ key: 'school', value: 7 }] }));
    assert.deepEqual(await values(group), { school: 7 });
    refused(
      await v3.setCustomData({
        ...target,
        list: [
          { key: 'school', value: 'new' },
          { key: 'nonsense', value: 'x' },
        ],
      }),
      undefined,
      /nonsense/,
    );
    assert.equal((await values()).school, fields[0][2], 'all or none');
    refused(
      await v3.setCustomData({ ...target, list: [{ key: 'school', value: 'x'.repeat(1025) }] }),
      400,
      'customData must be less than 1024 characters',
    );
    refused(await v3.setCustomData({ ...target, list: [] }), 400, '参数 list 格式错误');
    refused(
      await v3.setCustomData({ targetType: 'USER', targetIdentifier: unknownID, list: [{ key: 'school', value: 'x' }] }),
      404,
      '用户不存在',
    );
    refused(
      await v3.setCustomData({ targetType: 'GROUP', targetIdentifier: 'nonsense', list: [{ key: 'school', value: 7 }] }),
      404,
      '分组不存在',
    );
    refused(await v3.getCustomData({ targetType: 'USER', targetIdentifier: unknownID }), 404, '用户不存在');
    refused(await v3.getCustomData({ targetType: 'NONSENSE', targetIdentifier: 'x' }), 400, '参数 targetType 格式错误');
  });

  await t.test('a unique field', async () => {
    ok(await v3.setCustomFields({ list: [{ targetType: 'USER', key: 'badge', dataType: 'STRING', label: 'Badge', isUnique: true }] }));
    ok(await v3.setCustomData({ ...target, list: [{ key: 'badge', value: '007' }] }));
    refused(await v3.setCustomData({ ...bob, list: [{ key: 'badge', value: '007' }] }), 409);
    ok(await v3.setCustomData({ ...bob, list: [{ key: 'badge', value: '008' }] }));
    ok(await v3.setCustomData({ ...target, list: [{ key: 'badge', value: '007' }] }));
  });

  await t.test('base fields', async () => {
    const base = ok(await v3.getUserBaseFields());
    for (const key of ['username', 'email', 'phone', 'nickname'])
      has(
        base.find((field) => field.key === key),
        { targetType: 'USER', key },
      );
    const [changed] = ok(await v3.setUserBaseFields({ list: [{ key: 'nickname', label: 'Nickname!', visibleInUserCenter: false }] }));
    has(changed, { key: 'nickname', label: 'Nickname!', visibleInUserCenter: false });
    has(
      ok(await v3.getUserBaseFields()).find(({ key }) => key === 'nickname'),
      { label: 'Nickname!' },
    );
    assert.ok(JSON.stringify(ok(await pool.v3.listUserBaseFields({ targetType: 'USER', dataType: 'STRING' }))).includes('"nickname"'));
    refused(await v3.setUserBaseFields({ list: [{ key: 'nonsense', label: 'x' }] }));
    refused(await v3.setUserBaseFields({ list: [] }), 400, '参数 list 格式错误');
    refused(await v3.listUserBaseFields({ targetType: 'USER', dataType: 'NONSENSE' }), 400, '参数 dataType 格式错误');
    refused(await v3.listUserBaseFields({ targetType: 'USER', dataType: 'STRING', limit: 0 }), 400, '参数 limit 格式错误');
  });

  await t.test('deleteCustomFields', async () => {
    assert.deepEqual(ok(await v3.deleteCustomFields({ list: [{ targetType: 'USER', key: 'school' }] })), { success: true });
    assert.ok(!('school' in (await values())), 'its values went with it');
    assert.deepEqual(await values({ targetType: 'GROUP', targetIdentifier: 'developer' }), { school: 7 });
    assert.ok(!ok(await v3.getCustomFields({ targetType: 'USER' })).some(({ key }) => key === 'school'));
    refused(await v3.deleteCustomFields({ list: [] }), 400, '参数 list 格式错误');
    refused(await v3.deleteCustomFields({ list: [{ targetType: 'NONSENSE', key: 'school' }] }), 400, '参数 targetType 格式错误');
  });

  // listCustFields and listUserBaseFields were called without the recorder.
  await t.test('no operation was left out', () =>
    recorder.assertComplete('udf', { neverSucceeds: ['listCustFields', 'listUserBaseFields'], neverRefuses: ['getUserBaseFields'] }),
  );
});
