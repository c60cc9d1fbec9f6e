/* The board on which a viewer places training points: the manifold's parameters as a plane, by mouse, touch or keyboard. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, write } = parts;

  const SIZE = 400; // of the drawing, in its own units
  const NS = "http://www.w3.org/2000/svg";
  const STEP = 1 / 40; // of the box: what an arrow key moves

  const svg = (tag, attributes = {}) => {
    const node = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };

  const round = (value) => Number(value.toPrecision(4));

  /** Points from their text, u1_u2_class~... */
  const read = (text) => (text ? text.split("~") : []).map((row) => {
    const cells = row.split("_");
    return { u: cells.slice(0, -1).map(Number), label: cells.at(-1) };
  });

  parts.Board = class Board {
    #points = [];
    #label = "a";
    #drag = null;

    /** link: the world whose manifold it is; done(points) with the text of the points. */
    constructor(link, done) {
      Object.assign(this, { link, done });
      this.board = svg("svg", { viewBox: `-14 -14 ${SIZE + 28} ${SIZE + 28}`, role: "group", "aria-label": say("board.plane") });
      this.said = el("p", { class: "said", role: "status" });
      this.count = el("output", {});
      this.file = el("input", { type: "file", accept: ".csv,text/csv", hidden: true, onchange: () => this.#import() });
      const button = (name, act) => el("button", { type: "button", onclick: act }, say(`board.${name}`));
      this.classes = ["a", "b"].map((label) => el("button", { type: "button", class: `class ${label}`, onclick: () => this.#choose(label) },
        el("i", { class: `sign ${label === "a" ? "circle" : "diamond"}`, "aria-hidden": "true" }), say(`class.${label}`)));
      this.add = button("add", () => this.#add());
      this.dialog = el("dialog", { class: "board", "aria-label": say("board.title"), onclose: () => this.dialog.remove() },
        el("h2", {}, say("board.title")), el("p", { class: "help" }, say("board.help")),
        el("div", { class: "tools", role: "group", "aria-label": say("board.class") }, ...this.classes, this.add, this.count),
        this.board, this.said,
        el("div", { class: "tools" }, button("import", () => this.file.click()), button("export", () => this.#export()), button("clear", () => this.#set([])), this.file),
        el("div", { class: "tools end" }, button("cancel", () => this.dialog.close()), button("apply", () => this.#apply())));
      this.#listen();
    }

    async open() {
      const answer = await fetch(`/api/points?${this.link}`);
      const about = await answer.json();
      if (!answer.ok) throw new Error(about.message);
      Object.assign(this, { low: about.low, high: about.high });
      document.body.append(this.dialog);
      this.dialog.showModal();
      this.#choose("a");
      this.#set(read(about.points));
      if (about.message) write(this.said, about.message);
    }

    get #flat() {
      return this.low.length === 1;
    }

    // ---- between parameters and the drawing

    #place(u) {
      const share = (axis) => (u[axis] - this.low[axis]) / (this.high[axis] - this.low[axis]);
      return [share(0) * SIZE, this.#flat ? SIZE / 2 : (1 - share(1)) * SIZE];
    }

    #at({ clientX, clientY }) {
      const point = new DOMPoint(clientX, clientY).matrixTransform(this.board.getScreenCTM().inverse());
      return this.#inside([point.x / SIZE, 1 - point.y / SIZE].slice(0, this.low.length)
        .map((share, axis) => this.low[axis] + share * (this.high[axis] - this.low[axis])));
    }

    #inside(u) {
      return u.map((value, axis) => round(Math.min(this.high[axis], Math.max(this.low[axis], value))));
    }

    // ---- what can be done

    #listen() {
      this.board.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        const node = event.target.closest(".point");
        this.board.setPointerCapture(event.pointerId);
        this.#drag = node ? Number(node.dataset.at) : this.#points.push({ u: this.#at(event), label: this.#label }) - 1;
        this.#draw(this.#drag);
        event.preventDefault();
      });
      this.board.addEventListener("pointermove", (event) => {
        if (this.#drag === null) return;
        this.#points[this.#drag].u = this.#at(event);
        this.#draw(this.#drag);
      });
      this.board.addEventListener("pointerup", () => (this.#drag = null));
      this.board.addEventListener("dblclick", (event) => event.preventDefault());
      this.board.addEventListener("keydown", (event) => this.#key(event));
    }

    #key(event) {
      const at = Number(event.target.closest?.(".point")?.dataset.at ?? NaN);
      if (Number.isNaN(at)) return;
      const by = STEP * (event.shiftKey ? 5 : 1);
      const move = (axis, sign) => {
        if (axis >= this.low.length) return;
        this.#points[at].u[axis] += sign * by * (this.high[axis] - this.low[axis]);
        this.#points[at].u = this.#inside(this.#points[at].u);
      };
      const does = {
        ArrowLeft: () => move(0, -1), ArrowRight: () => move(0, 1), ArrowDown: () => move(1, -1), ArrowUp: () => move(1, 1),
        " ": () => this.#turn(at), Enter: () => this.#turn(at),
        Delete: () => this.#points.splice(at, 1), Backspace: () => this.#points.splice(at, 1),
      }[event.key];
      if (!does) return;
      event.preventDefault();
      event.stopPropagation();
      does();
      this.#draw(Math.min(at, this.#points.length - 1));
      if (!this.#points.length) this.add.focus(); // else the keys would be the page's behind
    }

    #turn(at) {
      this.#points[at].label = this.#points[at].label === "a" ? "b" : "a";
    }

    #choose(label) {
      this.#label = label;
      this.classes.forEach((button, at) => button.setAttribute("aria-pressed", "ab"[at] === label));
    }

    /** A point where there is room: by keyboard there is no place to click. */
    #add() {
      const middle = this.low.map((low, axis) => (low + this.high[axis]) / 2);
      const taken = (u) => this.#points.some((point) => point.u.every((value, axis) => value === u[axis]));
      let u = this.#inside(middle);
      for (let away = 1; taken(u); away++) u = this.#inside(middle.map((value, axis) => value + (axis ? 0 : away * STEP * (this.high[0] - this.low[0]))));
      this.#draw(this.#points.push({ u, label: this.#label }) - 1);
    }

    #set(points) {
      this.#points = points;
      this.#draw();
    }

    #draw(focused = -1) {
      const frame = this.#flat
        ? [svg("line", { x1: 0, x2: SIZE, y1: SIZE / 2, y2: SIZE / 2, class: "axis" })]
        : [svg("rect", { width: SIZE, height: SIZE, class: "axis" })];
      this.board.replaceChildren(...frame, ...this.#points.map((point, at) => this.#drawn(point, at)));
      write(this.count, say("board.count", { count: this.#points.length }));
      this.board.querySelector(`[data-at="${focused}"]`)?.focus({ preventScroll: true });
    }

    #drawn({ u, label }, at) {
      const [x, y] = this.#place(u);
      const node = svg("g", {
        class: `point ${label}`, tabindex: 0, role: "button", "data-at": at, transform: `translate(${x} ${y})`,
        "aria-label": say("board.point", { name: say(`class.${label}`), where: u.join(", ") }),
      });
      node.append(label === "a" ? svg("circle", { r: 9 }) : svg("rect", { x: -8, y: -8, width: 16, height: 16, transform: "rotate(45)" }));
      return node;
    }

    // ---- files

    async #import() {
      const [file] = this.file.files;
      this.file.value = "";
      const points = file && (await this.#checked(await file.text()));
      if (points) this.#set(read(points));
    }

    /** The points of a table as the server reads them; null where it says what is wrong with them. */
    async #checked(table) {
      try {
        const answer = await fetch(`/api/points?${this.link}`, { method: "POST", body: table });
        const told = await answer.json();
        write(this.said, answer.ok ? "" : told.message);
        return answer.ok ? told.points : null;
      } catch {
        write(this.said, say("player_gone"));
        return null;
      }
    }

    get #table() {
      const names = this.low.map((_, axis) => `u${axis + 1}`);
      const lines = [[...names, "label"], ...this.#points.map(({ u, label }) => [...u, label])];
      return lines.map((cells) => cells.join(",")).join("\n") + "\n";
    }

    #export() {
      parts.download(new Blob([this.#table], { type: "text/csv" }), "points.csv");
    }

    /** Trains on the points, if the server would; else all stays as it is placed. */
    async #apply() {
      if (this.#points.length < 2) return write(this.said, say("board.few"));
      const points = await this.#checked(this.#table);
      if (!points) return;
      this.done(points);
      this.dialog.close();
    }
  };
})();
