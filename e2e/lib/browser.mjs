// A headless Chromium for tests: pages of our own on one name, the server on another of the same site, and nothing else reachable.
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);

/** Names of one site, for pages and for servers: clients in browsers refuse names without a dot and names with a port. */
export const pageHost = 'app.guildhall.test';
export const serverHost = 'id.guildhall.test';
export const pageOrigin = `http://${pageHost}`;
export const serverOrigin = `http://${serverHost}`;

/** Where Chromium is: GUILDHALL_CHROMIUM or a usual place. */
function findChromium() {
  const wish = process.env.GUILDHALL_CHROMIUM;
  const places = wish ? [wish] : ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];
  const found = places.find((place) => fs.existsSync(place));
  if (!found) {
    throw new Error(`Chromium is not installed (looked at ${places.join(', ')}). Install it (Debian, as root: apt-get install chromium) or set GUILDHALL_CHROMIUM.`);
  }
  return found;
}

/** The directory of an installed package, whose files are served as they are. */
export function packageDir(name) {
  let dir = path.dirname(require.resolve(name === '@authing/guard' ? `${name}/dist/global/guard.min.js` : name));
  while (!fs.existsSync(path.join(dir, 'package.json')) || JSON.parse(fs.readFileSync(path.join(dir, 'package.json'))).name !== name) {
    const up = path.dirname(dir);
    if (up === dir) throw new Error(`${name} is not installed. Run scripts/ensure.sh e2e.`);
    dir = up;
  }
  return dir;
}

const types = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.html': 'text/html', '.svg': 'image/svg+xml', '.png': 'image/png', '.json': 'application/json' };

/**
 * Serves pages on loopback: an entry whose path ends in a slash is a directory of files, any other one the text of a page. Every
 * path that is none of them answers 404.
 */
export async function servePages(entries) {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    const send = (status, type, body) => response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(body);
    if (typeof entries[pathname] === 'string' && !pathname.endsWith('/')) return send(200, 'text/html', entries[pathname]);
    const mount = Object.keys(entries).find((prefix) => prefix.endsWith('/') && pathname.startsWith(prefix));
    const file = mount && path.join(entries[mount], path.normalize(pathname.slice(mount.length - 1)));
    if (file && fs.existsSync(file) && fs.statSync(file).isFile()) {
      return send(200, types[path.extname(file)] ?? 'application/octet-stream', fs.readFileSync(file));
    }
    send(404, 'text/plain', 'not here');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))),
  };
}

/**
 * Starts Chromium. hosts maps names to ports of loopback: http://<name> is that server, and no other name is found. Fails when
 * there is no Chromium.
 */
export async function openBrowser(hosts) {
  const rules = Object.entries(hosts).map(([name, port]) => `MAP ${name}:80 127.0.0.1:${port}`);
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: [
      `--host-resolver-rules=${[...rules, 'MAP * ~NOTFOUND'].join(', ')}`,
      `--unsafely-treat-insecure-origin-as-secure=${Object.keys(hosts).map((name) => `http://${name}`).join(',')}`,
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });
  return {
    browser,
    /** A browser without cookies or anything else kept, and a page in it that keeps a record. */
    async visit(url, { locale = 'en-US', ...options } = {}) {
      const context = await browser.newContext({ locale, viewport: { width: 1000, height: 900 }, ...options });
      const page = await context.newPage();
      const visit = new Visit(context, page);
      if (url) await page.goto(url);
      return visit;
    },
    close: () => browser.close(),
  };
}

/** A page, and what happened on it. */
class Visit {
  calls = []; // {method, url, headers, body, status, answer}, in the order of the answers
  faults = []; // what the page threw
  lost = []; // requests that reached nobody
  reading = []; // answers that are on their way into calls

  constructor(context, page) {
    this.context = context;
    this.page = page;
    page.on('pageerror', (error) => this.faults.push(error.stack ?? String(error)));
    page.on('requestfailed', (request) => this.lost.push(`${request.method()} ${request.url()}: ${request.failure()?.errorText}`));
    page.on('response', (response) => {
      const request = response.request();
      if (!['fetch', 'xhr'].includes(request.resourceType())) return;
      const call = { method: request.method(), url: request.url(), headers: request.headers(), body: request.postData(), status: response.status() };
      this.calls.push(call);
      this.reading.push(response.json().then((answer) => (call.answer = answer), () => undefined));
    });
  }

  /** The calls whose path is the given one. */
  to(pathname) {
    return this.calls.filter((call) => new URL(call.url).pathname === pathname);
  }

  /** The newest answer from a path, once it is there. */
  async answer(pathname) {
    await Promise.all(this.reading);
    return this.to(pathname).at(-1)?.answer;
  }

  /** Pictures go where GUILDHALL_SHOTS says, for people to look at. */
  async shot(name) {
    const dir = process.env.GUILDHALL_SHOTS;
    if (dir) await this.page.screenshot({ path: path.join(dir, `${name}.png`), animations: 'disabled' });
  }

  close() {
    return this.context.close();
  }
}
