// A hall for tests: the built binary with a fresh database, and the official clients that talk to it.
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as v2sdk from 'authing-js-sdk';
import * as v3sdk from 'authing-node-sdk';
import { findPostgres, startPostgres } from './postgres.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const binary = path.resolve(process.env.GUILDHALL_BIN ?? path.join(root, 'guildhall'));

const allEngines = ['sqlite', 'postgres18', 'postgres15'];

/**
 * The engines to test on: GUILDHALL_E2E_ENGINES (names with commas), or else all that are installed. With CI=true all
 * three must be there.
 */
export function engines() {
  const wish = process.env.GUILDHALL_E2E_ENGINES?.split(',').filter(Boolean);
  const missing = (wish ?? allEngines).filter((name) => name !== 'sqlite' && !findPostgres(name));
  if (missing.length > 0 && (wish || process.env.CI === 'true')) {
    throw new Error(`not installed: ${missing.join(', ')}. Run scripts/ensure.sh postgresql e2e.`);
  }
  return (wish ?? allEngines).filter((name) => !missing.includes(name));
}

/**
 * Registers a test for each engine and runs suite(t, hall) in it, one after the other, with a hall that is gone
 * afterwards. pools are the names of the user pools to make; flags go to serve, baseURL is where browsers find the server (its own
 * port of loopback unless given). on narrows the engines, for suites about what no engine changes.
 */
export function onEachEngine(name, suite, { pools = ['first'], on = allEngines, ...options } = {}) {
  for (const engine of engines().filter((engine) => on.includes(engine))) {
    test(`${name} on ${engine}`, { timeout: 240_000 }, async (t) => {
      const hall = await openHall(engine, pools, options);
      t.after(() => hall.close());
      await suite(t, hall);
    });
  }
}

/** Starts a hall. A port that somebody else took in the meantime is tried again with another one. */
export async function openHall(engine, pools = ['first'], options = {}) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(engine, pools, options);
    } catch (error) {
      if (attempt === 3 || !/address already in use/.test(error.message)) throw error;
    }
  }
}

async function start(engine, pools, { flags = [], baseURL }) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'guildhall-e2e-'));
  const remove = () => fs.rmSync(dir, { recursive: true, force: true });
  process.once('exit', remove);
  const closers = [() => process.removeListener('exit', remove), remove];
  const close = async () => {
    let failure;
    while (closers.length > 0) {
      try {
        await closers.pop()();
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure) throw failure;
  };
  try {
    const db = [];
    if (engine !== 'sqlite') {
      const cluster = await startPostgres(engine);
      closers.push(cluster.stop);
      db.push('--db', cluster.dsn);
    }
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const common = ['--data', dir, ...db, '--base-url', baseURL ?? url];
    const credentials = pools.map((pool) => init(['--pool-name', pool, '--json', ...common]));
    const server = serve(['--listen', `127.0.0.1:${port}`, ...common, ...flags]);
    closers.push(server.stop);
    await server.ready(`${url}/readyz`);
    return { engine, url, port, log: server.log, close, pools: credentials.map((own) => new Pool(url, own)) };
  } catch (error) {
    await close();
    throw error;
  }
}

const environment = { PATH: process.env.PATH, HOME: os.tmpdir(), TZ: 'UTC' };

function init(args) {
  const run = spawnSync(binary, ['init', ...args], { env: environment, encoding: 'utf8', timeout: 60_000 });
  if (run.status !== 0) throw new Error(`guildhall init: ${run.error ?? ''} ${run.signal ?? ''}\n${run.stderr ?? ''}`);
  return JSON.parse(run.stdout);
}

