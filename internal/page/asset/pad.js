// SPDX-License-Identifier: Apache-2.0
// A signature drawn on the screen, with finger, pen or mouse. It becomes a PNG in the form's own file field, so that it
// is sent like a scan; without scripts the scan of the paper is what is sent.
for (const box of document.querySelectorAll('[data-pad]')) {
  const canvas = box.querySelector('canvas');
  const form = box.closest('form');
  const file = form.querySelector('input[type=file]');
  const how = form.querySelectorAll('input[name=how]');
  const g = canvas.getContext('2d');
  let lines = [];
  let line = null;
  const draw = () => {
    g.clearRect(0, 0, canvas.width, canvas.height);
    g.lineWidth = 3;
    g.lineCap = g.lineJoin = 'round';
    g.strokeStyle = '#14202B';
    for (const l of lines) {
      g.beginPath();
      g.moveTo(l[0][0], l[0][1]);
      for (const [x, y] of l.slice(1)) g.lineTo(x, y);
      if (l.length === 1) g.lineTo(l[0][0] + 0.1, l[0][1]);
      g.stroke();
    }
  };
  const at = (e) => {
    const r = canvas.getBoundingClientRect();
    return [(e.clientX - r.left) * canvas.width / r.width, (e.clientY - r.top) * canvas.height / r.height];
  };
  canvas.addEventListener('pointerdown', (e) => {
    canvas.setPointerCapture(e.pointerId);
    line = [at(e)];
    box.querySelector('[data-empty]').hidden = true;
    lines.push(line);
    draw();
    e.preventDefault();
  });
  canvas.addEventListener('pointermove', (e) => {
    if (!line) return;
    for (const p of e.getCoalescedEvents?.() ?? [e]) line.push(at(p));
    draw();
  });
  for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => { line = null; });
  box.querySelector('[data-clear]').addEventListener('click', () => { lines = []; draw(); canvas.focus(); });
  const drawn = () => [...how].find((x) => x.checked)?.value === 'screen';
  const paper = form.querySelector('[data-paper]');
  const choose = () => {
    box.hidden = !drawn();
    if (paper) paper.hidden = drawn();
  };
  for (const x of how) x.addEventListener('change', choose);
  for (const x of how) if (x.value === 'screen') x.checked = true;
  choose();
  let ready = false;
  form.addEventListener('submit', (e) => {
    if (!drawn() || ready) return;
    e.preventDefault();
    e.stopImmediatePropagation();
    const empty = box.querySelector('[data-empty]');
    empty.hidden = lines.length > 0;
    if (lines.length === 0) {
      canvas.focus();
      return;
    }
    canvas.toBlob((blob) => {
      const all = new DataTransfer();
      all.items.add(new File([blob], 'signature.png', { type: 'image/png' }));
      file.files = all.files;
      ready = true;
      form.requestSubmit(e.submitter);
    }, 'image/png');
  }, true);
}
