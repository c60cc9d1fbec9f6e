/* What the viewer sees as one 2-D canvas: the picture, or two side by side, with title, legend, caption, step and phase. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { css, say } = parts;

  const FONT = () => getComputedStyle(document.body).fontFamily;

  // Heights of what stands above and below the picture, as shares of the whole.
  const [TOP, FOOT] = [0.13, 0.14];

  /** `shown` ([{picture, head}]) with `words` around it, drawn on a new canvas of the given size (pixels). */
  async function compose(shown, words, width, height) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const unit = height / 100;
    const pad = 3 * unit;
    pen.fillStyle = css("paper");
    pen.fillRect(0, 0, width, height);
    pen.textBaseline = "alphabetic";
    heading(pen, words, pad, unit, width);
    for (const [at, { picture, head }] of shown.entries()) {
      const room = place(picture, at, shown.length, width, height);
      await drawPlot(pen, picture, room);
      text(pen, head, room.left + pad, TOP * height + 2.2 * unit, 2.2 * unit, "600", css("ink"), room.width - 2 * pad);
    }
    legend(pen, shown[0].picture.legend ?? [], pad, (1 - FOOT) * height + 1.5 * unit, unit, width);
    footer(pen, words, pad, height - pad, unit, width);
    return canvas;
  }

  /** Where picture `at` of `count` goes: as large as fits into its column. */
  function place({ plot }, at, count, width, height) {
    const column = { left: (at * width) / count, width: width / count };
    const room = (1 - TOP - FOOT) * height;
    const scale = Math.min(column.width / plot.clientWidth, room / plot.clientHeight);
    const [wide, high] = [plot.clientWidth * scale, plot.clientHeight * scale];
    return { ...column, scale, box: [column.left + (column.width - wide) / 2, TOP * height + (room - high) / 2, wide, high] };
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

  const pictures = (player) => [player.picture, player.companion?.picture].filter((picture) => picture?.ready);

  /** The picture as it is seen now, with its words. */
  function capture(player, width = 1280, height = 720) {
    const { shown, last, timeline, companion } = player;
    const values = { step: shown, last, accuracy: player.accuracy(shown)?.toFixed(2) ?? "–" };
    const seen = pictures(player).map((picture, at) => ({ picture, head: companion?.heads[at].textContent }));
    return compose(seen, {
      title: document.getElementById("title").textContent,
      subtitle: document.getElementById("subtitle").textContent,
      step: `${say("player_where", values)}   ${say("player_accuracy", values)}`,
      phase: timeline.phaseAt(shown),
      caption: player.picture.caption.textContent,
    }, width, height);
  }

  /** Gives the pictures as many pixels as captures of this size show of them. Returns what takes them back. */
  function sharpened(player, width, height) {
    const seen = pictures(player);
    const blunt = seen.map((picture, at) => parts.scene.sharpen(picture.plot, place(picture, at, seen.length, width, height).scale));
    return () => blunt.forEach((take) => take());
  }

  Object.assign(parts, { capture, sharpened, pictures });
})();
