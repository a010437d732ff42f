// SPDX-License-Identifier: Apache-2.0
// The measures of biometric/portrait, for hints while the camera runs. The server measures again what it is given; a
// test holds the two against each other. Nothing here recognises anybody.

export const minWidth = 354;
export const minHeight = 472;

// The bounds stand in biometric/portrait/portrait.go; a test compares them.
export const bounds = { sharpness: 28, dark: 70, bright: 205, contrast: 18, clipped: 0.12, imbalance: 45, background: 16, figure: 12, offset: 0.08, narrow: 0.7, wide: 0.82 };

const tall = 480;
// Go's integer division of what is never negative.
const div = (a, b) => Math.floor(a / b);

// guide is where head and eyes belong in a picture of a size.
export function guide(width, height) {
  const at = (v) => Math.round(v);
  return {
    left: at(width * 0.22), top: at(height * 0.12), right: at(width * 0.78), bottom: at(height * 0.84),
    eyeTop: at(height * 0.36), eyeLine: at(height * 0.42), eyeBottom: at(height * 0.48), eyeLeft: at(width * 0.38), eyeRight: at(width * 0.62),
  };
}

function shrink({ data, width, height }) {
  const h = Math.min(tall, height);
  const w = Math.max(1, div(width * h, height));
  const v = new Float64Array(w * h);
  for (let y = 0; y < h; y++) {
    const y0 = div(y * height, h);
    const y1 = Math.max(div((y + 1) * height, h), y0 + 1);
    for (let x = 0; x < w; x++) {
      const x0 = div(x * width, w);
      const x1 = Math.max(div((x + 1) * width, w), x0 + 1);
      let sum = 0;
      for (let yy = y0; yy < y1; yy++) {
        for (let xx = x0; xx < x1; xx++) {
          const i = 4 * (yy * width + xx);
          sum += 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
        }
      }
      v[y * w + x] = sum / ((y1 - y0) * (x1 - x0));
    }
  }
  return { w, h, v };
}

class Tally {
  n = 0;
  sum = 0;
  square = 0;
  add(v) {
    this.n += 1;
    this.sum += v;
    this.square += v * v;
  }
  get mean() { return this.sum / Math.max(1, this.n); }
  get spread() { return Math.sqrt(Math.max(0, this.square / Math.max(1, this.n) - this.mean ** 2)); }
}

// measure gives the measures of an opaque picture: {data, width, height} as a canvas gives it.
export function measure(image) {
  const m = { width: image.width, height: image.height };
  const { w, h, v } = shrink(image);
  const f = guide(w, h);
  const cx = (f.left + f.right) / 2;
  const cy = (f.top + f.bottom) / 2;
  const rx = (f.right - f.left) / 2;
  const ry = (f.bottom - f.top) / 2;
  const oval = (x, y) => ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1;
  const [head, laplace, left, right, back, corner] = Array.from({ length: 6 }, () => new Tally());
  let clipped = 0;
  for (let y = 1; y < h - 1; y++) {
    for (let x = 1; x < w - 1; x++) {
      const p = v[y * w + x];
      if (y < div(h * 45, 100) && (x < div(w * 15, 100) || x >= div(w * 85, 100))) {
        back.add(p);
        if (y < div(h * 12, 100)) corner.add(p);
      }
      if (!oval(x, y)) continue;
      head.add(p);
      laplace.add(4 * p - v[y * w + x - 1] - v[y * w + x + 1] - v[(y - 1) * w + x] - v[(y + 1) * w + x]);
      if (p < 6 || p > 249) clipped += 1;
      (x < div(w, 2) ? left : right).add(p);
    }
  }
  let weight = 0;
  let moment = 0;
  const inside = new Tally();
  for (let y = div(h * 15, 100); y < div(h * 60, 100); y++) {
    for (let x = 0; x < w; x++) {
      const d = Math.abs(v[y * w + x] - corner.mean);
      if (oval(x, y)) inside.add(d);
      if (d > 14) {
        weight += 1;
        moment += x;
      }
    }
  }
  return { ...m, sharpness: laplace.spread ** 2, brightness: head.mean, contrast: head.spread, clipped: clipped / Math.max(1, head.n), imbalance: left.mean - right.mean,
    background: back.spread, figure: inside.mean, offset: weight === 0 ? 0 : Math.abs(moment / weight / w - 0.5) };
}

// check gives the measures and the keys of the hints, in the order of the server's.
export function check(image) {
  const hints = [];
  const hint = (when, key) => { if (when) hints.push(`biometric.portrait.${key}`); };
  hint(image.width < minWidth || image.height < minHeight, 'small');
  if (image.width < 60 || image.height < 80) return { measures: { width: image.width, height: image.height }, hints };
  const ratio = image.width / image.height;
  hint(ratio < bounds.narrow || ratio > bounds.wide, 'shape');
  const m = measure(image);
  hint(m.figure < bounds.figure, 'empty');
  hint(m.sharpness < bounds.sharpness, 'blurred');
  hint(m.brightness < bounds.dark, 'dark');
  hint(m.brightness > bounds.bright || m.clipped > bounds.clipped, 'bright');
  hint(m.contrast < bounds.contrast, 'flat');
  hint(Math.abs(m.imbalance) > bounds.imbalance, 'uneven');
  hint(m.background > bounds.background, 'background');
  hint(m.figure >= bounds.figure && m.offset > bounds.offset, 'off_centre');
  return { measures: m, hints };
}
