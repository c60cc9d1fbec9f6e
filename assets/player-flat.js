/* Flat pictures while they play: their colours are an image in the page, and that is blank until it is decoded anew. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const latest = new WeakMap(); // plot -> its last drawing

  /** Draws with the colours of before in their place until the new ones are decoded, so that nothing blinks. */
  parts.unblinking = async function unblinking(plot, draw) {
    const colours = () => plot.querySelector(".heatmaplayer image");
    if (!colours()) return draw();
    const drawing = {};
    latest.set(plot, drawing);
    if (!plot.classList.contains("is-changing")) hold(plot, colours());
    plot.classList.add("is-changing");
    await draw();
    await colours()?.decode?.().catch(() => {}); // one overtaken by the next rejects
    if (latest.get(plot) === drawing) plot.classList.remove("is-changing");
    return undefined;
  };

  /** A copy of the colours behind the plot, seen while it is changing. */
  function hold(plot, colours) {
    const held = plot.querySelector("canvas.held") ?? plot.insertBefore(parts.el("canvas", { class: "held" }), plot.firstChild);
    const [own, { left, top, width, height }] = [plot.getBoundingClientRect(), colours.getBoundingClientRect()];
    Object.assign(held, { width: Math.round(width * devicePixelRatio), height: Math.round(height * devicePixelRatio) });
    Object.assign(held.style, { left: `${left - own.left}px`, top: `${top - own.top}px`, width: `${width}px`, height: `${height}px` });
    const pen = held.getContext("2d");
    pen.globalAlpha = plot._fullData.find(({ type }) => type === "heatmap").opacity;
    pen.drawImage(colours, 0, 0, held.width, held.height);
  }
})();
