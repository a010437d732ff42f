// SPDX-License-Identifier: Apache-2.0
// Grouping the digits of a number while it is typed: 001 195 012 345. The server takes it with or without spaces.
export function numbers(root) {
  for (const input of root.querySelectorAll('[data-grouped]')) {
    const group = () => {
      if (/[^\d\s.-]/.test(input.value)) return; // not a number after all: leave it as typed
      const at = input.selectionStart ?? input.value.length;
      const before = input.value.slice(0, at).replace(/\D/g, '').length;
      const digits = input.value.replace(/\D/g, '');
      const text = digits.replace(/(\d{3})(?=\d)/g, '$1 ');
      if (text === input.value) return;
      input.value = text;
      let place = 0;
      for (let n = before; n > 0 && place < text.length; place++) if (text[place] !== ' ') n--;
      if (document.activeElement === input) input.setSelectionRange(place, place);
    };
    input.addEventListener('input', group);
    group();
  }
}
