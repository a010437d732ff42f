// SPDX-License-Identifier: Apache-2.0
// A portrait from the counter's camera: the frame for head and eyes, hints while it runs, capture, retake, use.
//
//   <div data-camera>
//     <form method="post" action="/…" enctype="multipart/form-data"> … <input type="file" name="portrait"> … </form>
//   </div>
//
// The form, which may bear data-camera itself, is the way without camera or script, and it is the form that is sent:
// what was captured becomes its file. A box with data-post and no form has the JPEG posted there and the page loaded anew.
import { check, guide, minHeight, minWidth } from './measure.js';
import { texts } from './text.js';

const t = (key) => texts[key]?.[document.documentElement.lang === 'en' ? 1 : 0] ?? key;

const make = (tag, props = {}, ...inside) => {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...inside);
  return e;
};
const draw = (tag, props) => {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [k, v] of Object.entries(props)) e.setAttribute(k, v);
  return e;
};

// The picture that is kept: 3 by 4, at most 600 by 800, at most what a chip's file holds.
const outWidth = 600;
const outHeight = 800;
const maxBytes = 60 * 1024;
// Live hints look at smaller pictures, as tall as the measures need.
const liveWidth = 360;
const liveHeight = 480;
const turn = 400;

const sheet = make('link', { rel: 'stylesheet', href: new URL('./camera.css', import.meta.url).pathname });
document.head.append(sheet);

// crop is the middle of a picture with the shape of a portrait.
export function crop(width, height) {
  const w = Math.min(width, Math.floor((height * 3) / 4));
  const h = Math.min(height, Math.floor((w * 4) / 3));
  return { x: Math.floor((width - w) / 2), y: Math.floor((height - h) / 2), w, h };
}

function paint(source, width, height, w, h) {
  const canvas = make('canvas', { width: w, height: h });
  const c = crop(width, height);
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.fillStyle = '#fff'; // what is transparent is white, as on the server
  pen.fillRect(0, 0, w, h);
  pen.drawImage(source, c.x, c.y, c.w, c.h, 0, 0, w, h);
  return { canvas, image: () => pen.getImageData(0, 0, w, h), source: c };
}

const blob = (canvas, quality) => new Promise((done) => { canvas.toBlob(done, 'image/jpeg', quality); });

// jpeg is the best picture within the bound.
async function jpeg(canvas) {
  let out;
  for (const quality of [0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5]) {
    out = await blob(canvas, quality);
    if (out.size <= maxBytes) return out;
  }
  return out;
}

function frame() {
  const g = guide(300, 400);
  const svg = draw('svg', { viewBox: '0 0 300 400', class: 'camera-frame', 'aria-hidden': 'true' });
  svg.append(
    draw('ellipse', { cx: (g.left + g.right) / 2, cy: (g.top + g.bottom) / 2, rx: (g.right - g.left) / 2, ry: (g.bottom - g.top) / 2 }),
    draw('path', { d: `M${g.left} ${g.eyeTop}H${g.right}M${g.left} ${g.eyeBottom}H${g.right}`, class: 'band' }),
    draw('path', { d: `M${g.eyeLeft - 8} ${g.eyeLine}h16M${g.eyeRight - 8} ${g.eyeLine}h16` }),
  );
  return svg;
}

function button(words, kind, act) {
  const b = make('button', { type: 'button', className: `btn ${kind}`, textContent: t(words) });
  b.addEventListener('click', act);
  return b;
}

class Camera {
  constructor(box) {
    this.box = box;
    this.form = box.matches('form') ? box : box.querySelector('form');
    this.video = make('video', { muted: true, playsInline: true, autoplay: true });
    this.video.setAttribute('aria-label', t('capture.live'));
    this.still = make('img', { alt: t('capture.taken'), hidden: true });
    this.stage = make('div', { className: 'camera-stage', hidden: true }, this.video, this.still, frame());
    this.list = make('ul', { className: 'camera-hints' });
    this.said = make('p', { className: 'camera-said' });
    this.said.setAttribute('role', 'status');
    this.start = button('capture.start', 'line', () => this.begin());
    this.shoot = button('capture.shoot', '', () => this.take());
    this.again = button('capture.again', 'plain', () => this.resume());
    this.use = button('capture.use', '', () => this.send());
    this.pick = make('select', { className: 'camera-pick', hidden: true });
    this.pick.setAttribute('aria-label', t('capture.which'));
    this.pick.addEventListener('change', () => this.begin(this.pick.value));
    this.acts = make('div', { className: 'acts' }, this.start, this.shoot, this.again, this.use);
    box.prepend(make('div', { className: 'camera' }, this.stage, make('div', { className: 'camera-side' }, this.said, this.list, this.pick, this.acts)));
    this.show('off');
    addEventListener('pagehide', () => this.stop());
    if (!navigator.mediaDevices?.getUserMedia) {
      this.say('capture.none');
      this.start.hidden = true;
    }
  }

  // show puts the buttons of a state forward: off, live, taken, sent.
  show(state) {
    this.state = state;
    this.box.dataset.camera = state;
    this.start.hidden = state !== 'off';
    this.shoot.hidden = state !== 'live';
    this.again.hidden = state !== 'taken';
    this.use.hidden = state !== 'taken';
    this.stage.hidden = state === 'off';
    this.video.hidden = state !== 'live';
    this.still.hidden = state === 'live' || state === 'off';
  }

