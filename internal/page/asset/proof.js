// SPDX-License-Identifier: Apache-2.0
// Proving oneself at one act. A form with data-proof is sent by one of its buttons: by "passkey" her authenticator
// answers data-options, by "device" the key of this device signs data-challenge; the answer goes into the form's
// fields, and the form is sent like any other. Other buttons send it as it is.
import { options, answer } from './passkey.js';

function wire(form) {
  const field = (name) => form.elements.namedItem(name);
  const status = form.querySelector('[data-proof-status]');
  const tell = (what) => {
    if (!status) return;
    for (const p of status.children) p.hidden = p.dataset.when !== what;
  };
  const ways = {
    async passkey() {
      const c = await navigator.credentials.get({ publicKey: options(JSON.parse(form.dataset.options)) });
      field('credential').value = answer(c);
    },
    async device() {
      const { sign } = await import('./device.js');
      field('signature').value = await sign(form.dataset.challenge, form.dataset.device);
    },
  };
  form.addEventListener('submit', (e) => {
    const way = ways[e.submitter?.value ?? ''];
    if (!way) return;
    e.preventDefault();
    tell('busy');
    way().then(() => form.submit(), () => tell('failed'));
  });
}

for (const form of document.querySelectorAll('form[data-proof]')) wire(form);
