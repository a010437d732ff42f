// SPDX-License-Identifier: Apache-2.0
// Passkeys. A form says what it is for: data-passkey="create" or "get". Its options stand in data-options, or are asked
// for at data-ask. The device's answer goes into the form's fields, and the form is sent like any other. What goes
// wrong is told in the form's [data-passkey-status], in the words that stand there.
const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

export function options(o) {
  const out = { ...o, challenge: bytes(o.challenge) };
  if (o.user) out.user = { ...o.user, id: bytes(o.user.id) };
  for (const list of ['excludeCredentials', 'allowCredentials']) {
    if (o[list]) out[list] = o[list].map((c) => ({ ...c, id: bytes(c.id) }));
  }
  return out;
}

export function answer(c) {
  const r = c.response;
  const response = { clientDataJSON: text(r.clientDataJSON) };
  if (r.attestationObject) {
    response.attestationObject = text(r.attestationObject);
    response.transports = r.getTransports ? r.getTransports() : [];
  } else {
    response.authenticatorData = text(r.authenticatorData);
    response.signature = text(r.signature);
    if (r.userHandle) response.userHandle = text(r.userHandle);
  }
  const out = { id: c.id, rawId: text(c.rawId), type: c.type, response, clientExtensionResults: {} };
  if (c.authenticatorAttachment) out.authenticatorAttachment = c.authenticatorAttachment;
  return JSON.stringify(out);
}

function wire(form) {
  const field = (name) => form.elements.namedItem(name);
  const status = form.querySelector('[data-passkey-status]');
  const tell = (what) => {
    if (!status) return;
    for (const p of status.children) p.hidden = p.dataset.when !== what;
  };
  let waiting = null; // a get that waits in the list of an input field

  async function begin() {
    if (form.dataset.options) return JSON.parse(form.dataset.options);
    const r = await fetch(form.dataset.ask, { method: 'POST', headers: { Accept: 'application/json' }, credentials: 'same-origin' });
    if (!r.ok) throw new Error('no options');
    const doc = await r.json();
    field('ceremony').value = doc.ceremony;
    return doc.publicKey;
  }
  async function use(more) {
    const publicKey = options(await begin());
    const c = form.dataset.passkey === 'create'
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey, ...more });
    field('credential').value = answer(c);
    form.submit();
  }
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    if (waiting) waiting.abort();
    waiting = null;
    tell('busy');
    use({}).catch((err) => tell(err.name === 'InvalidStateError' ? 'known' : 'failed'));
  });
  form.hidden = false;
  for (const n of document.querySelectorAll('[data-without-passkeys]')) n.hidden = true;
  if (form.dataset.ask && PublicKeyCredential.isConditionalMediationAvailable) {
    PublicKeyCredential.isConditionalMediationAvailable().then((yes) => {
      if (!yes) return;
      waiting = new AbortController();
      use({ mediation: 'conditional', signal: waiting.signal }).catch(() => {});
    });
  }
}

if (window.PublicKeyCredential && navigator.credentials) {
  for (const form of document.querySelectorAll('form[data-passkey]')) wire(form);
}
