// What makes the hosted pages more comfortable. Everything but passkeys works without it.
'use strict';
(() => {
  const texts = document.body.dataset;
  const all = (selector, f) => document.querySelectorAll(selector).forEach(f);

  // A button shows the password for a moment.
  all('input[type=password]', (input) => {
    const template = document.getElementById('peek');
    if (!template) return;
    const button = template.content.firstElementChild.cloneNode(true);
    button.setAttribute('aria-controls', input.id);
    button.addEventListener('click', () => {
      const shown = input.type === 'text';
      input.type = shown ? 'password' : 'text';
      button.setAttribute('aria-pressed', String(!shown));
      input.focus();
    });
    input.form?.addEventListener('submit', () => (input.type = 'password'));
    input.after(button);
  });

  // A form is sent once; coming back to the page makes it ready again.
  const ready = () => all('form.busy', (form) => form.classList.remove('busy'));
  addEventListener('pageshow', ready);
  all('form', (form) => {
    form.addEventListener('submit', (event) => {
      if (form.classList.contains('busy')) event.preventDefault();
      form.classList.add('busy');
      setTimeout(ready, 8000);
    });
  });

  // "Send again" waits until it may.
  all('button[data-wait]', (button) => {
    const label = button.textContent;
    let left = Number(button.dataset.wait);
    const tick = () => {
      button.disabled = left > 0;
      button.textContent = left > 0 ? `${label} (${left})` : label;
      if (left-- > 0) setTimeout(tick, 1000);
    };
    tick();
  });

  // A complete one-time code is sent by itself, once.
  all('input[data-digits]', (input) => {
    let done = false;
    input.addEventListener('input', () => {
      const digits = input.value.replace(/\s/g, '');
      const others = [...input.form.elements].filter((e) => e !== input && e.required && !e.value);
      if (!done && others.length === 0 && new RegExp(`^\\d{${input.dataset.digits}}$`).test(digits)) {
        done = true;
        input.value = digits;
        input.form.requestSubmit();
      }
    });
  });

  all('button[data-copy]', (button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.textContent = texts.copied;
    });
  });

  // Passkeys. The server's options come on demand; the answer goes back in the form's hidden field.
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const described = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

  async function passkey(kind, options) {
    const publicKey = options.publicKey ?? options;
    publicKey.challenge = bytes(publicKey.challenge);
    if (kind === 'create') {
      publicKey.user.id = bytes(publicKey.user.id);
      publicKey.excludeCredentials = described(publicKey.excludeCredentials);
      const made = await navigator.credentials.create({ publicKey });
      const { response } = made;
      return {
        id: made.id, rawId: text64(made.rawId), type: made.type, authenticatorAttachment: made.authenticatorAttachment,
        clientExtensionResults: made.getClientExtensionResults(),
        response: { clientDataJSON: text64(response.clientDataJSON), attestationObject: text64(response.attestationObject), transports: response.getTransports?.() ?? [] },
      };
    }
    publicKey.allowCredentials = described(publicKey.allowCredentials);
    const got = await navigator.credentials.get({ publicKey });
    const { response } = got;
    return {
      id: got.id, rawId: text64(got.rawId), type: got.type, authenticatorAttachment: got.authenticatorAttachment,
      clientExtensionResults: got.getClientExtensionResults(),
      response: {
        clientDataJSON: text64(response.clientDataJSON), authenticatorData: text64(response.authenticatorData), signature: text64(response.signature),
        userHandle: response.userHandle ? text64(response.userHandle) : undefined,
      },
    };
  }

  all('form[data-passkey]', (form) => {
    if (!window.PublicKeyCredential) return;
    form.hidden = false;
    all('[data-with-passkey]', (e) => (e.hidden = false));
    all('[data-without-passkey]', (e) => (e.hidden = true));
    let sure = false;
    form.addEventListener('submit', async (event) => {
      if (sure) return;
      event.preventDefault();
      const say = form.querySelector('[data-passkey-error]');
      say.textContent = '';
      try {
        const answer = await fetch(form.dataset.options, { method: 'POST', body: new URLSearchParams(new FormData(form)), headers: { accept: 'application/json' } });
        const body = await answer.json();
        if (!answer.ok) throw new Error(body.message);
        form.elements.ticket.value = body.ticket;
        form.elements.credential.value = JSON.stringify(await passkey(form.dataset.passkey, body.options));
        sure = true;
        form.classList.remove('busy');
        form.requestSubmit();
      } catch (error) {
        ready();
        say.textContent = error instanceof DOMException || !error.message ? texts.passkeyFailed : error.message;
      }
    });
  });

  // Signing in by a scanned code: look now and then, and go on when it is done.
  all('[data-poll]', (element) => {
    const look = async () => {
      try {
        const answer = await fetch(element.dataset.poll, { headers: { accept: 'application/json' } });
        if (answer.ok && (await answer.json()).done) return document.querySelector('form[data-scan]').requestSubmit();
      } catch { /* the next look may do better */ }
      setTimeout(look, 2000);
    };
    setTimeout(look, 2000);
  });
})();
