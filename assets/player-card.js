/* Running text on a canvas: paragraphs that wrap in either language, and the lesson's card as the page shows it. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { css } = parts;

  const WIDE = /^[\u3041-\u30ff\u3400-\u9fff]/; // Japanese, which may break between any two of its words
  const LINE = 1.42; // from line to line, in sizes of the type
  const SMALLEST = 0.6; // of the wanted size

  const family = () => getComputedStyle(document.body).fontFamily;

  /** Words with the signs that belong to them: what stays together on a line. */
  function bits(text) {
    const out = [];
    const words = new Intl.Segmenter(document.documentElement.lang, { granularity: "word" });
    for (const { segment, isWordLike } of words.segment(text)) {
      const before = out.at(-1) ?? " ";
      const loose = /\s$/.test(before) || (isWordLike && WIDE.test(segment) && !/[（「『]$/.test(before));
      if (loose) out.push(segment);
      else out[out.length - 1] += segment;
    }
    return out;
  }

  /** `text` broken into lines no wider than `room`, in the font the pen has. */
  function lines(pen, text, room) {
    const out = [""];
    for (const bit of bits(text)) {
      const longer = out.at(-1) + bit;
      if (out.at(-1) && pen.measureText(longer.trimEnd()).width > room) out.push(bit);
      else out[out.length - 1] = longer;
    }
    return out.map((line) => line.trimEnd());
  }

  /** A paragraph with its first baseline at y + size, smaller if it needs more than `most` lines. Returns the y under it. */
  function paragraph(pen, text, x, y, { size, room, weight = "400", colour = css("ink"), most = 99 }) {
    if (!text) return y;
    let type = size;
    let set = [];
    do {
      pen.font = `${weight} ${type}px ${family()}`;
      set = lines(pen, text, room);
      type *= 0.97;
    } while (set.length > most && type > SMALLEST * size);
    pen.fillStyle = colour;
    for (const line of set) pen.fillText(line, x, (y += LINE * size) - 0.36 * size);
    return y;
  }

  /** What the card says now: its words, the choices, the answer once it is given; null without a card. */
  function card() {
    const node = document.getElementById("lesson");
    if (!node || node.hidden) return null;
    const said = (selector) => node.querySelector(selector).textContent;
    const choices = [...node.querySelectorAll(".choice")].map((choice) => ({
      text: choice.textContent, right: choice.classList.contains("right"), chosen: choice.getAttribute("aria-pressed") === "true",
    }));
    return { title: node.querySelector("h2").firstChild.textContent, place: said("h2 small"), text: said(":scope > p"), ask: said("#lesson-ask"), choices, answer: said(".answer") };
  }

  /** Draws a card into the box [left, top, width, height]; its type is `size`, smaller where not all of it would fit. */
  function drawCard(pen, given, [left, top, width, height], size) {
    let type = size;
    const bottom = () => laid(unseen(), given, left, top, width, type);
    while (bottom() > top + height && type > SMALLEST * size) type *= 0.97;
    box(pen, left, top, width, bottom() - top, type, css("panel"), css("accent"));
    laid(pen, given, left, top, width, type);
  }

  /** A pen whose drawing nobody sees: for finding out how much room something takes. */
  const unseen = () => (scratch ??= document.createElement("canvas").getContext("2d"));
  let scratch = null;

  /** What is on a card, from `top` downwards. Returns its bottom. */
  function laid(pen, { title, place, text, ask, choices, answer }, left, top, width, size) {
    const pad = 1.1 * size;
    const [x, room] = [left + pad, width - 2 * pad];
    let y = paragraph(pen, title, x, top + 0.7 * pad, { size: 1.05 * size, room, weight: "600" });
    y = paragraph(pen, place, x, y, { size: 0.88 * size, room, colour: css("mute") }) + 0.5 * size;
    y = paragraph(pen, text, x, y, { size, room }) + 0.5 * size;
    y = paragraph(pen, ask, x, y, { size, room, weight: "600" }) + 0.5 * size;
    for (const choice of choices) y = option(pen, choice, x, y, room, size) + 0.45 * size;
    return (answer ? answered(pen, answer, x, y + 0.4 * size, room, size) : y) + 0.7 * pad;
  }

  function option(pen, { text, right, chosen }, x, y, room, size) {
    const type = { size, room: room - 3 * size, weight: chosen ? "600" : "400" };
    const bottom = paragraph(unseen(), text, 0, y, type) + 0.6 * size;
    const edge = right ? "accent" : chosen ? "ink" : "line";
    box(pen, x, y, room, bottom - y, 0.6 * size, css(right ? "tint" : "paper"), css(edge));
    paragraph(pen, text, x + 0.7 * size, y + 0.3 * size, type);
    if (right) paragraph(pen, "✓", x + room - 1.6 * size, y + 0.3 * size, { size, room, weight: "600", colour: css("accent") });
    return bottom;
  }

  function answered(pen, text, x, y, room, size) {
    const type = { size, room: room - 1.7 * size };
    const bottom = paragraph(unseen(), text, 0, y, type) + 0.9 * size;
    pen.fillStyle = css("tint");
    pen.fillRect(x, y, room, bottom - y);
    pen.fillStyle = css("accent");
    pen.fillRect(x, y, 0.22 * size, bottom - y);
    paragraph(pen, text, x + size, y + 0.45 * size, type);
    return bottom;
  }

  function box(pen, x, y, width, height, radius, fill, stroke) {
    pen.beginPath();
    pen.roundRect(x, y, width, height, radius);
    pen.fillStyle = fill;
    pen.fill();
    pen.strokeStyle = stroke;
    pen.lineWidth = Math.max(1, radius / 10);
    pen.stroke();
  }

  Object.assign(parts, { paragraph, card, drawCard });
})();
