// The V3 contract as the tests use it: what an answer must look like, and whether every operation of a domain was tried.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../contract');
const read = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));

const models = read('v3-models.json');
export const operations = new Map(read('v3-management.json').map((operation) => [operation.operation, operation]));

// Values that the server needs and the contract has no word for.
for (const word of ['accessKey', 'customField', 'identity']) models.AdminAuditLogDto.resourceType.enum.push(word);

// The description shows one entry of a list, and an answer without its envelope.
models.WhitelistListRespDto.data.type = 'WhitelistRespDto[]';
for (const name of ['deleteWhitelist', 'deleteWhitelistOfApp']) operations.get(name).response = 'IsSuccessRespDto';

// The reason why a role could not be made so is a text, and only there when it could not.
models.CheckRoleParamsRespDto.message = { type: 'string', required: false };

// The number of departments is called a flag, and a post is described without its envelope.
models.DepartmentPagingDto.totalCount.type = 'number';
Object.assign(models.PreviewEmailTemplateRespDto, { statusCode: { type: 'number', required: true }, message: { type: 'string', required: true } });
for (const name of ['getPost', 'getUserPost']) operations.get(name).response = 'CreatePostRespDto';

// A data resource is a text, a list or a tree; the description calls it a node.
for (const model of Object.values(models)) {
  if (model.struct?.type.includes('|')) model.struct = { type: 'any', required: model.struct.required };
}
models.DataResourceTreeStructs.children = { type: 'DataResourceTreeStructs[]', nested: 'DataResourceTreeStructs', required: false };

// A page of resources is described with an envelope of its own, one of a namespace's roles by one entry; who decides is told beside whom.
for (const name of ['ResourcePagingDto', 'CommonResourcePagingDto']) {
  for (const field of ['statusCode', 'message']) delete models[name][field];
}
models.NamespaceRolesPage = { totalCount: { type: 'number', required: true }, list: { type: 'NamespaceRolesListRespDto[]', nested: 'NamespaceRolesListRespDto', required: true } };
models.NamespaceRolesListPaginatedRespDto.data = { type: 'NamespaceRolesPage', nested: 'NamespaceRolesPage', required: true };
models.GetSubjectAuthDataDto.allowed = { type: 'boolean', required: false };

// The description shows one application of a list, without its envelope.
operations.get('getVerifyConfigApp').response = 'ApplicationPaginatedRespDto';

/**
 * Checks value against a model of the contract, field by field: what is required is there and not null, what is there has the
 * declared type and one of the declared values, and nothing else is there.
 */
export function conforms(model, value, where = model) {
  assert.ok(models[model], `the contract has no model ${model}`);
  assert.ok(isObject(value), `${where} is no object: ${JSON.stringify(value)}`);
  const fields = models[model];
  if (Object.keys(fields).length === 0) return;
  for (const key of Object.keys(value)) assert.ok(key in fields, `${where}.${key} is not in the contract`);
  for (const [key, field] of Object.entries(fields)) {
    const place = `${where}.${key}`;
    if (value[key] === undefined || value[key] === null) {
      assert.ok(!field.required, `${place} is ${value[key]}, and the contract requires it`);
      continue;
    }
    const list = field.type.endsWith('[]');
    assert.equal(Array.isArray(value[key]), list || (field.type === 'any' && Array.isArray(value[key])), `${place} is a list or is none`);
    for (const item of list ? value[key] : [value[key]]) {
      if (field.nested) conforms(field.nested, item, place);
      else if (field.type !== 'any') assert.equal(typeof item, field.type.replace('[]', ''), `${place}: ${JSON.stringify(item)}`);
      if (field.enum) assert.ok(field.enum.includes(item), `${place} is ${item}, not one of ${field.enum}`);
    }
  }
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Checks the envelope of a refusal. Data may only be absent or null, and the HTTP library's own errors are no answer. */
export function isRefusal(body) {
  assert.ok(isObject(body), `no envelope: ${JSON.stringify(body)}`);
  assert.equal(typeof body.statusCode, 'number');
  assert.ok(
    (body.statusCode >= 400 && body.statusCode < 500) || body.statusCode === 501,
    `refused with ${body.statusCode}: ${body.message}`,
  );
  assert.ok(typeof body.message === 'string' && body.message !== '', 'a refusal has a message');
  assert.ok(typeof body.requestId === 'string' && body.requestId !== '', 'a refusal has a request id');
  assert.ok(body.apiCode === undefined || typeof body.apiCode === 'number', `apiCode is ${body.apiCode}`);
  assert.equal(body.data ?? null, null, 'a refusal has no data');
}

/** The data of a success. */
export function ok(body) {
  assert.equal(body.statusCode, 200, JSON.stringify(body));
  return body.data;
}

/** Checks a refusal and, where given, its status and its message (a text, or a pattern). */
export function refused(body, statusCode, message) {
  assert.notEqual(body.statusCode, 200, `not refused: ${JSON.stringify(body)}`);
  isRefusal(body);
  if (statusCode !== undefined) assert.equal(body.statusCode, statusCode, body.message);
  if (message instanceof RegExp) assert.match(body.message, message);
  else if (message !== undefined) assert.equal(body.message, message);
}

/**
 * Wraps a V3 management client: every answer is checked against the contract, and notes which operations succeeded and which
 * were refused.
 */
export class Recorder {
  succeeded = new Set();
  refused = new Set();

  constructor(client) {
    const recorder = this;
    this.client = new Proxy(client, {
      get(target, name) {
        const operation = operations.get(name);
        if (!operation) return Reflect.get(target, name);
        return async (parameters = {}) => {
          const body = await target[name](parameters);
          recorder.note(operation, body);
          return body;
        };
      },
    });
  }

  /** Checks and notes an answer that was fetched without the client. */
  note(operation, body) {
    if (body.statusCode === 200) {
      assert.equal(body.message, '', `${operation.operation}: the message of a success is empty`);
      assert.ok(!('apiCode' in body), `${operation.operation}: a success has no apiCode`);
      if (operation.response in models) conforms(operation.response, body);
      this.succeeded.add(operation.operation);
    } else {
      isRefusal(body);
      this.refused.add(operation.operation);
    }
  }

  /**
   * Fails unless each operation of the domain was seen to succeed and to refuse. elsewhere names those that another file tests,
   * neverSucceeds and neverRefuses those that can't do the one.
   */
  assertComplete(domain, { elsewhere = [], neverSucceeds = [], neverRefuses = [] } = {}) {
    const names = [...operations.values()].filter((operation) => operation.domain === domain).map(({ operation }) => operation);
    const without = (seen, except) => names.filter((name) => !seen.has(name) && !except.includes(name) && !elsewhere.includes(name));
    assert.deepEqual(
      { notSucceeded: without(this.succeeded, neverSucceeds), notRefused: without(this.refused, neverRefuses) },
      { notSucceeded: [], notRefused: [] },
    );
  }
}
