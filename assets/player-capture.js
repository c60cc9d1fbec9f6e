/* What the viewer sees as one 2-D canvas: the picture, or two side by side, with title, legend, caption, step and phase,
 * and the lesson's card beside it. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { css, say } = parts;

  const FONT = () => getComputedStyle(document.body).fontFamily;

  // Height of what stands above and below the picture, and width of a card, as shares of the whole.
  const TOP = 0.13;
  const topOf = ({ count }) => (count > 1 ? TOP + 0.04 : TOP); // each of two has a line of its own above it
  const CARD = 0.38;
  const ROOMY = 1.28; // width over height that the usual view needs
  const AWAY = 1.1; // how much further away the axes' nearest labels are seen too
  const footOf = ({ count, card }) => (count > 1 || card ? 0.17 : 0.14); // captions in narrow columns take two lines

  /** `shown` ([{picture, head, step, phase, caption}]) with `words` around it, drawn on a new canvas of the given size (pixels). */
  async function compose(shown, words, width, height) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.imageSmoothingQuality = "high";
    const unit = height / 100;
    const pad = 3 * unit;
    pen.fillStyle = css("paper");
    pen.fillRect(0, 0, width, height);
    pen.textBaseline = "alphabetic";
    const { card } = words;
    const parted = { count: shown.length, card };
    heading(pen, words, parted, pad, unit, width);
    const wide = column(parted, 0, width).width * shown.length;
    const foot = (1 - footOf(parted)) * height;
    for (const [at, { picture, head, caption, step, phase }] of shown.entries()) {
      const room = place(picture, parted, at, width, height);
      await drawPlot(pen, picture, room);
      const inner = { size: 2.2 * unit, room: room.width - 2 * pad };
      parts.paragraph(pen, head, room.left + pad, TOP * height, { ...inner, weight: "600", most: 2 });
      const below = { size: 2 * unit, room: inner.room, colour: css("mute"), most: shown.length > 1 || card ? 2 : 1 };
      where(pen, step, phase, room, pad, foot + (below.most > 1 ? 8.5 : 7.8) * unit, unit);
      parts.paragraph(pen, caption, room.left + pad, height - pad - 1.84 * unit - (below.most - 1) * 2.84 * unit, below);
    }
    legend(pen, shown[0].picture.legend ?? [], pad, foot - 0.5 * unit, unit, wide);
    if (card) parts.drawCard(pen, card, [wide, TOP * height, width - wide - pad, (1 - TOP) * height - pad], 2.35 * unit);
    return canvas;
  }

  /** The column of picture `at`. */
  function column({ count, card }, at, width) {
    const wide = ((card ? 1 - CARD : 1) * width) / count;
    return { left: at * wide, width: wide };
  }

  /** Where picture `at` goes: as large as fits into its column. */
  function place({ plot }, parted, at, width, height) {
    const own = column(parted, at, width);
    const room = (1 - topOf(parted) - footOf(parted)) * height;
    const scale = Math.min(own.width / plot.clientWidth, room / plot.clientHeight);
    const [wide, high] = [plot.clientWidth * scale, plot.clientHeight * scale];
    return { ...own, scale, box: [own.left + (own.width - wide) / 2, topOf(parted) * height + (room - high) / 2, wide, high] };
  }

  /** The title and, under it, what is seen: one line for all pictures or one above each. */
  function heading(pen, { title, subtitles }, parted, pad, unit, width) {
    const y = text(pen, title, pad, pad + 3 * unit, 3.6 * unit, "600", css("ink"), width - 2 * pad);
    subtitles.forEach((line, at) => {
      const own = subtitles.length > 1 ? column(parted, at, width) : { left: 0, width };
      text(pen, line, own.left + pad, y + 0.8 * unit, 2.3 * unit, "400", css("mute"), own.width - 2 * pad);
    });
  }

  function where(pen, step, phase, { left, width }, pad, y, unit) {
    pen.font = `600 ${3 * unit}px ${FONT()}`;
    const room = width - 2 * pad;
    const size = 3 * unit * Math.min(1, room / pen.measureText(`${step}  ${phase ?? ""}`).width);
    text(pen, step, left + pad, y, size, "600", css("ink"), room);
    pen.textAlign = "right";
    text(pen, phase, left + width - pad, y, size, "600", css("accent"), room);
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

  async function drawPlot(pen, { plot }, { scale, box }) {
    const gl = parts.scene.canvas(plot);
    if (gl) {
      // the GL canvas holds its picture only until this task ends
      parts.scene.redraw(plot, false);
      pen.drawImage(gl, ...box);
      return;
    }
    const image = new Image();
    const { clientWidth: width, clientHeight: height } = plot;
    image.src = await Plotly.toImage(plot, { format: "png", width, height, scale });
    await image.decode();
    pen.drawImage(image, ...box);
  }

  /** The entries from `left` on, in a second row where one is too short. */
  function legend(pen, entries, left, y, unit, width) {
    const size = 2.2 * unit;
    let x = left;
    pen.font = `400 ${size}px ${FONT()}`;
    for (const entry of entries) {
      const room = pen.measureText(entry.name).width + 3.2 * size;
      if (x > left && x + room > width) [x, y] = [left, y + 1.3 * size];
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
    else if (kind === "marker" && symbol.startsWith("square")) through([[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]]);
    else if (kind === "marker") through([[0, -1], [1, 0], [0, 1], [-1, 0]]);
    else if (kind === "surface") pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
    else if (kind === "arrow") through([[-1, -0.2], [0.2, -0.2], [0.2, -0.7], [1, 0], [0.2, 0.7], [0.2, 0.2], [-1, 0.2]]);
    else pen.rect(x - radius, y - radius / 5, 2 * radius, radius / 2.5);
    pen.closePath();
    if (kind === "marker" && symbol.includes("open")) pen.stroke();
    else pen.fill();
  }

  const pictures = (player) => [player.picture, player.companion?.picture].filter((picture) => picture?.ready);

  /** The picture as it is seen now, with its words. While a lesson asks, what would answer it stays unsaid. */
  function capture(player, width = 1280, height = 720) {
    const { companion } = player;
    const asking = document.body.classList.contains("is-asking");
    const step = (values, accuracy) => [
      say("player_where", values), ...(asking ? [] : [say("player_accuracy", { accuracy: accuracy?.toFixed(2) ?? "–" })]),
    ].join("   ");
    const own = [{ step: step({ step: player.shown, last: player.last }, player.accuracy(player.shown)), phase: asking ? "" : player.timeline.phaseAt(player.shown) }];
    if (companion?.frame) own.push({ step: step({ step: companion.frame.meta.step, last: companion.last }, companion.frame.meta.accuracy), phase: asking ? "" : companion.phase });
    const seen = pictures(player).map((picture, at) => ({
      ...own[at], picture, head: companion && say(`compare.only_${"ab"[at]}`, { what: companion.heads[at].dataset.what }), caption: asking ? "" : picture.caption.textContent,
    }));
    return compose(seen, {
      title: document.getElementById("title").textContent,
      subtitles: Array.from(document.getElementById("subtitle").children, (line) => line.textContent),
      card: parts.card(),
    }, width, height);
  }

  /** Gives the pictures as many pixels as captures of this size show of them. Returns what takes them back. */
  function sharpened(player, width, height) {
    const seen = pictures(player);
    const parted = { count: seen.length, card: parts.card() };
    const blunt = seen.map((picture, at) => parts.scene.sharpen(picture.plot, place(picture, parted, at, width, height).scale));
    return () => blunt.forEach((take) => take());
  }

  /** Gives the pictures on the page just the room they have in a capture of this size, whatever the window. */
  async function fit(player, width, height) {
    const seen = pictures(player);
    const parted = { count: seen.length, card: parts.card() };
    const high = Math.round((1 - topOf(parted) - footOf(parted)) * height);
    const wide = Math.round(column(parted, 0, width).width);
    const [least, needed] = seen.length > 1 ? [1, ROOMY / parts.NARROW] : [AWAY, ROOMY];
    if (!player.run.camera) await player.picture.zoom(Math.max(least, (needed * high) / wide)); // the other picture follows
    seen.forEach(({ plot }, at) => {
      Object.assign(plot.parentElement.style, { position: "fixed", inset: `0 auto auto ${at * wide}px`, width: `${wide}px`, height: `${height}px`, border: 0 });
      Object.assign(plot.style, { flex: "none", height: `${high}px` });
    });
    const fits = ({ plot: { _fullLayout: now } }) => now.height === high && now.width === wide;
    while (!seen.every(fits)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  Object.assign(parts, { capture, sharpened, pictures, fit });
})();
