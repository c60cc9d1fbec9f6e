/* Fetching ahead: which steps to ask for next, a few at a time, and the one the viewer waits for before all others. */
(() => {
  const parts = (window.dimpleParts ??= {});

  const AT_ONCE = 3; // while playing; in idle time one, so that a step asked for is not kept waiting
  const NEXT = 16; // steps of the playhead
  const CALM = 1000; // ms after a jump in which another is likely: nothing is fetched ahead
  const [AHEAD, SPARE] = ["u=6", "u=7"]; // urgency after RFC 9218: 3 is usual, 7 for what the server does when idle

  /** Frames of one run and view. `hooks`: course() as wanted() takes it, hurried(), arrived(step), failed(error). */
  parts.Fetcher = class Fetcher {
    wait = null; // seconds a full picture takes to come, running mean; null before the first has
    #flying = new Map();
    #exact = null;
    #hint = null; // a step the viewer may want next
    #draft = null; // the one draft on its way
    #drafted = null; // the step whose draft came last
    #timer = null;
    #retry = 1000;
    #refused = new Set();
    #held = null;
    #asker = Math.random().toString(36).slice(2); // for the server: a newer `exact` gives up an older one

    constructor(source, link, view, hooks) {
      Object.assign(this, { source, link, view, hooks });
      this.frames = new parts.Frames();
      this.seconds = 0.1; // running mean of one fetch
      this.closed = false;
      this.asleep = false;
    }

    /** Asks for what is wanted, as far as there is room. */
    pump() {
      if (this.closed || this.asleep || this.#timer || this.awaited) return;
      const hurried = this.hooks.hurried();
      if (this.#held && !hurried) return;
      const { next, sequence, every } = parts.wanted(this.hooks.course());
      // past its bounds the cache would forget one step for another, without end
      const room = !this.frames.full && !navigator.connection?.saveData;
      const more = this.#ask(next, AHEAD) && room && this.#ask(sequence, AHEAD);
      if (more && !hurried && !this.#flying.size) this.#ask(every, SPARE);
    }

    // Whether all these steps are here and there is room for others.
    #ask(steps, urgency) {
      for (const step of steps) {
        if (this.frames.has(step) || this.#refused.has(step)) continue;
        const flying = this.#flying.get(step);
        if (flying && flying.urgency !== SPARE) continue;
        this.#spare();
        if (this.#flying.size >= (this.hooks.hurried() ? AT_ONCE : 1)) return false;
        this.#fetch(step, urgency).then(() => this.pump(), () => {});
        if (urgency === SPARE) return false;
      }
      return true;
    }

    // What waits for an idle server is given up for what is needed sooner.
    #spare() {
      for (const [step, { control, urgency }] of this.#flying) {
        if (urgency !== SPARE) continue;
        control.abort();
        this.#flying.delete(step);
      }
    }

    /** The viewer went from one step to another. After a jump nothing is fetched ahead for a while: the next may follow. */
    moved(from, to) {
      if (Math.abs(to - from) < 2 || this.hooks.hurried()) return;
      this.#spare();
      clearTimeout(this.#held);
      this.#held = setTimeout(() => {
        this.#held = null;
        this.pump();
      }, CALM);
    }

    /** Whether the viewer waits for a frame, be it a draft. */
    get awaited() {
      return this.drafting || this.#flying.has(this.#exact?.step);
    }

    /** Whether a draft is on its way. */
    get drafting() {
      return this.#draft !== null;
    }

    /** Whether the frame of `step` is on its way. */
    coming(step) {
      return this.#flying.has(step);
    }

    /** The viewer may want `step` next. A newer hint gives up an older one. */
    hint(step) {
      if (step === this.#hint) return;
      this.#unhint(step);
      if (this.closed || this.asleep || this.awaited || this.frames.has(step) || this.#flying.has(step)) return;
      this.#spare();
      this.#hint = step;
      const over = () => step === this.#hint && (this.#hint = null);
      this.#fetch(step, AHEAD).then(over, over);
    }

    // The hint was wrong, unless it was this step.
    #unhint(step) {
      if (this.#hint !== step) this.#flying.get(this.#hint)?.control.abort();
      this.#hint = null;
    }

    /** The frame of `step`, now. A newer call aborts the fetch of an older one, and of a draft. */
    async exact(step) {
      this.#clear(step);
      if (this.frames.has(step)) return this.frames.get(step);
      const flying = this.#flying.get(step);
      if (flying && !flying.urgency) return flying.promise;
      this.#mayFetch();
      // The server is to know that it is urgent now. A fetch under way goes on: given up, its drawing would begin anew.
      const promise = this.#fetch(step);
      this.#exact = { step, control: this.#flying.get(step).control };
      return promise;
    }

    /** A draft of `step`, soon, or its frame if that comes as soon: `meta.draft` tells. One at a time. */
    async draft(step) {
      this.#clear(step);
      this.#mayFetch();
      const control = (this.#draft = new AbortController());
      try {
        return await this.#load(step, control, { draft: 1 });
      } finally {
        if (this.#draft === control) this.#draft = null;
      }
    }

    // Gives up what else than `step` has been asked for.
    #clear(step) {
      if (this.#exact && this.#exact.step !== step) this.#exact.control.abort();
      this.#draft?.abort();
      this.#draft = null;
      this.#spare();
      this.#unhint(step);
    }

    #mayFetch() {
      if (this.closed || this.asleep) throw new DOMException("not fetching", "AbortError");
    }

    #fetch(step, urgency = null) {
      const control = new AbortController();
      const promise = this.#load(step, control, { urgency });
      this.#flying.set(step, { control, promise, urgency });
      const landed = () => this.#flying.get(step)?.promise === promise && this.#flying.delete(step);
      promise.then(landed, landed);
      return promise;
    }

    async #load(step, control, { urgency = null, draft = 0 }) {
      const start = performance.now();
      try {
        const frame = await this.source.frame(this.link, this.view, step, { signal: control.signal, urgency, draft, asker: this.#asker });
        if (this.closed) throw new DOMException("closed", "AbortError");
        const took = (performance.now() - start) / 1000;
        if (urgency !== SPARE && !draft) this.seconds += 0.2 * (took - this.seconds);
        if (!urgency) this.#waited(step, took, Boolean(frame.meta.draft));
        this.#retry = 1000;
        if (!frame.meta.draft) this.frames.put(step, frame);
        this.hooks.arrived(step);
        return frame;
      } catch (error) {
        if (!this.closed && !this.asleep && error.name !== "AbortError") this.#troubled(step, error);
        throw error;
      }
    }

    // A full picture takes about twice as long as a draft; right after its own draft, which is being drawn, longer still.
    #waited(step, took, draft) {
      const after = !draft && step === this.#drafted;
      this.#drafted = draft ? step : null;
      if (after) return;
      const full = draft ? 2 * took : took;
      this.wait = full + 0.8 * ((this.wait ?? full) - full);
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
      this.#draft?.abort();
      for (const { control } of this.#flying.values()) control.abort();
      this.#flying.clear();
    }

    /** How many frames a second can be fetched, about. */
    get pace() {
      return AT_ONCE / Math.max(0.005, this.seconds);
    }
  };

  /** Steps wanted, in order of need: the next ones of the playhead or both neighbours, its sequence, every step. */
  parts.wanted = (course) => ({ next: next(course), sequence: coarse(course.sequence), every: coarse(course.every) });

  function* next({ sequence, every, step, at, stride, playing, loop }) {
    const end = sequence.length - 1;
    for (let ahead = 1; playing && ahead <= NEXT; ahead++) {
      const index = (Math.floor(at / stride) + ahead) * stride;
      if (index <= end) yield sequence[index];
      else yield loop ? sequence[Math.min(end, index - end)] : sequence[end];
    }
    if (!playing) for (const near of [step + 1, step - 1]) if (near >= every[0] && near <= every.at(-1)) yield near;
  }

  // Every 16th, every 4th, then the others, as far as the cache may hold them.
  function* coarse(steps) {
    for (const each of [16, 4, 1]) {
      if (steps.length / each > parts.MOST_FRAMES) continue;
      for (let index = 0; index < steps.length; index += each) yield steps[index];
    }
  }
})();
