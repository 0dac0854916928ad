// A browser that runs no scripts: cookies, redirects and forms.
import assert from 'node:assert/strict';

/** A browser without scripts: it keeps cookies, follows redirects of its own host, and fills in forms. */
export class Visitor {
  cookies = new Map();

  async go(url, request = {}) {
    for (let hops = 0; hops < 12; hops++) {
      const response = await fetch(url, {
        ...request,
        redirect: 'manual',
        headers: { ...request.headers, cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ') },
      });
      for (const line of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        if (value === '') this.cookies.delete(name);
        else this.cookies.set(name, value);
      }
      const text = await response.text();
      const location = response.headers.get('location');
      if (response.status < 300 || response.status > 399) return { url, status: response.status, text, headers: response.headers };
      const next = new URL(location, url);
      if (next.host !== new URL(url).host) return { url: next.href, status: response.status, text, outside: true };
      url = next.href;
      request = {};
    }
    throw new Error(`too many redirects, the last to ${url}`);
  }

  /** Sends the form of a page that has all of the fields, with what it holds already. */
  async submit(page, fields) {
    for (const [form, attributes, inner] of page.text.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)) {
      assert.ok(form);
      if (!Object.keys(fields).every((name) => inner.includes(`name="${name}"`))) continue;
      const body = new URLSearchParams();
      for (const [input] of inner.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
        body.set(unescapeHTML(/name="([^"]*)"/.exec(input)[1]), unescapeHTML(/value="([^"]*)"/.exec(input)?.[1] ?? ''));
      }
      for (const [name, value] of Object.entries(fields)) body.set(name, value);
      const action = unescapeHTML(/action="([^"]*)"/.exec(attributes)?.[1] ?? page.url);
      return this.go(new URL(action, page.url).href, {
        method: 'POST',
        body: body.toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(page.url).origin, 'sec-fetch-site': 'same-origin' },
      });
    }
    assert.fail(`no form with ${Object.keys(fields)} at ${page.url}:\n${page.text.slice(0, 4000)}`);
  }
}

const unescapeHTML = (text) => text.replace(/&(amp|lt|gt|quot|#34|#39|#43);/g, (_, name) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#39': "'", '#43': '+' })[name]);
