// What the tests of the V2 wire share.
import assert from 'node:assert/strict';

/** Resolves when promise is refused as the V2 clients report it: {code, message} with a number of the wire and words for people. */
export async function refuses(promise, code) {
  let answer;
  try {
    answer = await promise;
  } catch (error) {
    assert.equal(typeof error.code, 'number', `not a refusal of the server: ${error.stack ?? JSON.stringify(error)}`);
    assert.ok(typeof error.message === 'string' && error.message !== '', 'a refusal has a message');
    if (code === undefined) assert.ok(error.code !== 200 && error.code !== 500, `refused with ${error.code}: ${error.message}`);
    else assert.equal(error.code, code, error.message);
    return;
  }
  assert.fail(`not refused: ${JSON.stringify(answer)}`);
}

/** Checks that actual has each of the expected fields with that value; nested objects and lists are compared whole. */
export function has(actual, expected) {
  assert.ok(actual, `there is no object, expected ${JSON.stringify(expected)}`);
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(actual[key], value, key);
}

/** Wraps an SDK's sub-client to note which of its methods were called. */
export class Tracker {
  called = new Set();

  constructor(client) {
    const tracker = this;
    this.methods = Object.getOwnPropertyNames(Object.getPrototypeOf(client)).filter((name) => name !== 'constructor');
    this.client = new Proxy(client, {
      get(target, name) {
        if (tracker.methods.includes(name)) tracker.called.add(name);
        return Reflect.get(target, name);
      },
    });
  }

  /** Fails unless every method was called; elsewhere names those that another file tests. */
  assertAllCalled({ elsewhere = [] } = {}) {
    assert.deepEqual(
      this.methods.filter((name) => !this.called.has(name) && !elsewhere.includes(name)),
      [],
    );
  }
}

export const done = (answer) => has(answer, { code: 200 });

/** A time of the wire: ISO 8601 in UTC. */
export const isTime = (text) => assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

export const isID = (text) => assert.match(text, /^[0-9a-f]{24}$/);

/** An id of the right form that nobody has. */
export const unknownID = 'ffffffffffffffffffffffff';
