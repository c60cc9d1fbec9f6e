/* Graphics that are missing, or get lost while the page is open (a laptop slept, a screen was plugged in, a driver
 * started anew): said in the picture's place, and tried again. */
(() => {
  const parts = (window.dimpleParts ??= {});
  const { el, say } = parts;

  const [SOON, LONGEST] = [300, 30000]; // ms to the first try after a loss, and between later ones at most

  /** Watches over the 3-D graphics of `plot`; `again()` draws all of it anew. */
  parts.Graphics = class Graphics {
    missing = false; // nothing can be drawn, until again() finds graphics
    camera = null; // the viewer's, when they were lost
    #wait = SOON;
    #timer = null;

    constructor(plot, again) {
      Object.assign(this, { plot, again });
      const retry = el("button", { type: "button", onclick: () => this.again() }, say("player_again"));
      this.note = el("div", { class: "missing", role: "alert", hidden: true },
        el("p", {}, el("strong", {}, say("graphics.missing")), " ", say("graphics.advice")), retry);
    }

    /** To be called when plotly has drawn anew. */
    drawn() {
      clearTimeout(this.#timer);
      const { plot } = this;
      this.missing = parts.scene.blind(plot);
      this.note.hidden = !this.missing;
      if (!this.missing) {
        this.#wait = SOON;
        this.camera = null;
        parts.scene.watch(plot, () => this.#lost());
      } else if (this.camera) this.#later(); // without graphics from the start, only the viewer can do something
    }

    /** Tries no more. */
    close() {
      clearTimeout(this.#timer);
    }

    #lost() {
      this.camera = parts.scene.camera(this.plot);
      this.missing = true;
      this.#later();
    }

    #later() {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.again(), this.#wait);
      this.#wait = Math.min(LONGEST, 2 * this.#wait);
    }
  };
})();
