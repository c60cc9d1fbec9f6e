/* The picture: shows a scene, takes frames, keeps the viewer's camera, follows the page's colours. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, css, write } = parts;
  const [DRAG, TOUCH] = [5, 16]; // page pixels: more than a click moves; how near to a mark it has to be
  const OPTIONS = { displayModeBar: false, displaylogo: false, scrollZoom: true, doubleClick: false };

  /** A picture inside `root`. show(scene) once per view, apply(frame) per step. */
  parts.Picture = class Picture {
    #config;
    #scene = null;
    #frame = null;
    #held = false;
    #pressed = null;
    #settled = true; // are the hover buffers to follow the picture?
    #stale = false; // have they to be drawn once the pointer comes?
    #waiting = null;
    #showing = 0;
    #queue = Promise.resolve();
    #path = "none";
    #notes = [];
    #marked = []; // numbers of training points
    #legend = null;
    remarked = null; // called when other points are marked
    #recolour = (tree) => tree;
    #graphics;
    drawn = null; // a promise, where drawing a frame takes longer than the call

    constructor(root) {
      this.#config = { ...OPTIONS, plotGlPixelRatio: parts.scene.fineness() };
      this.plot = el("div", { class: "plot" });
      this.caption = el("p", { class: "caption" });
      this.#graphics = new parts.Graphics(this.plot, () => this.repaint());
      root.replaceChildren(this.plot, this.#graphics.note, this.caption);
      parts.turnable(this);
      // restyle during a drag would pull the camera back: such frames wait until the pointer is up
      this.plot.addEventListener("pointerdown", () => (this.#held = true), true);
      this.plot.addEventListener("pointerdown", (event) => (this.#pressed = event), true);
      this.plot.addEventListener("pointerup", (event) => this.#pick(event), true);
      this.plot.addEventListener("pointerenter", () => this.#stale && this.#redraw());
      ["pointerup", "pointercancel"].forEach((name) => window.addEventListener(name, () => this.#release(), true));
      new ResizeObserver(() => (this.#queue = this.#queue.then(() => this.#fit()))).observe(this.plot);
    }

    get ready() {
      return this.#scene !== null;
    }
    get frame() {
      return this.#frame;
    }
    /** How the last frame was drawn: "live", "restyle" or "none". */
    get path() {
      return this.#path;
    }
    get camera() {
      return parts.scene.camera(this.plot);
    }

    /** Draws a new scene with `frame` already in it, one after the other. The viewer's camera stays if there is one. */
    show(scene, frame, camera = null) {
      this.#showing += 1;
      this.#queue = this.#queue.then(() => this.#build(scene, frame, camera)).finally(() => (this.#showing -= 1));
      return this.#queue;
    }

    async #build(scene, frame, wanted) {
      const camera = wanted ?? this.#graphics.camera;
      const recolour = (this.#recolour = parts.recolouring());
      this.#scene = parts.decode(scene);
      this.#frame = frame ?? null;
      const lines = parts.recolouring(true);
      const data = this.#scene.data.map((trace) => padded(dimmed((trace.type === "scatter" ? lines : recolour)({ ...trace }))));
      frame?.traces.forEach((index, at) => {
        data[index] = padded(Object.assign(data[index], blend(data[index], recolour(frame.data[at]))));
      });
      for (const [index, marks] of this.#marks(frame)) data[index] = padded({ ...data[index], ...marks });
      const layout = this.#layout(recolour(this.#scene.layout));
      // by uirevision plotly keeps a camera that was turned by hand, but none that was set
      const eye = camera ?? this.camera;
      if (eye && layout.scene) layout.scene.camera = { ...layout.scene.camera, ...eye };
      const drawn = this.plot._fullLayout && Boolean(this.plot._fullLayout.scene) === Boolean(layout.scene);
      // newPlot throws the GL context away; react keeps it and, by uirevision, the camera
      await (drawn && !camera && !this.#graphics.missing ? Plotly.react : Plotly.newPlot)(this.plot, data, layout, this.#config);
      this.#graphics.drawn();
      parts.scene.keepShader(this.plot);
      parts.scene.keepSizes(this.plot);
      parts.scene.quieten(this.plot, () => this.#held || !this.#settled);
      this.#listen();
      parts.named(this);
      this.#write(frame);
      const [entries, marks] = [false, true].map((marks) => legendOf(data.filter(({ meta }) => (meta === "flips") === marks)));
      this.#legend = { entries, marks };
    }

    /** What the legend tells, or null before there is a picture; marks are named while there are any. */
    get legend() {
      return this.#legend && [...this.#legend.entries, ...(this.#marked.length ? this.#legend.marks : [])];
    }

    /** Marks training points, given by number, until others are given. */
    mark(points) {
      if (points.join() === this.#marked.join()) return;
      this.#marked = points;
      this.remarked?.();
      if (this.#scene && this.#frame && !this.#showing) this.apply(this.#frame, { pick: this.#settled });
    }

    // [[trace, its points]], where a scene has such a trace; a point that the boundary hides is marked above it, too
    #marks(frame) {
      const index = this.#scene.data.findIndex((trace) => trace.meta === "flips");
      const { points } = this.#scene.layout.meta ?? {};
      if (index < 0 || !points) return [];
      const lift = frame?.meta?.lift ?? {};
      const hidden = this.#marked.filter((point) => point in lift);
      const at = (axis) => [...this.#marked.map((point) => points[axis][point]),
        ...hidden.map((point) => (axis === "z" ? lift[point] : points[axis][point]))];
      return [[index, Object.fromEntries(Object.keys(points).map((axis) => [axis, at(axis)]))]];
    }

    // In 3-D plotly knows what was clicked only if it has hovered there before: fingers do not, slow graphics lag.
    #pick({ clientX, clientY }) {
      const away = ({ x, y }) => Math.hypot(x - clientX, y - clientY);
      if (!this.#pressed || away(this.#pressed) > DRAG) return;
      const near = this.places().map((place, point) => ({ point, far: place ? away(place) : Infinity }));
      const nearest = near.reduce((a, b) => (b.far < a.far ? b : a), { far: TOUCH });
      if (nearest.far < TOUCH) this.picked?.(nearest.point);
    }

    /** Where the training points' marks are on the screen; empty in 2-D. */
    places() {
      const { points } = this.#scene?.layout.meta ?? {};
      if (!points?.z) return [];
      const lift = this.#frame?.meta?.lift ?? {};
      return Array.from(points.x, (x, point) => parts.scene.onScreen(this.plot, [x, points.y[point], lift[point] ?? points.z[point]]));
    }

    // newPlot drops the listeners, react keeps them
    #listen() {
      this.plot.removeAllListeners("plotly_click");
      this.plot.on("plotly_click", ({ points: [hit] }) => {
        if (parts.scene.camera(this.plot)) return;
        const point = this.plot.data[hit.curveNumber]?.customdata?.[hit.pointNumber];
        if (Number.isInteger(point)) this.picked?.(point);
      });
      for (const name of ["plotly_relayouting", "plotly_relayout"]) {
        this.plot.removeAllListeners(name);
        this.plot.on(name, ({ "scene.camera": camera }) => camera && this.turned?.(camera));
      }
    }

    /** Looks from another picture's camera; tells nobody. */
    turn(camera) {
      parts.scene.lookFrom(this.plot, camera);
      parts.scene.redraw(this.plot, false);
      this.#settled = false;
    }

    /** Looks from `eye`; a picture beside this one follows. */
    look(eye) {
      if (!this.camera) return undefined;
      const { center, up } = this.camera;
      return Plotly.relayout(this.plot, { "scene.camera": { eye, center, up } });
    }

    /** Looks from so many times as far away. */
    zoom(times) {
      const { x, y, z } = this.camera?.eye ?? {};
      return this.look({ x: x * times, y: y * times, z: z * times });
    }

    /** Takes the picture off the page. */
    remove() {
      this.#graphics.close();
      Plotly.purge(this.plot);
      this.plot.parentElement?.replaceChildren();
      this.#scene = null;
    }

    #write(frame) {
      write(this.caption, [frame?.meta?.caption, ...this.#notes].filter(Boolean).join("   ·   "));
    }

    #layout(layout) {
      const { clientWidth: width, clientHeight: height } = this.plot;
      const clear = "rgba(0,0,0,0)";
      const font = { ...parts.font(0.86), color: css("mute") };
      const own = { ...layout, width, height, autosize: false, showlegend: false, font, paper_bgcolor: clear, plot_bgcolor: clear };
      own.uirevision ??= "steady";
      // what the figure says of itself joins the caption: there it is neither covered by the plot nor lost in captures
      const aside = (note) => note.xref === "paper" && note.yref === "paper";
      this.#notes = (layout.annotations ?? []).filter(aside).map((note) => note.text);
      own.annotations = (layout.annotations ?? []).filter((note) => !aside(note));
      if (own.scene) {
        const axes = ["xaxis", "yaxis", "zaxis"].map((name) => [name, { ...own.scene[name], gridcolor: css("line") }]);
        own.scene = { ...own.scene, ...Object.fromEntries(axes), bgcolor: clear, uirevision: own.uirevision };
      }
      return own;
    }

    /** Draws a frame. True once it is on the screen; false if it has to wait for the pointer. */
    apply(frame, { pick = false } = {}) {
      if (this.#showing || !this.#scene) return false;
      if (this.#graphics.missing || parts.scene.lost(this.plot)) return this.#keep(frame);
      const [traces, data] = this.#changes(frame);
      const live = parts.scene.applyLive(this.plot, traces, data);
      this.#path = live ? "live" : "restyle";
      this.#settled = pick;
      if (live) this.#redraw();
      else if (this.#held && this.plot._fullLayout?.scene) {
        this.#waiting = frame;
        return false;
      } else this.drawn = this.#restyle(frame.traces, data);
      return this.#keep(frame);
    }

    #keep(frame) {
      this.#frame = frame;
      this.#write(frame);
      return true;
    }

    /** Puts the frame that is shown into the live scene once more: the first time takes 40 ms, which no jump should wait. */
    rehearse() {
      if (this.#frame && !this.#showing) parts.scene.applyLive(this.plot, ...this.#changes(this.#frame));
    }

    // [numbers of the traces, what changes in them]
    #changes(frame) {
      const marks = this.#marks(frame).map(([index, trace]) => [index, { type: this.#scene.data[index].type, ...trace }]);
      const data = [...frame.data.map(this.#recolour), ...marks.map(([, trace]) => trace)].map(padded);
      return [[...frame.traces, ...marks.map(([index]) => index)], data];
    }

    #restyle(traces, data) {
      return parts.unblinking(this.plot, () => Plotly.animate(this.plot, { data, traces }, {
        mode: "immediate", transition: { duration: 0 }, frame: { duration: 0, redraw: true },
      }).catch(() => {})); // plotly rejects a frame overtaken by the next one
    }

    #release() {
      if (!this.#held) return;
      this.#held = false;
      const frame = this.#waiting;
      this.#waiting = null;
      if (frame) this.apply(frame);
      if (this.#settled) this.#redraw();
    }

    /** The hover buffers of the picture as it stands; to be called when playing ends. */
    settle() {
      this.#settled = true;
      if (!this.#held) this.#redraw();
    }

    // Reading hover buffers back stalls the main thread: not for a pointer that is elsewhere.
    #redraw() {
      const pick = this.#settled && !this.#held && this.plot.matches(":hover");
      this.#stale = this.#settled && !pick;
      parts.scene.redraw(this.plot, pick);
    }

    /** Colours of the page changed: the same scene and step in the new ones. */
    async repaint(camera = null) {
      if (this.#scene) await this.show(this.#scene, this.#frame, camera);
    }

    // After scenes and frames that are being drawn: in the middle of one plotly does not tie the axes of the new size.
    async #fit() {
      await this.drawn;
      const { clientWidth: width, clientHeight: height } = this.plot;
      if (!this.#scene || !width || !height) return;
      const now = this.plot._fullLayout;
      if (now && (now.width !== width || now.height !== height)) await Plotly.relayout(this.plot, { width, height });
    }

    /** The arrays of the first mesh as drawn now (for tests), or null. */
    mesh() {
      const full = this.plot._fullData?.find((trace) => trace.type === "mesh3d");
      if (!full) return null;
      return Object.fromEntries(["x", "y", "z", "i", "j", "k"].map((axis) => [axis, Array.from(full[axis] ?? [])]));
    }
  };

  // Plotly drops a scatter3d without points from its scene; one empty point keeps its place for later frames.
  function padded(trace) {
    const empty = trace.x?.length === 0 && (trace.type ?? "scatter3d") === "scatter3d";
    return empty ? { ...trace, x: [null], y: [null], z: [null] } : trace;
  }

  // On a dark page a pale surface would glare and hide light arrows.
  function dimmed(trace) {
    const share = Number(css("dim")) || 1;
    if (share === 1 || trace.type !== "mesh3d" || !trace.intensity || !trace.lighting) return trace;
    const { ambient = 0.8, diffuse = 0.8 } = trace.lighting;
    return { ...trace, lighting: { ...trace.lighting, ambient: ambient * share, diffuse: diffuse * share } };
  }

  function blend(trace, partial) {
    return Object.fromEntries(Object.entries(partial).map(([key, value]) => [
      key, parts.isPlain(value) && parts.isPlain(trace[key]) ? { ...trace[key], ...value } : value,
    ]));
  }

  /** What the legend tells: each named trace with its sign. */
  function legendOf(data) {
    const named = data.filter((trace) => trace.name && trace.visible !== false);
    return named.map((trace) => {
      // a mesh of one colour is made of arrows, one with a scale is the boundary
      const mesh = trace.intensity ? "surface" : "arrow";
      const kind = trace.type === "heatmap" ? "surface" : trace.type?.includes("mesh") ? mesh : trace.mode?.includes("markers") ? "marker" : "line";
      const colour = kind === "marker" ? trace.marker?.color : trace.line?.color ?? trace.color ?? trace.marker?.color;
      const scale = kind === "surface" && Array.isArray(trace.colorscale) ? trace.colorscale : null;
      const symbol = typeof trace.marker?.symbol === "string" ? trace.marker.symbol : "circle";
      const dashed = kind === "line" && (trace.line?.dash ?? "solid") !== "solid";
      return { name: trace.name, kind, dashed, symbol, scale, colour: typeof colour === "string" ? colour : css("ink") };
    });
  }
})();
