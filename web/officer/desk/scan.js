// SPDX-License-Identifier: Apache-2.0
// Scanning a card's QR symbol with this machine's camera.
//
//   <div data-scan="/desk/symbol" data-into="q" …></div>
//
// Pictures go to this door one at a time, are read there and kept nowhere. What was read is put into the field and its
// form is sent, as if a hand scanner had typed it. Without camera or script the form for a photo does the same.
const pause = 500;
const width = 1280;

const make = (tag, props = {}, ...inside) => {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...inside);
  return e;
};

function bind(box) {
  const { scan, into, start, stop, wait, none } = box.dataset;
  const field = document.getElementsByName(into)[0];
  const button = make('button', { type: 'button', className: 'btn line', textContent: start });
  const said = make('p', { className: 'small muted' });
  said.setAttribute('role', 'status');
  const video = make('video', { muted: true, playsInline: true, hidden: true, width: 320 });
  let stream;

  const end = () => {
    for (const t of stream?.getTracks() ?? []) t.stop();
    stream = undefined;
    video.hidden = true;
    video.srcObject = null;
    button.textContent = start;
  };

  async function look() {
    const canvas = make('canvas');
    const w = Math.min(width, video.videoWidth);
    canvas.width = w;
    canvas.height = Math.round((w * video.videoHeight) / video.videoWidth);
    canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = await new Promise((done) => { canvas.toBlob(done, 'image/jpeg', 0.85); });
    const answer = await fetch(scan, { method: 'POST', redirect: 'error', cache: 'no-store', headers: { 'Content-Type': 'image/jpeg' }, body: picture });
    return answer.status === 200 ? answer.text() : '';
  }

  async function run() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: width } }, audio: false });
    } catch {
      said.textContent = none;
      return;
    }
    video.srcObject = stream;
    video.hidden = false;
    button.textContent = stop;
    said.textContent = wait;
    await video.play();
    while (stream) {
      let text = '';
      try {
        if (video.videoWidth > 0) text = await look();
      } catch {
        end();
        said.textContent = none;
        return;
      }
      if (text && stream) {
        end();
        field.value = text;
        field.form.requestSubmit();
        return;
      }
      await new Promise((done) => { setTimeout(done, pause); });
    }
  }

  button.addEventListener('click', () => {
    if (stream) {
      end();
      said.textContent = '';
    } else run();
  });
  addEventListener('pagehide', end);
  box.append(make('div', { className: 'acts' }, button), video, said);
}

if (navigator.mediaDevices?.getUserMedia) for (const box of document.querySelectorAll('[data-scan]')) bind(box);