  say(key, bad) {
    if (this.spoken === key) return; // a reader of the screen hears a change, not a repetition
    this.spoken = key;
    this.said.textContent = key === '' ? '' : t(key);
    this.said.classList.toggle('bad', bad === true);
  }

  async begin(which) {
    this.stop();
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: false,
        video: { width: { ideal: 1280 }, height: { ideal: 960 }, ...(which ? { deviceId: { exact: which } } : { facingMode: 'user' }) } });
    } catch (e) {
      this.show('off');
      this.say({ NotAllowedError: 'capture.denied', NotFoundError: 'capture.none', NotReadableError: 'capture.busy' }[e.name] ?? 'capture.none', true);
      return;
    }
    this.video.srcObject = this.stream;
    await this.video.play().catch(() => {});
    await this.cameras();
    this.show('live');
    this.look();
  }

  async cameras() {
    const all = (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === 'videoinput');
    const now = this.stream.getVideoTracks()[0]?.getSettings().deviceId;
    this.pick.replaceChildren(...all.map((d, i) => make('option', { value: d.deviceId, textContent: d.label || `${t('capture.camera')} ${i + 1}`, selected: d.deviceId === now })));
    this.pick.hidden = all.length < 2;
  }

  stop() {
    clearTimeout(this.timer);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = undefined;
  }

  // look measures what the camera shows, twice or so a second.
  look() {
    clearTimeout(this.timer);
    if (this.state !== 'live') return;
    const { videoWidth: w, videoHeight: h } = this.video;
    if (w > 0) {
      const small = paint(this.video, w, h, liveWidth, liveHeight);
      const { hints } = check(small.image());
      if (small.source.w < minWidth || small.source.h < minHeight) hints.unshift('biometric.portrait.small');
      this.tell(hints);
    }
    this.timer = setTimeout(() => this.look(), turn);
  }

  tell(hints) {
    const all = [...new Set(hints)];
    this.box.dataset.hints = all.map((k) => k.split('.').pop()).join(' ');
    this.say(all.length === 0 ? 'capture.good' : 'capture.mend', all.length > 0);
    const same = [...this.list.children].map((e) => e.dataset.key).join() === all.join();
    if (!same) this.list.replaceChildren(...all.map((k) => this.line(k)));
  }

  line(key) {
    const li = make('li', { textContent: t(key) });
    li.dataset.key = key;
    return li;
  }

  async take() {
    const { videoWidth: w, videoHeight: h } = this.video;
    if (!w) return;
    clearTimeout(this.timer);
    const c = crop(w, h);
    const width = Math.min(outWidth, Math.max(minWidth, c.w));
    const full = paint(this.video, w, h, width, Math.round((width * outHeight) / outWidth));
    this.taken = await jpeg(full.canvas);
    const { hints } = check(full.image());
    if (c.w < minWidth || c.h < minHeight) hints.unshift('biometric.portrait.small');
    if (this.still.src) URL.revokeObjectURL(this.still.src);
    this.still.src = URL.createObjectURL(this.taken);
    this.fill(this.taken); // the form's own button sends it as well
    this.show('taken');
    this.tell(hints);
    if (hints.length === 0) this.say('capture.look');
    this.use.focus();
  }

  // fill makes the picture the form's file, or takes it away again.
  fill(picture) {
    const input = this.form?.querySelector('input[type=file]');
    if (!input) return false;
    const files = new DataTransfer();
    if (picture) files.items.add(new File([picture], 'portrait.jpg', { type: 'image/jpeg' }));
    input.files = files.files;
    return true;
  }

  resume() {
    this.taken = undefined;
    this.fill();
    if (!this.stream?.active) {
      this.begin(this.pick.value);
      return;
    }
    this.show('live');
    this.look();
    this.shoot.focus();
  }

  async send() {
    if (!this.taken) return;
    if (this.fill(this.taken)) {
      // What the officer is to confirm stands below the picture: once she is led there, what she leaves open is hers.
      const open = this.form.querySelector('input[type=checkbox]:not(:checked)');
      if (open && this.led !== this.taken) {
        this.led = this.taken;
        this.say('capture.confirm');
        open.focus();
        return;
      }
      if (!this.form.reportValidity()) return; // what else the form asks for comes first
      this.stop();
      this.show('sent');
      this.say('capture.sending');
      this.form.requestSubmit(this.form.querySelector('button[type=submit]') ?? undefined);
      return;
    }
    this.say('capture.sending');
    try {
      const answer = await fetch(this.box.dataset.post, { method: 'POST', redirect: 'manual', headers: { 'Content-Type': 'image/jpeg' }, body: this.taken });
      if (answer.type === 'opaqueredirect' || answer.ok) {
        this.stop();
        location.reload();
        return;
      }
      this.say('capture.refused', true);
    } catch {
      this.say('capture.network', true); // the picture stays: try again
    }
  }
}

for (const box of document.querySelectorAll('[data-camera]')) box.camera = new Camera(box);
