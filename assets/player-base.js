/* What all parts of the player share (loaded first, by its name): words, numbers, elements, colours, typed arrays, scales. */
(() => {
  const parts = (window.dimpleParts ??= {});

  /** The words of `key` with {name} places filled. A missing key shows itself, so that nothing is silently blank. */
  function say(key, values = {}) {
    const text = (window.DIMPLE_TEXT || {})[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  }

  /** A number for a table: three decimals where they say something, else powers of ten. */
  function number(value) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (!Number.isFinite(value)) return "∞";
    const size = Math.abs(value);
    if (size >= 1e6) return value.toExponential(1).replace("e+", "e");
    if (size >= 1000) return Math.round(value).toLocaleString("en").replace(/,/g, " ");
    if (size >= 10) return value.toFixed(1);
    if (size > 0 && size < 0.001) return value.toExponential(1).replace("e-", "e−");
    return value.toFixed(3);
  }

  /** <tag class=... attributes...>children</tag>. Attributes starting with "on" are listeners. */
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  /** Writes text only where it differs: an unchanged node costs no layout. */
  function write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  const LARGEST = 15; // pixels: larger figures run into each other, and out of the margins of charts

  /** The page's font for plotly, `share` of the page's size. */
  function font(share) {
    const { fontFamily, fontSize } = getComputedStyle(document.body);
    return { family: fontFamily, size: Math.min(LARGEST, Math.round(share * parseFloat(fontSize))) };
  }

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  // Figures come in the light palette. In the dark one the same roles take other values.
  const LIGHT = { paper: "#fbfaf7", panel: "#ffffff", ink: "#1c1b1a", mute: "#6d6a66", line: "#e6e2db" };
  // Near-black of the arrows, and the dark rims of the two classes.
  const DARK = { "#2b2927": "ink", "#7c3600": "a-rim", "#003e63": "b-rim" };

  // Lines that are too dark for a dark ground. Not for surfaces and fields: the same hues end the colour scale of height.
  const LINES = { "#6f51ad": "sheet", "#5e3c99": "sheet", "#1b7a6b": "accent", "#9a6a00": "along" };

  /** A function that swaps light palette colours for those of the page as it is now; with `lines` those of lines too. */
  function recolouring(lines = false) {
    const swap = new Map(Object.entries(LIGHT).map(([role, hex]) => [hex, css(role) || hex]));
    for (const [hex, role] of Object.entries({ ...DARK, ...(lines && LINES) })) swap.set(hex, css(role) || hex);
    if (css("ink").toLowerCase() === LIGHT.ink) return (tree) => tree;
    return function recolour(tree) {
      if (typeof tree === "string") return swap.get(tree.toLowerCase()) ?? tree;
      if (Array.isArray(tree)) return tree.length > 5000 ? tree : tree.map(recolour);
      if (!isPlain(tree)) return tree;
      return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, recolour(value)]));
    };
  }

  const isPlain = (value) => value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;

  const ARRAYS = {
    f8: Float64Array, f4: Float32Array, i4: Int32Array, u4: Uint32Array, i2: Int16Array, u2: Uint16Array,
    i1: Int8Array, u1: Uint8Array, u1c: Uint8ClampedArray,
  };

  /** Plotly's {dtype, bdata, shape} anywhere in `tree` becomes typed arrays (rows of them when two-dimensional),
   *  and a trace's folded mesh its x, y, z, i, j, k and intensity. */
  function decode(tree) {
    if (Array.isArray(tree)) return tree.length && typeof tree[0] === "object" ? tree.map(decode) : tree;
    if (!isPlain(tree)) return tree;
    if (typeof tree.bdata === "string") return typed(tree);
    const { mesh, ...rest } = tree;
    for (const key in rest) rest[key] = decode(rest[key]);
    return mesh ? Object.assign(rest, parts.unfolded({ ...mesh, tone: decode(mesh.tone) })) : rest;
  }

  function typed({ dtype, bdata, shape }) {
    const flat = new ARRAYS[dtype](bytes(bdata).buffer);
    const [rows, columns] = String(shape ?? "").split(",").map(Number);
    if (!columns) return flat;
    return Array.from({ length: rows }, (_, row) => flat.subarray(row * columns, (row + 1) * columns));
  }

  function bytes(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    const text = atob(base64);
    const out = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) out[at] = text.charCodeAt(at);
    return out;
  }

  // Step 0 has no logarithm: it sits where half a step would be, as in the charts.
  const logOf = (step) => Math.log(Math.max(step, 0.5) / 0.5);

  /** Where `step` of 0..last lies on the time line, from 0 to 1. */
  function place(step, last, log) {
    if (!last) return 0;
    return log ? logOf(step) / logOf(last) : step / last;
  }

  /** The whole step at `share` (0..1) of the time line. */
  function stepAt(share, last, log) {
    const inside = Math.min(1, Math.max(0, share));
    const step = log ? 0.5 * Math.exp(inside * logOf(last)) : inside * last;
    return log && step < 0.75 ? 0 : Math.min(last, Math.round(step));
  }

  /** Index of the entry of the ascending list `steps` nearest to `step`. */
  function nearest(steps, step) {
    let low = 0;
    let high = steps.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (steps[middle] <= step) low = middle;
      else high = middle;
    }
    return step - steps[low] <= steps[high] - step ? low : high;
  }

  /** Every step that a ready run can show. */
  const everyStep = ({ carried, last_step: last }) => carried ?? Array.from({ length: last + 1 }, (_, step) => step);

  Object.assign(parts, { say, number, el, write, font, css, recolouring, isPlain, decode, bytes, place, stepAt, nearest, everyStep });
})();
