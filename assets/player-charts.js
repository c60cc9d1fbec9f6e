/* The charts beside the picture: drawn once, a cursor laid over them, a click seeks. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, write, css } = parts;

  // Dashes as plotly names them. Those with dots are of references, and of a second run.
  const DASHES = { dot: "2 3", dash: "6 3", longdash: "10 3", dashdot: "6 3 2 3", longdashdot: "10 3 2 3" };
  const DOTTED = { solid: "dot", dash: "dashdot", longdash: "longdashdot" };

  const MARGIN = { l: 44, r: 10, t: 6, b: 22 };

  /** The charts inside `root`, drawn as `chores`; `seek(step)` is called on a click. */
  parts.Charts = class Charts {
    #cards = new Map();
    #last = 1;
    #log = true;
    #step = 0;
    #width = 0;
    #other = new Map(); // charts of a second run, by id
    #shift = 0;

    constructor(root, chores, seek) {
      Object.assign(this, { root, chores, seek });
      // the root itself may have no box of its own (display: contents)
      new ResizeObserver(() => this.#resized()).observe(root.parentElement);
    }

    /** Draws `charts` ([{id, title, figure}]); a chart already there takes the new figure in place. */
    show(charts, last) {
      this.#last = last;
      const wanted = new Set(charts.map((chart) => chart.id));
      for (const [id, card] of this.#cards) if (!wanted.has(id)) this.#drop(id, card);
      for (const chart of charts) {
        const card = this.#cards.get(chart.id) ?? this.#card(chart.id);
        card.figure = parts.decode(chart.figure);
        write(card.title, chart.title);
        // the order of the last list holds
        if (this.root.children[charts.indexOf(chart)] !== card.node) {
          this.root.insertBefore(card.node, this.root.children[charts.indexOf(chart)] ?? null);
        }
        this.#draw(card);
      }
    }

    /** Charts of a second run, drawn dotted into these; its step s + shift belongs to step s. */
    overlay(charts, shift) {
      const had = this.#other.size;
      this.#other = new Map(charts.map((chart) => [chart.id, parts.decode(chart.figure)]));
      this.#shift = shift;
      if (had || charts.length) this.repaint();
    }

    #overlaid(id, recolour) {
      const figure = this.#other.get(id);
      return (figure?.data ?? []).filter((trace) => !trace.line?.dash?.includes("dot")).map((trace) => ({
        ...recolour(trace), x: this.#steps(Array.from(trace.x, (step) => step - this.#shift)), showlegend: false,
        opacity: 0.75, line: { ...recolour(trace.line ?? {}), dash: DOTTED[trace.line?.dash ?? "solid"], width: 1.6 },
      }));
    }

    #drop(id, card) {
      Plotly.purge(card.plot);
      card.node.remove();
      this.#cards.delete(id);
    }

    #card(id) {
      const card = { plot: el("div", { class: "plot" }), cursor: el("div", { class: "cursor" }), title: el("h2"), key: el("p", { class: "key" }) };
      const frame = el("div", { class: "frame" }, card.plot, card.cursor);
      card.node = el("figure", { class: "chart", "data-chart": id }, el("figcaption", {}, card.title, card.key), frame);
      frame.title = say("player_chart_help");
      frame.addEventListener("click", (event) => this.#clicked(card, event));
      this.#cards.set(id, card);
      return card;
    }

    #clicked(card, event) {
      const axis = card.plot._fullLayout?.xaxis;
      if (!axis) return;
      const share = (event.clientX - card.plot.getBoundingClientRect().left - axis._offset) / axis._length;
      this.seek(parts.stepAt(share, this.#last, this.#log));
    }

    // Plotly takes 10 - 30 ms of main thread a chart.
    #draw(card) {
      this.chores.put(card, () => card.node.isConnected && this.#drawNow(card));
    }

    #drawNow(card) {
      const recolour = parts.recolouring(true);
      const own = card.figure.data.map((trace) => ({ ...recolour(trace), x: this.#steps(trace.x) }));
      const data = [...own, ...this.#overlaid(card.node.dataset.chart, recolour)];
      const given = recolour(card.figure.layout ?? {});
      const font = { ...parts.font(0.79), color: css("mute") };
      const quiet = { gridcolor: css("line"), zeroline: false, tickfont: font, linecolor: css("line") };
      const layout = {
        ...given, width: card.plot.clientWidth, height: card.plot.clientHeight, autosize: false, margin: MARGIN, showlegend: false,
        title: undefined, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: false,
        font,
        xaxis: { ...given.xaxis, ...quiet, ...this.#axis(), showgrid: false, title: undefined, ticks: "outside", ticklen: 3, tickcolor: css("line") },
        yaxis: { nticks: 5, ...given.yaxis, ...quiet, title: undefined, automargin: false,
          ...(given.yaxis?.type === "log" ? { dtick: 1, tickformat: "~g" } : {}) },
      };
      Plotly.react(card.plot, data, layout, { staticPlot: true, displayModeBar: false });
      card.key.replaceChildren(...keyOf(data));
      this.#moveCursor(card);
    }

    #steps(x) {
      return this.#log && x ? Array.from(x, (step) => Math.max(step, 0.5)) : x;
    }

    #axis() {
      // "auto", as the figure's own step of ticks is meant for decades: a tick for every step takes seconds to draw
      if (!this.#log) return { type: "linear", range: [0, this.#last], tickmode: "auto", nticks: 5 };
      const decades = Array.from({ length: Math.floor(Math.log10(this.#last || 1)) + 1 }, (_, power) => 10 ** power);
      return {
        type: "log", range: [Math.log10(0.5), Math.log10(Math.max(this.#last, 1))],
        tickmode: "array", tickvals: [0.5, ...decades], ticktext: ["0", ...decades.map(String)],
      };
    }

    setScale(log) {
      this.#log = log;
      this.repaint();
    }

    repaint() {
      for (const card of this.#cards.values()) this.#draw(card);
    }

    #resized() {
      const width = this.root.parentElement.clientWidth;
      if (width === this.#width) return;
      this.#width = width;
      this.repaint();
    }

    /** Moves the cursors; no relayout, so it costs nothing while playing. */
    move(step) {
      this.#step = step;
      for (const card of this.#cards.values()) this.#moveCursor(card);
    }

    #moveCursor(card) {
      const axis = card.plot._fullLayout?.xaxis;
      if (!axis?._length) return;
      const x = axis._offset + parts.place(this.#step, this.#last, this.#log) * axis._length;
      card.cursor.style.transform = `translateX(${x.toFixed(1)}px)`;
    }
  };

  /** Names of the lines with their colour, where there is more than one. */
  function keyOf(data) {
    const named = data.filter((trace) => trace.name && trace.showlegend !== false);
    if (named.length < 2) return [];
    return named.map((trace) => {
      const colour = trace.line?.color ?? trace.marker?.color ?? "currentColor";
      return el("span", {}, sample(colour, trace.line?.dash), trace.name);
    });
  }

  function sample(colour, dash) {
    const [svg, line] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    svg.setAttribute("aria-hidden", "true");
    svg.style.color = colour;
    line.setAttribute("d", "M0 2h24");
    line.setAttribute("stroke-dasharray", DASHES[dash] ?? "none");
    svg.append(line);
    return svg;
  }

  parts.keyOf = keyOf;
})();
