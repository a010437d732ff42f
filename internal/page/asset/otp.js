// SPDX-License-Identifier: Apache-2.0
// Drawing which boxes of a code are filled. The input itself is an ordinary one.
export function codes(root) {
  for (const box of root.querySelectorAll('[data-otp]')) {
    const input = box.querySelector('input');
    const cells = [...box.querySelectorAll('.cells i')];
    const length = Number(box.dataset.otp);
    const draw = () => {
      const digits = input.value.replace(/\D/g, '').slice(0, length);
      if (digits !== input.value) input.value = digits;
      cells.forEach((cell, k) => {
        cell.className = k < digits.length ? 'in' : k === digits.length ? 'at' : '';
      });
      input.scrollLeft = 0;
    };
    box.dataset.live = 'yes';
    input.addEventListener('input', draw);
    input.addEventListener('paste', (e) => {
      e.preventDefault();
      input.value = (e.clipboardData?.getData('text') ?? '').replace(/\D/g, '').slice(0, length);
      draw();
    });
    draw();
  }
}
