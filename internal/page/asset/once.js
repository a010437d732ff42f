// SPDX-License-Identifier: Apache-2.0
// A form is sent once per press: a second press while the answer is on its way does nothing. Coming back by the
// browser's button makes it usable again.
export function once(root) {
  for (const form of root.querySelectorAll('form[method=post]')) {
    let sent = false;
    form.addEventListener('submit', (e) => {
      if (sent) e.preventDefault();
      sent = true;
      setTimeout(() => { sent = false; }, 8000);
    });
    window.addEventListener('pageshow', () => { sent = false; });
  }
}
