// SPDX-License-Identifier: Apache-2.0
// The key of this device: ECDSA P-256, made here, not extractable, kept in the browser's own database. A form with
// data-device-key brings its public half and a signature over that challenge; the sign-in form with data-device-sign
// brings a signature alone. Whatever goes wrong, the page works as it does without: the device is asked for a code.
const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const how = { name: 'ECDSA', namedCurve: 'P-256' };

function open() {
  return new Promise((done, fail) => {
    const r = indexedDB.open('danh', 1);
    r.onupgradeneeded = () => r.result.createObjectStore('key');
    r.onsuccess = () => done(r.result);
    r.onerror = () => fail(r.error);
  });
}

async function store(mode, act) {
  const db = await open();
  try {
    return await new Promise((done, fail) => {
      const tx = db.transaction('key', mode);
      const r = act(tx.objectStore('key'));
      tx.oncomplete = () => done(r.result);
      tx.onerror = () => fail(tx.error);
    });
  } finally {
    db.close();
  }
}

const find = (name) => store('readonly', (s) => s.get(name));

// keep gives this device's pair; the first time it is made.
async function keep(name) {
  const have = await find(name);
  if (have) return have;
  const pair = await crypto.subtle.generateKey(how, false, ['sign', 'verify']);
  await store('readwrite', (s) => s.put(pair, name));
  return pair;
}

const signWith = async (pair, challenge) => text(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, bytes(challenge)));

// sign gives a signature over a challenge (base64url, both): r and s, 32 bytes each.
export async function sign(challenge, name = 'device') {
  const pair = await find(name);
  if (!pair) throw new Error('no key');
  return signWith(pair, challenge);
}

async function bring(form) {
  const pair = await keep('device');
  const field = (n) => form.elements.namedItem(n);
  field('key').value = text(await crypto.subtle.exportKey('raw', pair.publicKey));
  field('signature').value = await signWith(pair, form.dataset.deviceKey);
  const r = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)), credentials: 'same-origin', keepalive: true });
  form.dataset.kept = r.ok ? 'yes' : 'no';
}

if (globalThis.indexedDB && globalThis.crypto?.subtle) {
  for (const form of document.querySelectorAll('form[data-device-key]')) bring(form).catch(() => {});
  for (const form of document.querySelectorAll('form[data-device-sign]')) {
    sign(form.dataset.deviceSign).then((s) => { form.elements.namedItem('device_signature').value = s; }, () => {});
  }
}
