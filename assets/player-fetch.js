/* Fetching ahead: which steps to ask for next, a few at a time, and the one the viewer waits for before all others. */
(() => {
  const parts = (window.dimpleParts ??= {});

  const AT_ONCE = 3; // while playing; in idle time one, so that a step asked for is not kept waiting
  const AHEAD = 16;
  const CALM = 1000; // ms after a jump in which another is likely: nothing is fetched ahead

  /** Frames of one run and view. `hooks`: wanted() -> steps in order of need, hurried(), arrived(step), failed(error). */
  parts.Fetcher = class Fetcher {
    #flying = new Map();
    #exact = null;
    #timer = null;
    #retry = 1000;
    #refused = new Set();
    #held = null;

    constructor(source, link, view, hooks) {
      Object.assign(this, { source, link, view, hooks });
      this.frames = new parts.Frames();
      this.seconds = 0.1; // running mean of one fetch
      this.closed = false;
      this.asleep = false;
    }

    /** Asks for what is wanted, as far as there is room. */
    pump() {
      if (this.closed || this.asleep || this.#timer || this.#flying.has(this.#exact?.step)) return;
      if (this.#held && !this.hooks.hurried()) return;
      for (const step of this.hooks.wanted(this)) {
        if (this.#flying.size >= (this.hooks.hurried() ? AT_ONCE : 1)) return;
        if (this.frames.has(step) || this.#flying.has(step) || this.#refused.has(step)) continue;
        this.#fetch(step, new AbortController(), true).then(() => this.pump(), () => {});
      }
    }

    /** The viewer went from one step to another. After a jump nothing is fetched ahead for a while: the next may follow. */
    moved(from, to) {
      if (Math.abs(to - from) < 2 || this.hooks.hurried()) return;
      clearTimeout(this.#held);
      this.#held = setTimeout(() => {
        this.#held = null;
        this.pump();
      }, CALM);
    }

    /** The frame of `step`, now. A newer call aborts the fetch of an older one. */
    async exact(step) {
      if (this.#exact && this.#exact.step !== step) this.#exact.control.abort();
      if (this.frames.has(step)) return this.frames.get(step);
      const flying = this.#flying.get(step);
      if (flying) return flying.promise;
      if (this.closed || this.asleep) throw new DOMException("not fetching", "AbortError");
      const control = new AbortController();
      this.#exact = { step, control };
      return this.#fetch(step, control);
    }

    #fetch(step, control, ahead = false) {
      const promise = this.#load(step, control, ahead);
      this.#flying.set(step, { control, promise });
      const landed = () => this.#flying.get(step)?.promise === promise && this.#flying.delete(step);
      promise.then(landed, landed);
      return promise;
    }

    async #load(step, control, ahead) {
      const start = performance.now();
      try {
        const frame = await this.source.frame(this.link, this.view, step, control.signal, ahead);
        if (this.closed) throw new DOMException("closed", "AbortError");
        this.seconds += 0.2 * ((performance.now() - start) / 1000 - this.seconds);
        this.#retry = 1000;
        this.frames.put(step, frame);
        this.hooks.arrived(step);
        return frame;
      } catch (error) {
        if (!this.closed && !this.asleep && error.name !== "AbortError") this.#troubled(step, error);
        throw error;
      }
    }

    // A refused step is not asked for again; a silent server is, after longer and longer waits.
    #troubled(step, error) {
      if (error instanceof parts.Refusal && error.status < 500) this.#refused.add(step);
      else if (!this.#timer) {
        this.#timer = setTimeout(() => this.again(), this.#retry);
        this.#retry = Math.min(30000, 2 * this.#retry);
      }
      this.hooks.failed(error);
    }

    /** Tries again at once. */
    again() {
      clearTimeout(this.#timer);
      this.#timer = null;
      this.pump();
    }

    /** Stops fetching but keeps what is here, until wake(). */
    sleep() {
      this.asleep = true;
      this.#land();
    }

    wake() {
      this.asleep = false;
      this.pump();
    }

    close() {
      this.closed = true;
      this.#land();
    }

    #land() {
      clearTimeout(this.#held);
      this.#held = null;
      clearTimeout(this.#timer);
      this.#timer = null;
      for (const { control } of this.#flying.values()) control.abort();
      this.#flying.clear();
    }

    /** How many frames a second can be fetched, about. */
    get pace() {
      return AT_ONCE / Math.max(0.005, this.seconds);
    }
  };

  /** Steps in order of need: ahead of the playhead by `stride`, both neighbours, then the whole sequence, coarse first. */
  parts.wanted = function* wanted({ sequence, last, step, at, stride, playing, loop }) {
    const end = sequence.length - 1;
    for (let ahead = 1; playing && ahead <= AHEAD; ahead++) {
      const index = (Math.floor(at / stride) + ahead) * stride;
      if (index <= end) yield sequence[index];
      else yield loop ? sequence[Math.min(end, index - end)] : sequence[end];
    }
    if (!playing) for (const near of [step + 1, step - 1]) if (near >= 0 && near <= last) yield near;
    for (const every of [16, 4, 1]) {
      if (end / every > 400) continue;
      for (let index = 0; index <= end; index += every) yield sequence[index];
    }
  };
})();
