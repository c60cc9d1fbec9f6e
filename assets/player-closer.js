/* One point close by: the logit along its arrows and a plane through it, over the picture, following the time line. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, write } = parts;

  /** The panel `root`; `opener` is the button that opens it, a click on a point in the picture does so too. */
  parts.Closer = class Closer {
    #data = null;
    #asked = "";

    constructor(player, root, opener) {
      Object.assign(this, { player, root, opener });
      this.follower = new parts.Follower("closer", player.words, (data) => this.#show(data), (message) => write(this.title, message));
      this.title = el("h2", { id: "closer-title", "aria-live": "polite" });
      this.point = el("input", { type: "number", min: 0, value: 0, step: 1, oninput: () => this.#ask() });
      const close = el("button", { type: "button", class: "close", "aria-label": say("closer.close"), title: say("closer.close"), onclick: () => this.close() }, "×");
      this.plots = ["lines", "section"].map(() => el("div", { class: "plot" }));
      this.table = el("tbody");
      const names = ["closer.arrow", "closer.distance", "closer.inside"].map((key) => el("th", { scope: "col" }, say(key)));
      root.setAttribute("role", "region");
      root.setAttribute("aria-label", say("closer.label"));
      root.replaceChildren(
        el("div", { class: "top" }, this.title, el("label", {}, say("closer.point"), " ", this.point), close),
        el("table", {}, el("thead", {}, el("tr", {}, ...names)), this.table),
        el("h3", {}, say("closer.lines")), this.plots[0],
        el("h3", { title: say("closer.section.help") }, say("closer.section")), this.plots[1],
      );
      root.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        this.close();
      });
      opener?.addEventListener("click", () => (this.isOpen ? this.close() : this.open(Number(this.point.value) || 0)));
      for (const name of ["ready", "step", "pause"]) document.addEventListener(`dimple:${name}`, () => this.#ask());
      new ResizeObserver(() => this.repaint()).observe(root);
    }

    get isOpen() {
      return !this.root.hidden;
    }

    /** What is shown now (for tests): point, step and the figures' numbers. */
    get state() {
      return this.isOpen && this.#data ? this.#data : null;
    }

    open(point) {
      this.root.hidden = false;
      this.opener?.setAttribute("aria-expanded", "true");
      this.point.value = point;
      this.#ask();
      this.point.focus({ preventScroll: true });
    }

    close() {
      this.root.hidden = true;
      this.opener?.setAttribute("aria-expanded", "false");
      this.follower.forget();
      this.#asked = "";
      this.#data = null;
      this.opener?.focus({ preventScroll: true });
    }

    #ask() {
      const { link, step, ready } = this.player;
      const point = this.point.valueAsNumber;
      const asked = `${link} ${step} ${point}`;
      if (!this.isOpen || !ready || !Number.isInteger(point) || point < 0 || this.#asked === asked) return;
      this.#asked = asked;
      this.follower.ask(link, { step, point });
    }

    #show(data) {
      this.#data = { ...data, lines: parts.decode(data.lines), section: parts.decode(data.section) };
      this.point.max = data.count - 1;
      write(this.title, data.title);
      this.table.replaceChildren(...data.arrows.map(({ name, colour, distance, inside }) => el("tr", {},
        el("th", { scope: "row" }, el("i", { style: `background: ${parts.recolouring(true)(colour)}` }), name),
        el("td", {}, distance === null ? "∞" : parts.number(distance)), el("td", {}, inside === null ? "–" : `${Math.round(100 * inside)} %`))));
      this.repaint();
    }

    repaint() {
      if (!this.isOpen || !this.#data) return;
      parts.plain(this.plots[0], this.#data.lines);
      parts.plain(this.plots[1], this.#data.section);
    }
  };
})();
