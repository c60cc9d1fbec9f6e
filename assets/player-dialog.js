/* The dialog that saves what is shown: which file, how, and how far it has come. It opens from #export. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, write } = parts;

  const MOST = 300; // frames of a GIF
  // Each kind of file: the options it takes, and how it is made of them; with `each` one for each run that is shown.
  const KINDS = {
    gif: { options: ["steps", "width", "height", "fps", "turn"], make: (player, options) => parts.animation(player, { ...options, steps: chosen(player, options) }) },
    png: { options: ["width", "height", "scale"], make: (player, options) => parts.png(player, options) },
    html: { options: ["frames"], served: true, make: (player, options) => parts.written("html", player.share(), options) },
    npz: { options: [], served: true, each: true, make: (player, options, link) => parts.written("npz", link, options) },
    csv: { options: [], served: true, each: true, make: (player, options, link) => parts.written("csv", link, options) },
  };
  const NUMBERS = {
    frames: [60, 2, MOST], from: [0, 0, 1e9], to: [0, 0, 1e9], width: [800, 100, 4000], height: [600, 100, 4000],
    fps: [12, 1, 50], turn: [0, -3600, 3600], scale: [2, 1, 4],
  };

  /** The steps of a GIF: a number of log-spaced ones, or those from .. to, thinned where they are too many. */
  function chosen(player, { every, frames, from, to }) {
    if (!every) return frames;
    const shown = player.every.filter((step) => step >= Math.min(from, to) && step <= Math.max(from, to));
    const count = Math.min(MOST, shown.length);
    return Array.from({ length: count }, (_, at) => shown[Math.round((at * (shown.length - 1)) / Math.max(1, count - 1))]);
  }

  class Dialog {
    #control = null;

    constructor(player) {
      this.player = player;
      const served = player.source === parts.server;
      this.kinds = Object.keys(KINDS).filter((kind) => served || !KINDS[kind].served);
      this.inputs = Object.fromEntries(Object.entries(NUMBERS).map(([name, [value, min, max]]) => [
        name, el("input", { type: "number", value, min, max, step: name === "turn" ? 15 : 1, required: true }),
      ]));
      this.every = el("input", { type: "checkbox", onchange: () => this.#fit() });
      this.fields = Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, el("label", {}, say(`export.of.${name}`), this.inputs[name])]));
      this.fields.every = el("label", { class: "check" }, this.every, say("export.of.every"));
      this.choice = el("div", { class: "kinds", role: "radiogroup", "aria-label": say("export.kind") }, ...this.kinds.map((kind, at) => el("label", {},
        el("input", { type: "radio", name: "kind", value: kind, checked: at === 0, onchange: () => this.#fit() }), say(`export.kind.${kind}`))));
      this.help = el("p", { class: "help" });
      this.bar = el("progress", { max: 1, "aria-label": say("export.progress") });
      this.said = el("p", { class: "said", role: "status" });
      this.save = el("button", { type: "submit", class: "save" }, say("export.save"));
      this.leave = el("button", { type: "button", onclick: () => this.#left() });
      this.form = el("form", { onsubmit: (event) => this.#asked(event) },
        el("h2", { id: "export-title" }, say("export.title")), this.choice, this.help,
        el("div", { class: "options" }, ...["every", "frames", "from", "to", "width", "height", "scale", "fps", "turn"].map((name) => this.fields[name])),
        this.said, this.bar, el("div", { class: "buttons" }, this.leave, this.save));
      this.root = el("dialog", { class: "export", "aria-labelledby": "export-title" }, this.form);
      this.root.addEventListener("cancel", (event) => {
        if (!this.#control) return;
        event.preventDefault(); // Escape breaks off what is going on before it closes
        this.#left();
      });
      document.body.append(this.root);
    }

    open() {
      if (!this.player.ready || this.root.open) return;
      this.player.pause();
      this.inputs.to.value = this.player.last;
      this.inputs.from.max = this.inputs.to.max = this.player.last;
      write(this.said, "");
      this.#fit();
      this.root.showModal();
    }

    get kind() {
      return this.form.elements.kind.value;
    }

    /** Only what this kind of file takes is shown and asked for. */
    #fit() {
      const { options } = KINDS[this.kind];
      const steps = options.includes("steps") ? ["every", ...(this.every.checked ? ["from", "to"] : ["frames"])] : [];
      this.wanted = [...options, ...steps];
      for (const [name, field] of Object.entries(this.fields)) {
        field.hidden = !this.wanted.includes(name);
        for (const input of field.querySelectorAll("input")) input.disabled = field.hidden || Boolean(this.#control);
      }
      write(this.help, say(`export.help.${this.kind}`));
      this.choice.querySelectorAll("input").forEach((input) => (input.disabled = Boolean(this.#control)));
      this.save.disabled = Boolean(this.#control);
      this.bar.hidden = !this.#control;
      write(this.leave, say(this.#control ? "player_cancel" : "player_close"));
    }

    #left() {
      if (this.#control) this.#control.abort();
      else this.root.close();
    }

    async #asked(event) {
      event.preventDefault();
      const { kind, wanted } = this;
      const options = Object.fromEntries(wanted.filter((name) => this.inputs[name]).map((name) => [name, Number(this.inputs[name].value)]));
      const control = (this.#control = new AbortController());
      this.bar.removeAttribute("value");
      write(this.said, say("export.working"));
      this.#fit();
      this.leave.focus();
      try {
        const onProgress = (share) => (this.bar.value = share);
        const { link, companion } = this.player;
        const links = [link, KINDS[kind].each && companion?.link].filter(Boolean).map((each) => parts.query(each, {}));
        const saved = [];
        for (const [at, each] of links.entries()) {
          const blob = await KINDS[kind].make(this.player, { ...options, every: this.every.checked, onProgress, signal: control.signal }, each);
          control.signal.throwIfAborted();
          const name = this.#name(kind, at ? "-beside" : "");
          parts.download(blob, name);
          saved.push(say("export.saved", { name, size: Math.ceil(blob.size / 1e3) }));
        }
        write(this.said, saved.join(" "));
      } catch (error) {
        const refused = error instanceof parts.Refusal ? `${error.message} ${error.event.advice ?? ""}` : say("export.failed");
        write(this.said, control.signal.aborted ? say("export.stopped") : refused);
      } finally {
        this.#control = null;
        this.#fit();
        this.save.focus();
      }
    }

    #name(kind, mark) {
      const { exhibit } = this.player.provenance;
      return kind === "png" ? `${exhibit}-step-${this.player.step}.png` : `${exhibit}${mark}.${kind}`;
    }
  }

  let dialog = null;
  parts.exporting = (player) => (dialog ??= new Dialog(player)).open();
  document.addEventListener("click", (event) => event.target.closest?.("#export") && window.dimple.export());
})();
