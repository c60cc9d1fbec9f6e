/* Pictures to keep: the picture with its words on one 2-D canvas, and a GIF of many, encoded in a worker. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { css, say } = parts;

  const FONT = () => getComputedStyle(document.body).fontFamily;

  /** The live picture with title, legend, caption, step and phase, drawn on a new canvas of the given size (pixels). */
  async function compose(picture, words, width, height) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const unit = height / 100;
    const pad = 3 * unit;
    pen.fillStyle = css("paper");
    pen.fillRect(0, 0, width, height);
    pen.textBaseline = "alphabetic";
    const top = heading(pen, words, pad, unit, width);
    const foot = 14 * unit;
    await drawPlot(pen, picture, 0, top, width, height - top - foot);
    legend(pen, picture.legend ?? [], pad, height - foot + 1.5 * unit, unit, width);
    footer(pen, words, pad, height - pad, unit, width);
    return canvas;
  }

  function heading(pen, { title, subtitle }, pad, unit, width) {
    let y = pad + 3 * unit;
    y = text(pen, title, pad, y, 3.6 * unit, "600", css("ink"), width - 2 * pad);
    return text(pen, subtitle, pad, y + 0.8 * unit, 2.3 * unit, "400", css("mute"), width - 2 * pad);
  }

  function footer(pen, { step, phase, caption }, pad, y, unit, width) {
    text(pen, caption, pad, y, 2 * unit, "400", css("mute"), width - 2 * pad);
    const above = y - 3.2 * unit;
    text(pen, step, pad, above, 3 * unit, "600", css("ink"), width / 2);
    pen.textAlign = "right";
    text(pen, phase, width - pad, above, 3 * unit, "600", css("accent"), width / 2);
    pen.textAlign = "left";
  }

  /** One line of text, made smaller rather than cut if it does not fit. Returns the y under it. */
  function text(pen, words, x, y, size, weight, colour, room) {
    if (!words) return y;
    pen.fillStyle = colour;
    pen.font = `${weight} ${size}px ${FONT()}`;
    const share = Math.min(1, room / pen.measureText(words).width);
    if (share < 1) pen.font = `${weight} ${size * share}px ${FONT()}`;
    pen.fillText(words, x, y);
    return y + size;
  }

  async function drawPlot(pen, picture, x, y, width, height) {
    const { clientWidth, clientHeight } = picture.plot;
    const scale = Math.min(width / clientWidth, height / clientHeight);
    const place = [x + (width - clientWidth * scale) / 2, y + (height - clientHeight * scale) / 2, clientWidth * scale, clientHeight * scale];
    const gl = parts.scene.canvas(picture.plot);
    if (gl) {
      // the GL canvas holds its picture only until this task ends
      parts.scene.redraw(picture.plot, false);
      pen.drawImage(gl, ...place);
      return;
    }
    const image = new Image();
    image.src = await Plotly.toImage(picture.plot, { format: "png", width: clientWidth, height: clientHeight, scale });
    await image.decode();
    pen.drawImage(image, ...place);
  }

  function legend(pen, entries, x, y, unit, width) {
    const size = 2.2 * unit;
    pen.font = `400 ${size}px ${FONT()}`;
    for (const entry of entries) {
      const room = pen.measureText(entry.name).width + 3.2 * size;
      if (x + room > width) return;
      sign(pen, entry, x + size / 2, y - size * 0.35, size * 0.45);
      pen.fillStyle = css("mute");
      pen.fillText(entry.name, x + 1.6 * size, y);
      x += room;
    }
  }

  function sign(pen, { kind, symbol, colour, scale }, x, y, radius) {
    pen.fillStyle = pen.strokeStyle = colour;
    pen.lineWidth = radius / 3;
    if (scale) {
      pen.fillStyle = pen.createLinearGradient(x - radius, 0, x + radius, 0);
      scale.forEach(([at, stop]) => pen.fillStyle.addColorStop(at, stop));
    }
    pen.beginPath();
    const through = (corners) => corners.forEach(([a, b]) => pen.lineTo(x + a * radius, y + b * radius));
    if (kind === "marker" && symbol.startsWith("circle")) pen.arc(x, y, radius, 0, 2 * Math.PI);
    else if (kind === "marker") through([[0, -1], [1, 0], [0, 1], [-1, 0]]);
    else if (kind === "surface") pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
    else if (kind === "arrow") through([[-1, -0.2], [0.2, -0.2], [0.2, -0.7], [1, 0], [0.2, 0.7], [0.2, 0.2], [-1, 0.2]]);
    else pen.rect(x - radius, y - radius / 5, 2 * radius, radius / 2.5);
    pen.closePath();
    if (kind === "marker" && symbol.includes("open")) pen.stroke();
    else pen.fill();
  }

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
        signal.throwIfAborted();
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

  /** The picture as it is seen now, with its words. */
  function capture(player, width = 1280, height = 720) {
    const { shown, last, timeline, picture } = player;
    const values = { step: shown, last, accuracy: player.accuracy(shown)?.toFixed(2) ?? "–" };
    return compose(picture, {
      title: document.getElementById("title").textContent,
      subtitle: document.getElementById("subtitle").textContent,
      step: `${say("player_where", values)}   ${say("player_accuracy", values)}`,
      phase: timeline.phaseAt(shown),
      caption: picture.caption.textContent,
    }, width, height);
  }

  /** The picture with its words as a PNG blob, `scale` times finer than width x height; of the step shown, or of `step`
   *  with the camera turned by `angle` degrees. */
  async function png(player, { width = 960, height = 540, scale = 1, step = null, angle = 0 } = {}) {
    const { picture } = player;
    const camera = angle ? picture.camera : null;
    if (step !== null) player.draw(await player.fetcher.exact(step), step);
    if (camera) parts.scene.lookFrom(picture.plot, turned(camera, angle));
    const blunt = parts.scene.sharpen(picture.plot, scale);
    try {
      const canvas = await capture(player, Math.round(scale * width), Math.round(scale * height));
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
      return parts.pngText(blob, parts.provenance(player));
    } finally {
      blunt();
      if (camera) parts.scene.lookFrom(picture.plot, camera);
    }
  }

  /** A GIF of `steps` (a list, or how many), the camera turning by `turn` degrees in all. */
  async function animation(player, { steps = 60, width = 800, height = 600, fps = 12, turn = 0, onProgress, signal } = {}) {
    const { picture, words } = player;
    const list = Array.isArray(steps) ? steps : thinned(player.steps, steps);
    const control = new AbortController();
    signal?.addEventListener("abort", () => control.abort());
    player.pause();
    const [home, camera] = [player.step, picture.camera];
    words.tell("busy", say("player_gif"), { actions: [{ label: say("player_cancel"), act: () => control.abort() }] });
    const draw = async (at) => {
      const frame = await player.fetcher.exact(list[at]);
      if (camera) parts.scene.lookFrom(picture.plot, turned(camera, (turn * at) / Math.max(1, list.length - 1)));
      player.draw(frame, list[at]);
      return capture(player, width, height);
    };
    const report = (share) => {
      words.advance(share, say("player_gif"));
      onProgress?.(share);
    };
    try {
      return await gif(draw, list.length, { fps, about: parts.provenance(player), onProgress: report, signal: control.signal });
    } finally {
      words.hush("busy");
      words.advance(null);
      if (camera) parts.scene.lookFrom(picture.plot, camera);
      player.seek(home);
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

  function download(blob, name) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  Object.assign(parts, { capture, png, animation, download });
})();