function serve(args) {
  const child = spawn(binary, ['serve', ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text = (text + chunk).slice(-65_536)));
  const ended = once(child, 'exit').catch((error) => (text += error));
  const alive = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  const abandon = () => alive() && child.kill('SIGKILL');
  process.once('exit', abandon);
  return {
    log: () => text,
    /** Resolves when url answers 200; fails when the server ends, or after ten seconds. */
    async ready(url) {
      for (const deadline = Date.now() + 10_000; ; await sleep(20)) {
        const response = await fetch(url).catch(() => undefined);
        await response?.arrayBuffer();
        if (response?.status === 200) return;
        if (!alive() || Date.now() > deadline) throw new Error(`guildhall serve does not get ready:\n${text}`);
      }
    },
    async stop() {
      process.removeListener('exit', abandon);
      if (!alive()) return;
      child.kill('SIGTERM');
      if ((await Promise.race([ended, sleep(10_000, 'late', { ref: false })])) === 'late') {
        child.kill('SIGKILL');
        await ended;
        throw new Error(`guildhall serve did not end within 10 s of SIGTERM:\n${text}`);
      }
    },
  };
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/**
 * A user pool and its callers. v2 and v3 are the official management clients, made on first use (the V3 one keeps its host in a
 * setting of the whole process: one hall at a time). The other methods send what no client would.
 */
export class Pool {
  /** own is what `guildhall init --json` printed, or any of it. */
  constructor(url, own) {
    Object.assign(this, own, { url });
  }

  get v2() {
    return (this.v2client ??= new v2sdk.ManagementClient({ userPoolId: this.userPoolId, secret: this.userPoolSecret, host: this.url }));
  }

  get v3() {
    return (this.v3client ??= new v3sdk.ManagementClient({
      accessKeyId: this.accessKeyId,
      accessKeySecret: this.accessKeySecret,
      host: this.url,
    }));
  }

  /** Sends as is; answers {status, headers, text, json}, json undefined when the body is none. */
  async bare(method, pathAndQuery, { headers = {}, body } = {}) {
    const response = await fetch(this.url + pathAndQuery, { method, headers, body, redirect: 'manual' });
    const text = await response.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, json };
  }

  /** The body of a GraphQL answer, {data, errors}. token is a management token unless given; null sends none. */
  async graphql(query, variables, { token, headers = {} } = {}) {
    const bearer = token === undefined ? await this.v2.tokenProvider.getToken() : token;
    const { status, json, text } = await this.bare('POST', '/graphql/v2', {
      headers: { 'content-type': 'application/json', 'x-authing-userpool-id': this.userPoolId, ...authorization(bearer), ...headers },
      body: JSON.stringify({ query, variables }),
    });
    if (status !== 200 || json === undefined) throw new Error(`GraphQL answered ${status}: ${text.slice(0, 300)}`);
    return json;
  }

  /** The data of a GraphQL answer; fails when it has errors. */
  async data(query, variables, options) {
    const { data, errors } = await this.graphql(query, variables, options);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** The body of a V2 REST answer, with a management token. */
  async rest(method, pathAndQuery, body, { token, headers = {} } = {}) {
    const bearer = token === undefined ? await this.v2.tokenProvider.getToken() : token;
    const { status, json, text } = await this.bare(method, pathAndQuery, {
      headers: { 'content-type': 'application/json', 'x-authing-userpool-id': this.userPoolId, ...authorization(bearer), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (status !== 200 || json === undefined) throw new Error(`${method} ${pathAndQuery} answered ${status}: ${text.slice(0, 300)}`);
    return json;
  }

  /** The token that clients in other languages fetch with their access key. */
  async managementToken() {
    if (!this.bearerToken) {
      const { json } = await this.bare('POST', '/api/v3/get-management-token', {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ accessKeyId: this.accessKeyId, accessKeySecret: this.accessKeySecret }),
      });
      this.bearerToken = json.data.access_token;
    }
    return this.bearerToken;
  }

  /** The body of a V3 answer to a bearer's call. body may be text or bytes, sent as they are; a GET puts it into the query. */
  async bearer(method, pathname, parameters = {}, { token, headers = {} } = {}) {
    const raw = typeof parameters === 'string' || ArrayBuffer.isView(parameters);
    const query = method === 'GET' ? queryText(parameters) : '';
    return this.v3answer(method, pathname + query, {
      headers: {
        'content-type': 'application/json',
        ...authorization(token === undefined ? await this.managementToken() : token),
        ...headers,
      },
      body: method === 'GET' ? undefined : raw ? parameters : JSON.stringify(parameters),
    });
  }

  /**
   * The body of a V3 answer to a signed call. headers replace those that a client would send (undefined removes one) before signing;
   * tamper(headers) changes what is sent after it.
   */
  async signed(method, pathname, parameters = {}, { headers = {}, tamper = () => {} } = {}) {
    const sent = {
      'content-type': 'application/json',
      'x-authing-signature-nonce': crypto.randomBytes(16).toString('hex'),
      'x-authing-signature-method': 'HMAC-SHA1',
      'x-authing-signature-version': '1.0',
      'x-authing-lang': 'zh-CN',
      date: new Date().toUTCString(),
      ...headers,
    };
    for (const name of Object.keys(sent)) if (sent[name] === undefined) delete sent[name];
    const text = stringToSign(method, pathname, sent, parameters);
    const signature = crypto.createHmac('sha1', this.accessKeySecret).update(text).digest('base64');
    sent.authorization = `authing ${this.accessKeyId}:${signature}`;
    tamper(sent);
    return this.v3answer(method, pathname + (method === 'GET' ? queryText(parameters) : ''), {
      headers: sent,
      body: method === 'GET' ? undefined : JSON.stringify(parameters),
    });
  }

  async v3answer(method, pathAndQuery, request) {
    const { status, json, text } = await this.bare(method, pathAndQuery, request);
    if (status !== 200 || json === undefined) throw new Error(`${method} ${pathAndQuery} answered ${status}: ${text.slice(0, 300)}`);
    return json;
  }
}

const authorization = (token) => (token ? { authorization: `Bearer ${token}` } : {});

function queryText(parameters) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (Array.isArray(value)) for (const item of value) query.append(`${key}[]`, item);
    else if (value !== undefined) query.append(key, value);
  }
  const text = query.toString();
  return text ? `?${text}` : '';
}

/** What V3 signs: method, own headers in order, path, parameters in order and not encoded. */
function stringToSign(method, pathname, headers, parameters) {
  const own = Object.keys(headers)
    .filter((name) => name.startsWith('x-authing-') || name === 'date')
    .sort();
  const pairs = Object.keys(parameters)
    .sort()
    .filter((key) => parameters[key] !== undefined)
    .map((key) => `${key}=${typeof parameters[key] === 'object' ? JSON.stringify(parameters[key]) : parameters[key]}`);
  return `${method}\n${own.map((name) => `${name}:${headers[name]}\n`).join('')}${pathname}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`;
}

/**
 * What a server started with flags ['--dev'] caught for an address, newest first, once there are at least so many: {channel, kind, to,
 * subject, code, link, text, html}. An address is a mail address in lower case or a phone number as +<country><number>.
 */
export async function inbox(hall, to, atLeast = 1) {
  for (const deadline = Date.now() + 10_000; ; await sleep(30)) {
    const response = await fetch(`${hall.url}/dev/inbox?format=json&to=${encodeURIComponent(to)}`);
    const { messages } = await response.json();
    if (messages.length >= atLeast) return messages;
    if (Date.now() > deadline) throw new Error(`only ${messages.length} of ${atLeast} messages to ${to} arrived:\n${hall.log()}`);
  }
}

/** The code of the newest message to an address. */
export async function codeFor(hall, to, atLeast = 1) {
  return (await inbox(hall, to, atLeast))[0].code;
}
