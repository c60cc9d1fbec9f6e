/* The way to a step's picture: at once where it has been fetched; else drafts on a coarse grid, as exact where their
 * vertices are, of whatever step was asked for last, one after the other; and at rest the full picture. */
(() => {
  const parts = (window.dimpleParts ??= {});

  parts.STILL = 20; // ms after which a pointer has come to rest: it moves every 16
  const SENT = 10; // ms after which a request is on its way: while it draws, a browser sends none
  const PATIENCE = 300; // ms a picture may take before a neighbour's stands in
  const LATE = 150; // ms after which a full picture would be seen, from which on a draft comes first: some take 50 longer
  let painting = 50; // ms until a picture that has come is seen, running mean: about the same in every place on the page

  /** Pictures of `fetcher` for one place on the page. `show(frame)` draws one, be it a draft or a neighbour's; `during(promise)` is told what is waited for. */
  parts.Approach = class Approach {
    step = null; // the one asked for last
    #timers = {};
    #drafting = null; // the step whose draft was asked for last
    #drafted = null; // the step whose draft was drawn last
    #givenUp = false; // the draft asked for before
    #moving = false;
    #asked = 0;

    constructor(fetcher, show, during = (promise) => promise) {
      Object.assign(this, { fetcher, show, during });
    }

    /** Draws `step`. `hasty`: with a draft first, as the full picture would be given up soon; `moving`: another step may follow at once. */
    go(step, { hasty, moving }) {
      const { frames } = this.fetcher;
      this.stop();
      this.step = step;
      this.#moving = moving;
      this.#asked = performance.now();
      if (frames.has(step)) return this.#draw(frames.get(step));
      if ((hasty || this.#late) && !this.fetcher.coming(step) && step !== this.#drafted) this.#draft();
      else this.#exact();
      if (moving) this.#after("rest", parts.STILL, () => this.#rest());
      this.#after("standIn", PATIENCE, () => this.near(step));
    }

    // Might the full picture be seen late? The first may: a server that has just started does much else.
    get #late() {
      const { wait } = this.fetcher;
      return wait === null || 1000 * wait + painting > LATE;
    }

    /** Draws the nearest picture to `step` that has been fetched. */
    near(step) {
      const { frames } = this.fetcher;
      const near = frames.nearest(step);
      if (near !== null) this.#draw(frames.get(near));
    }

    /** Draws nothing more, until the next go(). */
    stop() {
      Object.values(this.#timers).forEach(clearTimeout);
      this.step = null;
    }

    #draw(frame) {
      clearTimeout(this.#timers.passing);
      this.#drafted = frame.meta.draft ? frame.meta.step : null;
      const began = performance.now();
      this.show(frame);
      if (frame.meta.draft) return;
      const seen = () => (painting += 0.2 * (Math.min(PATIENCE, performance.now() - began) - painting));
      requestAnimationFrame(() => setTimeout(seen));
    }

    #after(name, wait, does) {
      clearTimeout(this.#timers[name]);
      this.#timers[name] = setTimeout(does, wait);
    }

    // At rest the draft of a step that was passed is in the way. Given up again and again, a slow drag would show none.
    #rest() {
      if (!this.fetcher.drafting || this.#drafting === this.step || this.#givenUp) return;
      this.#givenUp = true;
      this.#askDraft();
    }

    // Given up at every move, a drag would show no draft.
    #draft() {
      if (!this.fetcher.drafting) this.#askDraft();
    }

    async #askDraft() {
      const { step, fetcher } = this;
      this.#drafting = step;
      const frame = await this.during(fetcher.draft(step)).catch(() => null);
      if (frame) this.#givenUp = false;
      if (this.step === null) return;
      if (this.step !== step) return this.#passed(frame);
      if (!frame) return; // the fetcher has said why, or another has asked it for something else
      this.#arrived(frame);
      if (!frame.meta.draft) return;
      // Computed at the same time, the full picture would take the processors that draw the draft.
      requestAnimationFrame(() => {
        const rest = this.#moving ? parts.STILL - (performance.now() - this.#asked) : 0;
        if (this.step === step) this.#after("exact", rest, () => this.#exact());
      });
    }

    // The viewer has gone on meanwhile: what has come is near. The next is asked for first.
    #passed(frame) {
      const { step, fetcher } = this;
      if (fetcher.frames.has(step)) return;
      if (!fetcher.awaited) this.#draft();
      if (frame) this.#after("passing", SENT, () => this.#draw(frame));
    }

    async #exact() {
      const { step } = this;
      const frame = await this.during(this.fetcher.exact(step)).catch(() => null);
      if (frame && this.step === step) this.#arrived(frame);
    }

    #arrived(frame) {
      clearTimeout(this.#timers.standIn);
      this.#draw(frame);
    }
  };
})();
