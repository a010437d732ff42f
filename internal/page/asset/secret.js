// SPDX-License-Identifier: Apache-2.0
// Showing a password while it is typed. The field is covered again before it is sent, so that no browser stores it as text.
export function secrets(root) {
  for (const box of root.querySelectorAll('[data-secret]')) {
    const input = box.querySelector('input');
    const button = box.querySelector('button');
    const words = [button.getAttribute('aria-label'), button.dataset.cover];
    const show = (open) => {
      input.type = open ? 'text' : 'password';
      button.setAttribute('aria-pressed', String(open));
      button.setAttribute('aria-label', words[open ? 1 : 0]);
    };
    button.hidden = false;
    button.addEventListener('click', () => show(input.type === 'password'));
    input.form?.addEventListener('submit', () => show(false));
  }
}
