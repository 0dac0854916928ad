// Custom fields over authing-js-sdk: every method of its UdfManagementClient, and the values of its users.
import assert from 'node:assert/strict';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, done, has, refuses, unknownID } from './lib/v2.mjs';

const moment = Date.UTC(2022, 6, 3, 3, 20, 30);

// [key, data type, a value, what the client makes of its answer, values of a wrong type]
const fields = [
  ['school', 'STRING', 'Hua "Zhong"\n大学', undefined, [11, true, {}]],
  ['age', 'NUMBER', 20.5, undefined, ['18', true, {}]],
  ['graduated', 'BOOLEAN', false, undefined, ['ok', 0]],
  ['born', 'DATETIME', moment, new Date(moment), ['yesterday', true]],
  ['extra', 'OBJECT', { a: [1, { b: null }] }, undefined, ['text', 3]],
  ['size', 'SELECT', 'XL', undefined, [1, {}]],
];

onEachEngine('V2 custom fields', async (t, { pools: [pool] }) => {
  const tracker = new Tracker(pool.v2.udf);
  const udf = tracker.client;
  const { users } = pool.v2;
  const [ann, bob] = [await users.create({ username: 'ann' }), await users.create({ username: 'bob' })];

  await t.test('a value needs its field first', () => refuses(users.setUdfValue(ann.id, { hobby: 'chess' })));

  await t.test('set and list fields', async () => {
    for (const [key, dataType] of fields) {
      has(await udf.set('USER', key, dataType, `Label of ${key}`), { targetType: 'USER', key, dataType, label: `Label of ${key}` });
    }
    const list = await udf.list('USER');
    for (const [key, dataType] of fields)
      has(
        list.find((field) => field.key === key),
        { targetType: 'USER', dataType, label: `Label of ${key}` },
      );
    has(await udf.set('USER', 'school', 'STRING', 'School'), { label: 'School' });
    assert.equal((await udf.list('USER')).filter(({ key }) => key === 'school').length, 1, 'set again is a change');
    has(await udf.set('ROLE', 'school', 'NUMBER', 'Rank'), { targetType: 'ROLE', dataType: 'NUMBER' });
    has(
      (await udf.list('USER')).find(({ key }) => key === 'school'),
      { dataType: 'STRING' },
    );
  });

  await t.test('set refuses', async (t) => {
    for (const [name, ...input] of [
      ['an unknown data type', 'USER', 'k1', 'NONSENSE', 'L'],
      ['an unknown target type', 'NONSENSE', 'k1', 'STRING', 'L'],
      ['an empty key', 'USER', '', 'STRING', 'L'],
      ['a NUL in the key', 'USER', 'a\u0000', 'STRING', 'L'],
      ['no label', 'USER', 'k1', 'STRING', undefined],
      ['a long key', 'USER', 'k'.repeat(10_000), 'STRING', 'L'],
    ]) {
      await t.test(name, () => refuses(udf.set(...input)));
    }
    await refuses(udf.list('NONSENSE'));
  });

  for (const [key, dataType, value, read = value, wrong] of fields) {
    await t.test(`a value of type ${dataType}`, async () => {
      await users.setUdfValue(ann.id, { [key]: value });
      assert.deepEqual((await users.getUdfValue(ann.id))[key], read);
      for (const bad of wrong) await refuses(users.setUdfValue(ann.id, { [key]: bad }));
      assert.deepEqual((await users.getUdfValue(ann.id))[key], read, 'a refused value changes nothing');
    });
  }

  await t.test('values with a user', async () => {
    const expected = Object.fromEntries(fields.map(([key, , value, read = value]) => [key, read]));
    assert.deepEqual(await users.getUdfValue(ann.id), expected);
    const options = { withCustomData: true };
    for (const user of [
      await users.detail(ann.id, options),
      await users.find({ username: 'ann', ...options }),
      (await users.batch([ann.id], { queryField: 'id', ...options }))[0],
      (await users.list(1, 10, options)).list.find(({ id }) => id === ann.id),
      (await users.search('ann', options)).list[0],
    ]) {
      assert.deepEqual(user.customData, expected);
    }
    assert.equal((await users.detail(ann.id)).customData ?? null, null, 'only when asked for');
  });

  await t.test('values by the fields client', async () => {
    const list = await udf.setUdvBatch('USER', bob.id, [
      { key: 'school', value: 'Tsinghua' },
      { key: 'age', value: 21 },
    ]);
    assert.deepEqual(list.map(({ key, value }) => [key, value]).toSorted(), [
      ['age', 21],
      ['school', 'Tsinghua'],
    ]);
    has(
      list.find(({ key }) => key === 'school'),
      { dataType: 'STRING', label: 'School' },
    );
    assert.deepEqual((await udf.listUdv('USER', bob.id)).map(({ key, value }) => [key, value]).toSorted(), [
      ['age', 21],
      ['school', 'Tsinghua'],
    ]);
    await refuses(
      udf.setUdvBatch('USER', bob.id, [
        { key: 'age', value: 1 },
        { key: 'nonsense', value: 1 },
      ]),
    );
    assert.equal((await users.getUdfValue(bob.id)).age, 21, 'all or none');
    await refuses(udf.setUdvBatch('USER', unknownID, [{ key: 'age', value: 1 }]));
    await refuses(udf.listUdv('USER', unknownID));
  });

  await t.test('batches', async () => {
    await users.setUdfValueBatch([
      { userId: ann.id, data: { school: 'A' } },
      { userId: bob.id, data: { school: 'B', age: 30 } },
    ]);
    const both = await users.getUdfValueBatch([bob.id, ann.id]);
    assert.deepEqual(Object.keys(both), [bob.id, ann.id]);
    assert.deepEqual(both[bob.id], { school: 'B', age: 30 });
    assert.equal(both[ann.id].school, 'A');
    await refuses(
      users.setUdfValueBatch([
        { userId: ann.id, data: { school: 'C' } },
        { userId: bob.id, data: { nonsense: 1 } },
      ]),
    );
    assert.equal((await users.getUdfValue(ann.id)).school, 'A', 'all or none');
    await refuses(users.setUdfValueBatch([{ userId: unknownID, data: { school: 'C' } }]));
  });

  await t.test('remove a value', async () => {
    await users.removeUdfValue(bob.id, 'age');
    assert.deepEqual(await users.getUdfValue(bob.id), { school: 'B' });
    await refuses(users.removeUdfValue(bob.id, 'nonsense'));
    await refuses(users.removeUdfValue(unknownID, 'school'));
  });

  await t.test("a role's values go by its id", async () => {
    const { createRole } = await pool.data('mutation { createRole(code: "admin") { id } }');
    const list = await udf.setUdvBatch('ROLE', createRole.id, [{ key: 'school', value: 7 }]);
    assert.deepEqual(
      list.map(({ key, value }) => [key, value]),
      [['school', 7]],
    );
  });

  await t.test('remove a field', async () => {
    done(await udf.remove('USER', 'school'));
    assert.ok(!(await udf.list('USER')).some(({ key }) => key === 'school'));
    assert.deepEqual(await users.getUdfValue(bob.id), {}, 'its values went with it');
    assert.ok(
      (await udf.list('ROLE')).some(({ key }) => key === 'school'),
      "another target's field stays",
    );
    await refuses(udf.remove('USER', 'school'));
  });

  await t.test('no method was left out', () => tracker.assertAllCalled());
});
