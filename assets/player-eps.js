/* Attack within eps: a slider for the length of the step, the points it flips marked in the picture, robust accuracy as a chart. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, write, css } = parts;
  const MARGIN = { l: 34, r: 8, t: 6, b: 22 };
  const START = 0.55; // of the slider

  /** The card inside `root`, closed at first: it costs nothing until it is opened. */
  parts.Within = class Within {
    #data = null;
    #asked = "";

    constructor(player, root) {
      this.player = player;
      this.follower = new parts.Follower("within", player.words, (data) => this.#show(data), (message) => write(this.says, message));
      this.says = el("p", { class: "says", "aria-live": "polite" });
      this.slider = el("input", { type: "range", min: 0, max: 1000, value: 1000 * START, "aria-label": say("within.eps"), oninput: () => this.#mark() });
      this.space = el("select", { "aria-label": say("within.space"), onchange: () => this.#mark() });
      this.plot = el("div", { class: "plot" });
      this.cursor = el("div", { class: "cursor" });
      this.key = el("p", { class: "key" });
      const frame = el("div", { class: "frame", onclick: (event) => this.#picked(event) }, this.plot, this.cursor);
      const row = el("label", { class: "row" }, el("span", {}, say("within.eps")), this.slider);
      this.box = el("details", { class: "chart within", ontoggle: () => this.#toggled() },
        el("summary", { title: say("within.help") }, say("within.title")), row, this.space, this.says, this.key, frame);
      root.replaceChildren(this.box);
      for (const name of ["ready", "step", "pause"]) document.addEventListener(`dimple:${name}`, () => this.#ask());
    }

    get open() {
      return this.box.open;
    }

    /** Length of the attack's step: the slider is logarithmic. */
    get eps() {
      const { low, high } = this.#data;
      return low * (high / low) ** (this.slider.value / 1000);
    }

    /** What is marked now (for tests): step, eps, space and numbers of the points that flip. */
    get state() {
      return this.#data && this.open ? { step: this.#data.step, eps: this.eps, space: this.space.value, flipped: this.#flipped() } : null;
    }

    #toggled() {
      if (!this.open) {
        this.follower.forget();
        this.#asked = "";
        this.player.picture.mark([]);
      } else this.#ask();
    }

    #ask() {
      const { link, step, ready } = this.player;
      if (!this.open || !ready || this.#asked === `${link} ${step}`) return;
      if (!this.#asked.startsWith(`${link} `)) this.player.picture.mark([]); // points of another run
      this.#asked = `${link} ${step}`;
      this.follower.ask(link, { step });
    }

    #show(data) {
      this.#data = data;
      const chosen = this.space.value;
      const names = Object.entries(data.spaces).filter(([space]) => space !== "random");
      this.space.replaceChildren(...names.map(([space, name]) => el("option", { value: space }, name)));
      if (data.spaces[chosen]) this.space.value = chosen;
      this.#draw();
      this.#mark();
    }

    #draw() {
      if (!this.#data || !this.open) return;
      parts.plain(this.plot, this.#data.figure, { margin: MARGIN });
      this.key.replaceChildren(...parts.keyOf(this.#data.figure.data.map(parts.recolouring(true))));
    }

    repaint() {
      this.#draw();
      this.#mark();
    }

    #flipped(space = this.space.value) {
      const far = this.#data.far[space];
      return far.flatMap((length, point) => (length !== null && length > 0 && length <= this.eps ? [point] : []));
    }

    #mark() {
      if (!this.#data || !this.open) return;
      const flipped = this.#flipped();
      this.player.picture.mark(flipped);
      const right = this.#data.far.free.filter((length) => length !== 0).length;
      const values = { eps: parts.number(this.eps), flipped: flipped.length, right, step: this.#data.step, chance: this.#flipped("random").length };
      write(this.says, say("within.flipped", values));
      this.slider.setAttribute("aria-valuetext", parts.number(this.eps));
      const axis = this.plot._fullLayout?.xaxis;
      if (axis) this.cursor.style.transform = `translateX(${(axis._offset + (this.slider.value / 1000) * axis._length).toFixed(1)}px)`;
    }

    #picked(event) {
      const axis = this.plot._fullLayout?.xaxis;
      if (!axis) return;
      const share = (event.clientX - this.plot.getBoundingClientRect().left - axis._offset) / axis._length;
      this.slider.value = 1000 * Math.min(1, Math.max(0, share));
      this.#mark();
    }
  };
})();
