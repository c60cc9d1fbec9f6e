/* Files to keep: a PNG of what is seen, a GIF of many encoded in a worker, and what the server writes. */
(() => {
  const parts = (window.dimpleParts ??= {});

  // Runs inside the worker, beside gifenc. One message a frame; each is answered, so that frames do not pile up.
  const WORKER = `
    const encoder = exports.GIFEncoder();
    onmessage = ({ data }) => {
      if (data.comment) {
        encoder.stream.writeBytes(data.comment);
        encoder.finish();
        return postMessage(encoder.bytes());
      }
      const pixels = new Uint8Array(data.pixels);
      const palette = exports.quantize(pixels, 256);
      encoder.writeFrame(exports.applyPalette(pixels, palette), data.width, data.height, { palette, delay: data.delay });
      postMessage(null);
    };`;

  async function encoder() {
    const carried = document.getElementById("gifenc-source");
    const home = document.querySelector("script[src*='player-export']")?.src ?? `${location.origin}/assets/`;
    const source = carried?.textContent ?? (await (await fetch(new URL("vendor/gifenc.js", home))).text());
    const url = URL.createObjectURL(new Blob(["const exports = {};", source, WORKER], { type: "text/javascript" }));
    const worker = new Worker(url);
    URL.revokeObjectURL(url);
    return worker;
  }

  const reply = (worker, message, transfer) => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(message, transfer);
  });

  /** A GIF blob of `count` canvases from draw(index), saying `about` of itself. `signal` cancels, onProgress(share) reports. */
  async function gif(draw, count, { fps, about, onProgress, signal, hold = 1500 }) {
    const worker = await encoder();
    try {
      for (let at = 0; at < count; at++) {
        signal?.throwIfAborted();
        const canvas = await draw(at);
        const { width, height } = canvas;
        const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer;
        // the last picture stays a while before the GIF starts over
        await reply(worker, { pixels, width, height, delay: at === count - 1 ? hold : 1000 / fps }, [pixels]);
        onProgress((at + 1) / count);
      }
      return new Blob([await reply(worker, { comment: parts.gifComment(about) })], { type: "image/gif" });
    } finally {
      worker.terminate();
    }
  }

  /** Draws exactly `step`, with the camera of `home` turned by `angle` degrees. */
  async function pose(player, step, home, angle) {
    const frame = await player.fetcher.exact(step);
    if (home) for (const { plot } of parts.pictures(player)) parts.scene.lookFrom(plot, turned(home, angle));
    player.draw(frame, step);
    await player.companion?.exactly(step);
    for (const { drawn } of parts.pictures(player)) await drawn;
  }

  /** Back to how it was looked at before the captures. */
  async function rest(player, step, home) {
    await pose(player, step, home, 0);
    player.seek(step);
    player.picture.settle();
  }

  /** The picture with its words as a PNG blob, `scale` times finer than width x height; of the step shown, or of `step`
   *  with the camera turned by `angle` degrees. */
  async function png(player, { width = 960, height = 540, scale = 1, step = player.step, angle = 0 } = {}) {
    player.pause();
    const size = [Math.round(scale * width), Math.round(scale * height)];
    const [before, home] = [player.step, player.picture.camera];
    const blunt = parts.sharpened(player, ...size);
    try {
      await pose(player, step, home, angle);
      const canvas = await parts.capture(player, ...size);
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
      return parts.pngText(blob, parts.provenance(player));
    } finally {
      blunt();
      await rest(player, before, home);
    }
  }

  /** A GIF blob of `steps` (a list, or how many), the camera turning by `turn` degrees in all. */
  async function animation(player, { steps = 60, width = 800, height = 600, fps = 12, turn = 0, onProgress = () => {}, signal } = {}) {
    const list = Array.isArray(steps) ? steps : thinned(player.steps, steps);
    player.pause();
    const [step, home] = [player.step, player.picture.camera];
    const blunt = parts.sharpened(player, width, height);
    const draw = async (at) => {
      await pose(player, list[at], home, (turn * at) / Math.max(1, list.length - 1));
      return parts.capture(player, width, height);
    };
    try {
      return await gif(draw, list.length, { fps, about: parts.provenance(player), onProgress, signal });
    } finally {
      blunt();
      await rest(player, step, home);
    }
  }

  /** The camera turned about the vertical axis through its centre. */
  function turned({ eye, center, up }, degrees) {
    const angle = (degrees * Math.PI) / 180;
    const [dx, dy] = [eye.x - center.x, eye.y - center.y];
    const x = center.x + dx * Math.cos(angle) - dy * Math.sin(angle);
    const y = center.y + dx * Math.sin(angle) + dy * Math.cos(angle);
    return { eye: { x, y, z: eye.z }, center, up };
  }

  /** About `count` entries of `list`, the first and the last among them. */
  function thinned(list, count) {
    if (list.length <= count) return list;
    return Array.from({ length: count }, (_, at) => list[Math.round((at * (list.length - 1)) / (count - 1))]);
  }

  /** What the server writes of `link`: a blob of `kind` (html, npz, csv), counted by lines where it says how many. */
  async function written(kind, link, { frames, onProgress = () => {}, signal } = {}) {
    const asked = new URLSearchParams(link);
    if (frames) asked.set("frames", frames);
    const response = await parts.answer(await fetch(`/api/export.${kind}?${asked}`, { signal }));
    const lines = Number(response.headers.get("X-Lines"));
    const reader = response.body.getReader();
    const bits = [];
    for (let seen = 0; ;) {
      const { value, done } = await reader.read();
      if (done) return new Blob(bits, { type: response.headers.get("Content-Type") });
      bits.push(value);
      for (let at = value.indexOf(10); lines && at >= 0; at = value.indexOf(10, at + 1)) seen += 1;
      if (lines) onProgress(seen / lines);
    }
  }

  function download(blob, name) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  Object.assign(parts, { png, animation, written, download });
})();
