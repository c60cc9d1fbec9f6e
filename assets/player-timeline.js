/* The time line: phase bands, a slider over every step, and the controls of playing. It only reports what was asked. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, write } = parts;

  const ICONS = {
    play: "M7 4.5v15l12-7.5z",
    pause: "M7 5h3.6v14H7zM13.4 5H17v14h-3.6z",
    first: "M6 5h2.4v14H6zM19 5v14l-9.6-7z",
    back: "M16.5 5v14L7 12z",
    forward: "M7.5 5v14l9.5-7z",
    last: "M5 5v14l9.6-7zM15.6 5H18v14h-2.4z",
    loop: "M17 3.5l3.5 3.5L17 10.5V8H8a3 3 0 0 0-3 3v1H3v-1a5 5 0 0 1 5-5h9zM7 20.5L3.5 17 7 13.5V16h9a3 3 0 0 0 3-3v-1h2v1a5 5 0 0 1-5 5H7z",
  };

  const bandAt = (bands, last, step) => bands.find(({ from, to }) => step >= from && (step < to || to === last));

  /** Which of `bands` holds at `step`, in words. */
  parts.phaseAt = (bands, last, step) => {
    const band = bandAt(bands, last, step);
    return band ? say(`phase_${band.name}`) : "";
  };

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  const SPEEDS = [0.25, 0.5, 1, 2, 4];

  /** The time line inside `root`. `asked` has: seek(step, dragging), press(step), hover(step or null), toggle(), step(by), scale(log), speed(x), loop(on). */
  parts.Timeline = class Timeline {
    #last = 0;
    #log = true;
    #step = 0;
    #bands = [];
    #marks = [];

    constructor(root, asked) {
      this.asked = asked;
      this.root = root;
      this.bandRow = el("div", { class: "bands", role: "group", "aria-label": say("player_phases") });
      this.input = el("input", {
        type: "range", class: "steps", min: 0, max: 0, step: 1, value: 0, "aria-label": say("player_step"),
        oninput: () => asked.seek(Number(this.input.value), false), onkeydown: () => this.track.classList.remove("pressed"),
      });
      this.cursor = el("div", { class: "cursor" });
      this.markRow = el("div", { class: "marks" });
      this.track = el("div", { class: "track" }, el("div", { class: "rail" }), this.markRow, this.input);
      this.bar = el("div", { class: "bar" }, this.bandRow, this.track, this.cursor);
      root.replaceChildren(this.bar, this.#controls());
      // a mouse that has pressed a button leaves the keys to the time line
      root.addEventListener("click", ({ detail, target }) => detail && target.closest("button")?.blur());
      this.#listen();
      new ResizeObserver(() => this.#fit()).observe(this.bar);
    }

    #controls() {
      const button = (name, press) => {
        const label = say(`player_${name}`);
        return el("button", { type: "button", class: `icon ${name}`, "aria-label": label, title: label, onclick: press }, icon(name));
      };
      this.playButton = button("play", () => this.asked.toggle());
      this.loop = button("loop", () => this.asked.loop(this.loop.getAttribute("aria-pressed") !== "true"));
      this.where = el("output", { class: "where" });
      this.accuracy = el("span", { class: "accuracy" });
      this.scale = el("div", { class: "scale", role: "group", "aria-label": say("player_scale") },
        ...["log", "linear"].map((kind) => el("button", {
          type: "button", "data-scale": kind, title: say(`player_scale_${kind}_help`), onclick: () => this.asked.scale(kind === "log"),
        }, say(`player_scale_${kind}`))));
      this.speed = el("select", { class: "speed", "aria-label": say("player_speed"), title: say("player_speed"),
        onchange: () => this.asked.speed(Number(this.speed.value)) },
        ...SPEEDS.map((times) => el("option", { value: times }, `${times} ×`)));
      this.speed.value = "1";
      return el("div", { class: "controls" },
        this.playButton,
        el("div", { class: "moves" },
          button("first", () => this.asked.seek(0, false)), button("back", () => this.asked.step(-1)),
          button("forward", () => this.asked.step(1)), button("last", () => this.asked.seek(this.#last, false))),
        el("div", { class: "readout" }, this.where, this.accuracy),
        el("div", { class: "options" }, this.scale, this.speed, this.loop));
    }

    // The native slider is there for keyboard and screen reader. The pointer is ours, because the track may be logarithmic.
    #listen() {
      const at = (event) => {
        const box = this.track.getBoundingClientRect();
        return parts.stepAt((event.clientX - box.left) / box.width, this.#last, this.#log);
      };
      const grip = (event) => {
        if (event.button !== 0 || !this.#last) return;
        event.preventDefault();
        this.track.setPointerCapture(event.pointerId);
        this.track.classList.add("pressed"); // the ring of the focus is for those who use keys
        this.input.focus({ preventScroll: true });
        this.asked.press(at(event));
      };
      const held = (event) => this.track.hasPointerCapture(event.pointerId);
      this.track.addEventListener("pointerdown", grip);
      this.track.addEventListener("pointermove", (event) => held(event) && this.asked.seek(at(event), true));
      for (const [name, listener] of Object.entries(this.#hovers(at))) this.track.addEventListener(name.slice(2), listener);
      this.track.addEventListener("pointerup", (event) => held(event) && this.asked.seek(at(event), false));
    }

    // Listeners that tell which step a mouse lies on without a button down; fingers do not hover.
    #hovers(at) {
      return {
        onpointermove: (event) => event.pointerType === "mouse" && !event.buttons && this.asked.hover(at(event)),
        onpointerleave: () => this.asked.hover(null),
      };
    }

    /** A run with steps 0..last; phases come later. */
    reset(last) {
      this.#last = last;
      this.input.max = last;
      this.phases([], []);
    }

    /** bands [{name, from, to}], marks [{step, label}]; `claimed`: do they hold as two phases? */
    phases(bands, marks, claimed = true) {
      this.#bands = bands.filter((band) => band.to > band.from);
      this.#marks = [...marks].sort((one, other) => one.step - other.step);
      this.bandRow.classList.toggle("unclaimed", !claimed);
      this.bandRow.replaceChildren(...this.#bands.map((band) => this.#band(band, claimed)));
      this.markRow.replaceChildren(...this.#marks.map((mark) => el("span", { class: "mark", title: `${mark.label}: ${mark.step}` }, el("small", {}, mark.label))));
      this.#fit();
    }

    // What the verdict does not confirm is asked: the bands say where it would be.
    #band({ name, from, to }, claimed) {
      const word = say(`phase_${name}`) + (claimed ? "" : "?");
      const label = say(claimed ? "player_band" : "player_band_unclaimed", { name: say(`phase_${name}`), from, to });
      return el("button", { type: "button", class: `band ${name}`, title: label, "aria-label": label,
        onclick: () => this.asked.seek(from, false), ...this.#hovers(() => from) }, el("span", {}, word));
    }

    /** Which phase holds at `step`, in words. */
    phaseAt(step) {
      return parts.phaseAt(this.#bands, this.#last, step);
    }

    #bandAt(step) {
      return bandAt(this.#bands, this.#last, step);
    }

    /** Steps worth stopping at: both ends, where phases begin, and the marks; ascending. */
    get stops() {
      const steps = [0, ...this.#bands.map(({ from }) => from), ...this.#marks.map(({ step }) => step), this.#last];
      return [...new Set(steps)].sort((one, other) => one - other);
    }

    setScale(log) {
      this.#log = log;
      for (const button of this.scale.children) button.setAttribute("aria-pressed", (button.dataset.scale === "log") === log);
      this.#fit();
    }

    setLoop(on) {
      this.loop.setAttribute("aria-pressed", on);
    }

    setSpeed(times) {
      this.speed.value = String(times);
    }

    setPlaying(on) {
      const label = say(on ? "player_pause" : "player_play");
      this.playButton.setAttribute("aria-label", label);
      this.playButton.title = label;
      this.playButton.replaceChildren(icon(on ? "pause" : "play"));
    }

    /** Moves cursor and words to `step`. `accuracy` may be unknown (null). */
    move(step, accuracy) {
      this.#step = step;
      const values = { step, last: this.#last, accuracy: accuracy === null ? "–" : accuracy.toFixed(2) };
      this.input.value = step;
      this.input.setAttribute("aria-valuetext", say("player_valuetext", values));
      write(this.where, say("player_where", values));
      this.where.classList.toggle("long", this.#last > 9999); // must not wrap while it plays
      write(this.accuracy, say("player_accuracy", values));
      [...this.bandRow.children].forEach((node, at) => node.classList.toggle("now", this.#bands[at] === this.#bandAt(step)));
      this.#moveCursor();
    }

    #moveCursor() {
      const share = parts.place(this.#step, this.#last, this.#log);
      this.cursor.style.transform = `translateX(${(share * (this.width ?? this.bar.clientWidth)).toFixed(2)}px)`;
    }

    #fit() {
      this.width = this.bar.clientWidth;
      const share = (step) => 100 * parts.place(step, this.#last, this.#log);
      [...this.bandRow.children].forEach((node, at) => {
        const { from, to } = this.#bands[at];
        node.style.left = `${share(from)}%`;
        node.style.width = `calc(${share(to) - share(from)}% - 2px)`;
        // a word that does not fit is better left to the tooltip than cut
        node.classList.remove("tight");
        node.classList.toggle("tight", node.firstChild.offsetWidth + 14 > node.clientWidth);
      });
      this.#fitMarks(share);
      this.#moveCursor();
    }

    // A mark's words are shown where they run neither into each other nor out of the line; the tooltip always has them.
    #fitMarks(share) {
      let free = 0;
      [...this.markRow.children].forEach((node, at) => {
        const x = (share(this.#marks[at].step) / 100) * this.width;
        const half = node.firstChild.offsetWidth / 2;
        const shown = x - half >= free && x + half <= this.width;
        if (shown) free = x + half + 8;
        node.style.left = `${x}px`;
        node.classList.toggle("tight", !shown);
      });
    }
  };

  const TYPING = `input, textarea, select, [contenteditable=true], [role=slider], [role=combobox], [role=tab], [role=radio],
    [role=menuitem], [role=option], [role=dialog] *, dialog *`;

  /** Does a key belong to this element, or to an open dialog, rather than to the page? */
  parts.typing = (target) => Boolean(target.matches?.(TYPING) || document.querySelector("dialog[open]")) && !target.matches?.(".steps");

  /** The listener for the keys of playing: space, arrows (with shift ten steps), Home, End; not while typing. */
  parts.keyboard = (player) => (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (parts.typing(event.target)) return;
    // space on a button presses that button
    if (event.key === " " && event.target.closest?.("button, a, summary")) return;
    const does = {
      " ": () => player.toggle(),
      ArrowLeft: () => player.move(event.shiftKey ? -10 : -1),
      ArrowRight: () => player.move(event.shiftKey ? 10 : 1),
      Home: () => player.seek(0),
      End: () => player.seek(player.last),
    }[event.key];
    if (!does || !player.last) return;
    event.preventDefault();
    does();
  };
})();
