/* The words around the picture: title, legend, notice, progress, spoken summary. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say, write } = parts;

  const byId = (id) => document.getElementById(id);

  /** Title, legend, verdict, notice, progress and the summary for screen readers. */
  parts.Words = class Words {
    #timer = null;
    #said = "";

    constructor() {
      this.notice = byId("notice");
      this.progress = byId("progress");
      this.fill = el("div", { class: "fill" });
      this.progress?.replaceChildren(this.fill);
      [this.notice, byId("summary")].forEach((node) => node?.setAttribute("aria-live", "polite"));
      this.hush();
    }

    heading(title, subtitle, look = "") {
      if (byId("look")) write(byId("look"), look);
      write(byId("title"), title ?? "");
      this.subtitle(subtitle);
    }

    /** What is seen; where two runs are and differ in that, each has its own column. */
    subtitle(...lines) {
      const said = lines.every((line) => line === lines[0]) ? lines.slice(0, 1) : lines;
      byId("subtitle").replaceChildren(...said.map((line) => el("span", {}, line)));
    }

    verdict(sentence, claimed) {
      const node = byId("verdict");
      if (!node) return;
      write(node, sentence);
      node.hidden = !sentence;
      node.classList.toggle("absent", claimed === false);
    }

    legend(entries) {
      byId("legend")?.replaceChildren(...entries.map((entry) => el("span", {}, sign(entry), entry.name)));
    }

    /** A line in the notice area. kind: "busy", "warning" or "error"; actions: [{label, act}]. */
    tell(kind, message, { advice = "", actions = [] } = {}) {
      if (kind === "busy" && (this.says("error") || this.says("warning"))) return; // what went wrong is not talked over
      const key = kind + message + advice;
      if (this.notice.dataset.key === key) return;
      this.notice.dataset.key = key;
      this.notice.className = `notice ${kind}`;
      this.notice.hidden = false;
      // progress is written many times a second: not to be read aloud
      this.notice.setAttribute("aria-live", kind === "busy" ? "off" : "polite");
      const words = el("p", {}, el("strong", {}, message), advice ? " " : "", advice);
      const buttons = actions.map(({ label, act }) => el("button", { type: "button", onclick: act }, label));
      const close = el("button", { type: "button", class: "close", "aria-label": say("player_close"), title: say("player_close"), onclick: () => this.hush() }, "×");
      this.notice.replaceChildren(words, ...buttons, ...(kind === "busy" ? [] : [close]));
    }

    /** Is the notice of this kind? */
    says(kind) {
      return this.notice.classList.contains(kind);
    }

    /** Clears the notice; given a kind, only if it is of that kind. */
    hush(kind) {
      if (kind && !this.says(kind)) return;
      this.notice.hidden = true;
      this.notice.className = "notice";
      this.notice.dataset.key = "";
      this.notice.replaceChildren();
    }

    /** The bar: a share from 0 to 1, undefined for "going on", null for none. */
    advance(share, label = "") {
      const bar = this.progress;
      if (!bar) return;
      bar.hidden = share === null;
      bar.setAttribute("role", "progressbar");
      bar.setAttribute("aria-label", label || say("player_working"));
      bar.classList.toggle("endless", share === undefined);
      if (typeof share === "number") {
        bar.setAttribute("aria-valuenow", Math.round(100 * share));
        this.fill.style.transform = `scaleX(${share})`;
      } else bar.removeAttribute("aria-valuenow");
    }

    /** The result of a promise; should it take its time, the bar and the notice say what is waited for. */
    async during(label, promise, wait = 600) {
      let shown = false;
      const timer = setTimeout(() => {
        if (!this.notice.hidden || !this.progress?.hidden) return;
        shown = true;
        this.advance(undefined, label);
        this.tell("busy", label);
      }, wait);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        if (shown) this.advance(null);
        if (shown) this.hush("busy");
      }
    }

    /** Speaks the state once it has been quiet for a while: a screen reader must not be flooded while scrubbing. */
    summary(tell, wait = 900) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        const text = tell();
        if (text === this.#said) return;
        this.#said = text;
        write(byId("summary"), text);
      }, wait);
    }
  };

  /** The small drawing before a legend entry; its colour is the element's own. */
  function sign({ kind, dashed, symbol, colour, scale }) {
    const shapes = kind === "marker" ? [/^[a-z]+/.exec(symbol)[0], symbol.includes("open") ? "open" : "full"] : [kind, dashed ? "dashed" : "whole"];
    const scaled = scale ? `; background: linear-gradient(90deg, ${scale.map(([at, stop]) => `${stop} ${100 * at}%`).join(", ")})` : "";
    return el("i", { class: `sign ${shapes.join(" ")}`, style: `color: ${colour}${scaled}`, "aria-hidden": "true" });
  }
})();
