// SPDX-License-Identifier: Apache-2.0
// Showing the photo that was chosen before it is sent. It does not leave the device by this.
export function pictures(root) {
  for (const box of root.querySelectorAll('[data-file]')) {
    const input = box.querySelector('input');
    let picture;
    input.addEventListener('change', () => {
      if (picture) URL.revokeObjectURL(picture.src);
      picture?.remove();
      picture = undefined;
      const file = input.files?.[0];
      const said = box.querySelector('[data-picked]');
      if (said) said.textContent = file?.name ?? '';
      if (!file || !file.type.startsWith('image/')) return;
      picture = document.createElement('img');
      picture.alt = file.name;
      picture.src = URL.createObjectURL(file);
      box.append(picture);
    });
  }
}
